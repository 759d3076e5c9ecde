"""Whether the values of a `LiveConfig` can be used at all, and whether one model takes them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from livewidget.config.parts import Compression, Transcription, Translation, TurnDetection
from livewidget.errors import ConfigError
from livewidget.models import MODELS, VOICES, Model

if TYPE_CHECKING:
    from livewidget.config.live import LiveConfig

_INT32 = 2**31 - 1


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` spelled most like `name`, whatever the case, or None if none is near."""
    by_lower = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[near[0]] if near else None


# --- Values, whatever the model ---------------------------------------------------------------------------

_RANGES: tuple[tuple[str, float, float, bool], ...] = (
    # field, lowest, highest, whole numbers only
    ("temperature", 0, 2, False),
    ("top_p", 0, 1, False),
    ("top_k", 1, _INT32, True),
    ("max_output_tokens", 1, _INT32, True),
    ("seed", -_INT32 - 1, _INT32, True),
    ("turn_detection.silence_ms", 0, _INT32, True),
    ("turn_detection.prefix_padding_ms", 0, _INT32, True),
    ("compression.trigger_tokens", 1, _INT32, True),
    ("compression.target_tokens", 0, _INT32, True),
)

_CHOICES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("media_resolution", ("low", "medium", "high")),
    ("turn_detection.mode", ("automatic", "push_to_talk")),
    ("turn_detection.start_sensitivity", ("low", "high")),
    ("turn_detection.end_sensitivity", ("low", "high")),
    ("turn_detection.turn_coverage", ("only_activity", "all_input", "audio_activity_and_all_video")),
    ("input_transcript.mode", ("VERBATIM", "SMART")),
)

_SWITCHES = (
    "include_thoughts",
    "resumption",
    "proactive_audio",
    "affective_dialog",
    "seed_history",
    "google_search",
    "turn_detection.interrupts",
    "translation.echo",
)

_TYPES: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("system_instruction", (str, type(None)), "text"),
    ("voice", (str, type(None)), "the name of a voice"),
    ("language", (str, type(None)), 'a language code such as "en-US"'),
    ("thinking", (str, int, type(None)), "a level or a number of tokens"),
    ("turn_detection", (TurnDetection,), 'a TurnDetection, or "push_to_talk"'),
    ("input_transcript", (bool, Transcription), "True, False or a Transcription"),
    ("output_transcript", (bool, Transcription), "True, False or a Transcription"),
    ("compression", (bool, Compression), "True, False or a Compression"),
    ("translation", (Translation, type(None)), "a language code or a Translation"),
    ("safety", (Mapping,), "a dict of harm category to threshold"),
    ("extra", (Mapping,), "a dict of the setup's fields"),
)


def _get(config: LiveConfig, path: str) -> Any:
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def check_types(config: LiveConfig) -> None:
    """Make sure that fields hold what they are for.

    Raises:
        ConfigError: It names the field and what it must be.
    """
    for path, kinds, expected in _TYPES:
        if not isinstance(_get(config, path), kinds):
            raise ConfigError(f"{path} must be {expected}, not {type(_get(config, path)).__name__}.")
    for path in _SWITCHES:
        if not isinstance(_get(config, path), (bool, type(None))):
            raise ConfigError(f"{path} must be True or False, not {_shown(_get(config, path))}.")
    for path in ("input_transcript.languages", "input_transcript.vocabulary", "output_transcript.languages"):
        value = _get(config, path)
        if value is not None and not _are_texts(value):
            raise ConfigError(f"{path} must be a tuple of texts.")
    if config.thinking is True or config.thinking is False:
        raise ConfigError("thinking must be a level or a number of tokens, not a bool.")
    if not config.modalities or not _are_texts(config.modalities):
        raise ConfigError('modalities must be names, such as ("AUDIO",).')


def check_ranges(config: LiveConfig) -> None:
    """Make sure that numbers are in their ranges and words among their choices.

    Raises:
        ConfigError: It names the field, what it may be, and what it is.
    """
    for path, low, high, whole in _RANGES:
        value = _get(config, path)
        if value is None:
            continue
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number or (whole and value != int(value)) or not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            span = f"from {low:g} to {high:g}" if high < _INT32 else f"of {low:g} or more"
            raise ConfigError(f"{path} must be {kind} {span}, not {_shown(value)}.")
    for path, choices in _CHOICES:
        value = _get(config, path)
        if value is not None and value not in choices:
            raise ConfigError(f"{path} must be {_either(choices)}, not {_shown(value)}.")
    if config.turn_detection.mode == "push_to_talk":
        for name in ("silence_ms", "prefix_padding_ms", "start_sensitivity", "end_sensitivity"):
            if getattr(config.turn_detection, name) is not None:
                raise ConfigError(f"turn_detection.{name} has no meaning with push_to_talk: leave it out.")


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(text, str) for text in value)


def _shown(value: object) -> str:
    """A value as an error may show it: numbers and short words, never a text that may be private."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= 30):
        return repr(value)
    return f"a {type(value).__name__}"


def _either(names: Iterable[str]) -> str:
    *rest, last = [f'"{name}"' for name in names]
    return f"{', '.join(rest)} or {last}" if rest else last


# --- Values, on one model ---------------------------------------------------------------------------------


def _refuse(name: str, model: Model, accepts: str, has: Callable[[Model], bool]) -> ConfigError:
    """The error for a field that `model` does not take. `has` tells which rows of the table do."""
    able = [row for row in MODELS if row.status not in ("shut down", "private") and has(row)]
    here = [row for row in able if row.service == model.service] or able
    others = [row_id for row_id in dict.fromkeys(row.id for row in here) if row_id != model.id][:4]
    where = f"; {', '.join(others)} {'does' if len(others) == 1 else 'do'}" if others else ""
    return ConfigError(f"{model.id} does not take {name}: {accepts}{where}.")


def _check_modalities(config: LiveConfig, model: Model) -> None:
    if len(config.modalities) != 1:
        raise ConfigError(
            f"modalities must name exactly one: {model.id} answers in {_either(model.modalities)}."
        )
    wanted = config.modalities[0]
    if wanted not in model.modalities:
        raise _refuse(
            f'modalities ("{wanted[:20]}",)',
            model,
            f"it answers in {_either(model.modalities)} only",
            lambda row: wanted in row.modalities,
        )


def _check_thinking(config: LiveConfig, model: Model) -> None:
    thinking = config.thinking
    if thinking is None:
        if model.thinking_required:
            levels = _either(level.lower() for level in model.thinking_levels)
            raise ConfigError(f"{model.id} needs thinking: {levels}.")
        if config.include_thoughts and model.thinking is None:
            raise _refuse(
                "include_thoughts", model, "it does not think", lambda row: row.thinking is not None
            )
        return
    kind = "budget" if isinstance(thinking, int) else "level"
    if model.thinking != kind:
        takes = "it does not think"
        if model.thinking == "budget":
            takes = "it takes a number of tokens, such as thinking=1024"
        elif model.thinking == "level":
            takes = f"it takes a level, {_either(level.lower() for level in model.thinking_levels)}"
        raise _refuse(f"thinking as a {kind}", model, takes, lambda row: row.thinking == kind)
    if isinstance(thinking, int):
        if not -1 <= thinking <= _INT32:
            raise ConfigError(
                f"thinking must be a number of tokens, 0 for none or -1 for automatic, not {thinking}."
            )
    elif thinking.upper() not in model.thinking_levels:
        raise _refuse(
            f'thinking "{thinking[:20]}"',
            model,
            f"it takes {_either(level.lower() for level in model.thinking_levels)}",
            lambda row: thinking.upper() in row.thinking_levels,
        )


def _check_voice(config: LiveConfig, model: Model) -> None:
    voice = config.voice
    if voice is None or voice in model.voices:
        return
    if not model.voices:
        raise _refuse("voice", model, "its voice cannot be chosen", lambda row: voice in row.voices)
    if voice in VOICES:
        raise _refuse(
            f"voice {voice}", model, f"it has {', '.join(model.voices)}", lambda row: voice in row.voices
        )
    near = nearest(voice, model.voices)
    hint = f"did you mean {near}?" if near else f"it has {', '.join(model.voices)}."
    raise ConfigError(f"{model.id} has no voice {_shown(voice)}; {hint}")


_ONLY_SOME: tuple[tuple[str, Callable[[LiveConfig], bool], str, Callable[[Model], bool]], ...] = (
    # field, whether it is asked for, what a model without it does instead, whether a model has it
    (
        "system_instruction",
        lambda config: config.system_instruction is not None,
        "it follows no instructions",
        lambda model: model.system_instruction,
    ),
    (
        "language",
        lambda config: config.language is not None,
        "it follows the language of the conversation; ask for one in system_instruction",
        lambda model: model.languages,
    ),
    (
        "proactive_audio",
        lambda config: config.proactive_audio,
        "since 3.8 models decide by themselves when to answer, older ones always answer",
        lambda model: model.proactive_audio,
    ),
    (
        "affective_dialog",
        lambda config: config.affective_dialog,
        "it has no such mode",
        lambda model: model.affective_dialog,
    ),
    (
        "translation",
        lambda config: config.translation is not None,
        "it is not made for translating",
        lambda model: model.translation,
    ),
    (
        "google_search",
        lambda config: config.google_search,
        "it cannot search",
        lambda model: model.search,
    ),
    (
        "seed_history",
        lambda config: config.seed_history,
        "its history needs no announcing",
        lambda model: model.seeds_history,
    ),
    (
        "push_to_talk",
        lambda config: config.turn_detection.mode == "push_to_talk",
        "it always listens",
        lambda model: model.manual_activity,
    ),
)


def _check_switches(config: LiveConfig, model: Model) -> None:
    """Fields that a model has or has not."""
    for name, wanted, instead, has in _ONLY_SOME:
        if wanted(config) and not has(model):
            raise _refuse(name, model, instead, has)
    if model.translation and config.translation is None:
        raise ConfigError(
            f'{model.id} needs translation="…", the language to translate to; without it, it is silent.'
        )


_CHECKS: tuple[Callable[[LiveConfig, Model], None], ...] = (
    _check_modalities,
    _check_thinking,
    _check_voice,
    _check_switches,
)


def check_model(config: LiveConfig, model: Model) -> None:
    """Make sure that `model` takes `config`.

    Raises:
        ConfigError: It names the field, the model, what it accepts, and which models do have it.
    """
    if model.status == "shut down":
        instead = f"; {model.successor} takes its place" if model.successor else ""
        raise ConfigError(f"{model.id} was shut down{instead}.")
    for check in _CHECKS:
        check(config, model)
