"""Words for errors: near names, choices, and values that may be shown.

The parts of a `LiveConfig` that have fields of their own.

Whether the values of a `LiveConfig` can be used at all, as the table of features says.

Whether one model takes a `LiveConfig`: as its row and the table of features say.

Whether one model calls a tool in the way that it is declared.

A `LiveConfig` as a flat table of features, and as the keywords that a person would type.

`LiveConfig`: everything a session is asked to be.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from livewidget.errors import ConfigError
from livewidget.models import BY_NAME, FEATURES, INT32, MODELS, VOICES, Feature, Model
from livewidget.models import feature as feature_named


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` spelled most like `name`, whatever the case, or None if none is near."""
    by_lower = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[near[0]] if near else None


def either(names: Iterable[str]) -> str:
    """Return `"a", "b" or "c"`."""
    *rest, last = [f'"{name}"' for name in names]
    return f"{', '.join(rest)} or {last}" if rest else last


def shown(value: object) -> str:
    """A value as an error may show it: numbers and short words, never a text that may be private."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= 30):
        return repr(value)
    return f"a {type(value).__name__}"


Sensitivity = Literal["low", "high"]
TurnCoverage = Literal["only_activity", "all_input", "audio_activity_and_all_video"]


@dataclass(frozen=True, kw_only=True)
class TurnDetection:
    """How the end of what the user says is found.

    Attributes:
        mode: "automatic": the service listens for speech; "push_to_talk": the user says when.
        silence_ms: Silence that ends the user's turn, in ms; None: the service's own (about 800).
        prefix_padding_ms: Speech needed before a turn begins, in ms; None: the service's own.
        start_sensitivity: "high" takes more sounds for speech, "low" fewer.
        end_sensitivity: "high" ends speech sooner, "low" later.
        interrupts: Whether the user's speech stops the model's.
        turn_coverage: What belongs to the user's turn; None: what the model does by itself.
    """

    mode: Literal["automatic", "push_to_talk"] = "automatic"
    silence_ms: int | None = None
    prefix_padding_ms: int | None = None
    start_sensitivity: Sensitivity | None = None
    end_sensitivity: Sensitivity | None = None
    interrupts: bool = True
    turn_coverage: TurnCoverage | None = None


@dataclass(frozen=True, kw_only=True)
class Transcription:
    """How speech is written down.

    Attributes:
        languages: Languages expected, as BCP-47 codes such as "en-US"; a hint.
        vocabulary: Words that are hard to guess: names, terms; at most 1000, best below 100.
        mode: "VERBATIM" or "SMART", on models that only transcribe.
    """

    languages: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    mode: Literal["VERBATIM", "SMART"] | None = None


@dataclass(frozen=True, kw_only=True)
class Compression:
    """How a context that grows too long is shortened: the oldest turns go.

    Attributes:
        trigger_tokens: Length at which that happens; None: 80 % of the window.
        target_tokens: Length that is kept; None: half the trigger.
    """

    trigger_tokens: int | None = None
    target_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Translation:
    """Live translation, on models made for it.

    Attributes:
        target: Language to translate to, as a BCP-47 code such as "pl".
        echo: Whether speech that is in that language already is repeated.
    """

    target: str
    echo: bool = False


#: What has fields of its own, or may be of several types.
_PARTS: Final[tuple[tuple[str, tuple[type, ...], str], ...]] = (
    ("thinking", (str, int, type(None)), "a level or a number of tokens"),
    ("turn_detection", (TurnDetection,), 'a TurnDetection, or "push_to_talk"'),
    ("input_transcript", (bool, Transcription), "True, False or a Transcription"),
    ("output_transcript", (bool, Transcription), "True, False or a Transcription"),
    ("compression", (bool, Compression), "True, False or a Compression"),
    ("translation", (Translation, type(None)), "a language code or a Translation"),
)
#: Checked above as parts, or by the model, which alone knows what they may be.
_ELSEWHERE: Final = ("thinking", "input_transcript", "output_transcript", "compression", "modalities")
#: Terms of a vocabulary; the service's own limit.
_TERMS: Final = 1000


def get(config: LiveConfig, path: str) -> Any:
    """Return the value of a field, or of a part's field; None where the part is not there."""
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def check_values(config: LiveConfig) -> None:
    """Make sure that fields hold what they are for: numbers in their ranges, words among their choices.

    Raises:
        ConfigError: It names the field, what it may be, and what it is.
    """
    for path, kinds, expected in _PARTS:
        if not isinstance(get(config, path), kinds):
            raise ConfigError(f"{path} must be {expected}, not {type(get(config, path)).__name__}.")
    if isinstance(config.thinking, bool):
        raise ConfigError("thinking must be a level or a number of tokens, not a bool.")
    if not config.modalities or not _are_texts(config.modalities):
        raise ConfigError('modalities must be names, such as ("AUDIO",).')
    for feature in FEATURES:
        value = get(config, feature.where)
        if value is not None and feature.where not in _ELSEWHERE:
            _CHECKS[feature.kind](feature, value)
    _check_together(config)


def _check_together(config: LiveConfig) -> None:
    if config.turn_detection.mode == "push_to_talk":
        for name in ("silence_ms", "prefix_padding_ms", "start_sensitivity", "end_sensitivity"):
            if getattr(config.turn_detection, name) is not None:
                raise ConfigError(f"turn_detection.{name} has no meaning with push_to_talk: leave it out.")
    terms = get(config, "input_transcript.vocabulary") or ()
    if len(terms) > _TERMS:
        raise ConfigError(
            f"input_transcript.vocabulary may have {_TERMS} terms, and this has {len(terms)}; leave some out."
        )
    if config.translation is not None and not config.translation.target:
        raise ConfigError('translation needs its target language, such as translation="pl".')
    if not all(isinstance(text, str) for pair in config.safety.items() for text in pair):
        raise ConfigError(
            'safety must name a threshold for each category, as in {"HARASSMENT": "BLOCK_NONE"}.'
        )
    if config.transparent_resumption and not config.resumption:
        raise ConfigError("transparent_resumption needs resumption: leave it on.")


def _switch(feature: Feature, value: Any) -> None:
    if not isinstance(value, bool):
        raise ConfigError(f"{feature.where} must be True or False, not {shown(value)}.")


def _number(feature: Feature, value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    low, high = feature.lowest, feature.highest
    if not number or (feature.whole and value != int(value)) or not low <= value <= high:
        kind = "a whole number" if feature.whole else "a number"
        span = f"from {low:g} to {high:g}" if high < INT32 else f"of {low:g} or more"
        raise ConfigError(f"{feature.where} must be {kind} {span}, not {shown(value)}.")


def _choice(feature: Feature, value: Any) -> None:
    if not isinstance(value, str):
        raise ConfigError(f"{feature.where} must be text, not {type(value).__name__}.")
    if feature.choices and value not in feature.choices:
        raise ConfigError(f"{feature.where} must be {either(feature.choices)}, not {shown(value)}.")


def _text(feature: Feature, value: Any) -> None:
    if not isinstance(value, str):
        raise ConfigError(f"{feature.where} must be text, not {type(value).__name__}.")


def _names(feature: Feature, value: Any) -> None:
    if not _are_texts(value):
        raise ConfigError(f"{feature.where} must be a tuple of texts.")


def _json(feature: Feature, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{feature.where} must be a dict, not {type(value).__name__}.")


_CHECKS: Final[Mapping[str, Callable[[Feature, Any], None]]] = {
    "switch": _switch,
    "number": _number,
    "choice": _choice,
    "text": _text,
    "names": _names,
    "json": _json,
}


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(text, str) for text in value)


#: Fields whose values differ from model to model have a check of their own.
_OWN: Final = ("thinking", "modalities", "voice")
#: Fields that people know under a shorter name.
_CALLED: Final = {"turn_detection.mode": "push_to_talk", "translation.target": "translation"}


def check_model(config: LiveConfig, model: Model) -> None:
    """Make sure that `model` takes `config`.

    Raises:
        ConfigError: It names the field, the model, what it accepts, and which models do have it.
    """
    if model.status == "shut down":
        instead = f"; {model.successor} takes its place" if model.successor else ""
        raise ConfigError(f"{model.id} was shut down{instead}.")
    _check_modalities(config, model)
    _check_thinking(config, model)
    _check_voice(config, model)
    for one in FEATURES:
        if one.where not in _OWN and asked(config, one) and not one.has(model):
            raise refuse(_CALLED.get(one.name, one.name), model, one.instead, one.has)
    _check_translation(config, model)


def notes(config: LiveConfig, model: Model) -> list[str]:
    """Return a sentence for each field that is asked for and that `model` ignores."""
    return [
        f"{model.id} ignores {one.where}: {one.instead}."
        for one in FEATURES
        if model.known and asked(config, one) and one.taken(model) == "ignored"
    ]


def asked(config: LiveConfig, feature: Feature) -> bool:
    """Tell whether `config` says anything about a feature."""
    value = get(config, feature.where)
    if feature.kind == "switch" and not isinstance(value, bool | None):
        return True  # A part with fields of its own.
    return value is not None and value != feature.default


def refuse(name: str, model: Model, accepts: str, has: Callable[[Model], Any]) -> ConfigError:
    """The error for a field that `model` does not take. `has` tells which rows of the table do."""
    able = [row for row in MODELS if row.status not in ("shut down", "private") and has(row)]
    here = [row for row in able if row.service == model.service] or able
    others = [row_id for row_id in dict.fromkeys(row.id for row in here) if row_id != model.id][:4]
    where = f"; {', '.join(others)} {'does' if len(others) == 1 else 'do'}" if others else ""
    return ConfigError(f"{model.id} does not take {name}: {accepts}{where}.")


def _check_modalities(config: LiveConfig, model: Model) -> None:
    if len(config.modalities) != 1:
        raise ConfigError(
            f"modalities must name exactly one: {model.id} answers in {either(model.modalities)}."
        )
    wanted = config.modalities[0]
    if wanted not in model.modalities:
        raise refuse(
            f'modalities ("{wanted[:20]}",)',
            model,
            f"it answers in {either(model.modalities)} only",
            lambda row: wanted in row.modalities,
        )


def _check_thinking(config: LiveConfig, model: Model) -> None:
    thinking = config.thinking
    if thinking is None:
        if model.thinking_required:
            raise ConfigError(f"{model.id} needs thinking: {either(_levels(model))}.")
        return
    kind = "budget" if isinstance(thinking, int) else "level"
    if model.thinking != kind:
        takes = "it does not think"
        if model.thinking == "budget":
            takes = "it takes a number of tokens, such as thinking=1024"
        elif model.thinking == "level":
            takes = f"it takes a level, {either(_levels(model))}"
        raise refuse(f"thinking as a {kind}", model, takes, lambda row: row.thinking == kind)
    if isinstance(thinking, int):
        if not feature_named("thinking_budget").lowest <= thinking <= INT32:
            raise ConfigError(
                f"thinking must be a number of tokens, 0 for none or -1 for automatic, not {thinking}."
            )
    elif thinking.lower() not in _levels(model):
        raise refuse(
            f'thinking "{thinking[:20]}"',
            model,
            f"it takes {either(_levels(model))}",
            lambda row: thinking.lower() in _levels(row),
        )


def _levels(model: Model) -> tuple[str, ...]:
    return feature_named("thinking_level").choices_for(model)


def _check_voice(config: LiveConfig, model: Model) -> None:
    voice = config.voice
    if voice is None or voice in model.voices:
        return
    if not model.voices:
        raise refuse("voice", model, feature_named("voice").instead, lambda row: voice in row.voices)
    if voice in VOICES:
        raise refuse(
            f"voice {voice}", model, f"it has {', '.join(model.voices)}", lambda row: voice in row.voices
        )
    near = nearest(voice, model.voices)
    hint = f"did you mean {near}?" if near else f"it has {', '.join(model.voices)}."
    raise ConfigError(f"{model.id} has no voice {shown(voice)}; {hint}")


def _check_translation(config: LiveConfig, model: Model) -> None:
    if not model.translation:
        return
    if config.translation is None:
        raise ConfigError(
            f'{model.id} needs translation="…", the language to translate to; without it, it is silent.'
        )
    if model.translation_by_language and config.language not in (None, config.translation.target):
        raise ConfigError(f"{model.id} takes one language, the one to translate to: leave language out.")


def check_tool(model: Model, name: str, behavior: str | None, scheduling: str | None = None) -> None:
    """Make sure that `model` calls a function, and treats its calls as they are declared.

    Args:
        model: The model's row; one that the table does not know takes everything.
        name: The function.
        behavior: "BLOCKING", "NON_BLOCKING", or None: the model's own.
        scheduling: When its results are spoken of; None: the model's own.

    Raises:
        ConfigError: It says what the model takes, and which models do take that.
    """
    if not model.known:
        return
    if not model.tools:
        raise ConfigError(f"{model.id} calls no functions; leave the tools out or choose another model.")
    if behavior is not None and behavior not in model.tool_behaviors:
        raise refuse(
            f"{behavior[:20]} for the tool {name}",
            model,
            f"it accepts {' or '.join(model.tool_behaviors)}",
            lambda row: behavior in row.tool_behaviors,
        )
    if scheduling is not None and not model.scheduling:
        raise refuse(
            f"scheduling for the tool {name}",
            model,
            "it decides itself when it speaks of a result",
            lambda row: row.scheduling,
        )


#: Where a part's one field may stand for the part itself.
_SHORT: Final = {"turn_detection": "mode", "translation": "target"}


def values_of(config: LiveConfig) -> dict[str, Any]:
    """Return what `config` says and differs from the default: JSON by the feature's name."""
    values: dict[str, Any] = {}
    for feature in FEATURES:
        if not _is_of(feature, config) or not asked(config, feature):
            continue
        value = get(config, feature.where)
        if feature.kind == "switch" and not isinstance(value, bool):
            if feature.default is not True:
                values[feature.name] = True  # A part is an answer of yes, with more to it.
        elif feature.name == "modalities":
            values[feature.name] = value[0] if len(value) == 1 else list(value)
        elif feature.name == "thinking_level":
            values[feature.name] = value.lower()
        else:
            values[feature.name] = _jsonable_flat(value)
    return values


def keywords_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of `LiveConfig.of` for values by feature name; None stands for the default.

    Raises:
        ConfigError: If a name is unknown.
    """
    keywords: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        feature = BY_NAME.get(name)
        if feature is None:
            near = nearest(str(name), BY_NAME)
            hint = f"; did you mean {near}?" if near else "."
            raise ConfigError(f"There is no field {str(name)[:40]!r}{hint}")
        part, dot, field = feature.where.partition(".")
        if value is None:
            continue
        if dot:
            parts.setdefault(part, {})[field] = value
        else:
            keywords[part] = value
    for part, members in parts.items():
        if keywords.get(part) is not False:  # What is off has no fields.
            keywords[part] = members
    return keywords


def keywords_of(config: LiveConfig) -> dict[str, Any]:
    """Return the fewest keywords that make `config`, as a person would type them."""
    keywords = keywords_from(values_of(config))
    for part, member in _SHORT.items():
        if isinstance(keywords.get(part), dict) and set(keywords[part]) == {member}:
            keywords[part] = keywords[part][member]
    order = {feature.where.partition(".")[0]: place for place, feature in enumerate(FEATURES)}
    return dict(sorted(keywords.items(), key=lambda item: order[item[0]]))


def _is_of(feature: Feature, config: LiveConfig) -> bool:
    """Tell whether a value belongs to this feature: a budget and a level share one field."""
    if feature.where != "thinking":
        return True
    return isinstance(config.thinking, int) == (feature.name == "thinking_budget")


def _jsonable_flat(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _jsonable_flat(item) for name, item in value.items()}
    return [_jsonable_flat(item) for item in value] if isinstance(value, tuple | list) else value


@dataclass(frozen=True, kw_only=True)
class LiveConfig:
    """Everything about a session except whom it is with. What is None is left to the service.

    Attributes:
        system_instruction: Who the model is and how it should behave.
        voice: Name of a prebuilt voice, such as "Kore".
        language: BCP-47 code; heeded by older models only, the newer ones ignore it and follow the
            conversation.
        temperature: 0 to 2; how varied the answers are.
        top_p: 0 to 1; share of likely words to choose from.
        top_k: 1 or more; number of likely words to choose from.
        max_output_tokens: 1 or more; length at which an answer is cut.
        presence_penalty: -2 to 2; above 0, new words are preferred to those already said.
        frequency_penalty: -2 to 2; above 0, a word gets rarer the oftener it was said.
        seed: For answers that can be repeated, as far as the service can.
        modalities: What the model answers in: ("AUDIO",), or ("TEXT",) where the model can.
        thinking: A level ("minimal", "low", "medium", "high") or a budget in tokens (0 off, -1 automatic):
            which of the two depends on the model.
        include_thoughts: Whether summaries of the thinking are sent.
        media_resolution: "low", "medium" or "high": how many tokens a picture costs.
        turn_detection: How turns are found.
        input_transcript: Whether what the user says is written down, or how.
        output_transcript: Whether what the model says is written down, or how.
        vad_signal: Whether the service says in messages of their own when it hears speech; Vertex AI only.
        resumption: Whether the service should give handles that outlast the connection.
        transparent_resumption: Whether it says which messages it has taken in; Vertex AI only.
        compression: Whether the context is shortened before it is full, or how.
        proactive_audio: Whether the model may choose to stay silent; models since 3.8 always may.
        affective_dialog: Whether the model heeds the tone of voice.
        translation: On translating models, the language to translate to.
        seed_history: Whether the first content sent is history; some models must be told so, all may be.
        safety: Harm category to threshold, such as {"HARASSMENT": "BLOCK_NONE"}.
        google_search: Whether the model may search.
        code_execution: Whether the model may run code that it writes, where it lives.
        url_context: Whether the model may read pages whose addresses it is told.
        hold_while_calling: Whether what the user sends is kept back while the model waits for a function, on
            models that end the session over it; it is sent after the result.
        extra: Fields of the service's setup object that are not named here, merged into it as they are.
    """

    system_instruction: str | None = None
    voice: str | None = None
    language: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    modalities: tuple[str, ...] = ("AUDIO",)
    thinking: str | int | None = None
    include_thoughts: bool = False
    media_resolution: Literal["low", "medium", "high"] | None = None
    turn_detection: TurnDetection = field(default_factory=TurnDetection)
    input_transcript: bool | Transcription = True
    output_transcript: bool | Transcription = True
    vad_signal: bool = False
    resumption: bool = True
    transparent_resumption: bool = False
    compression: bool | Compression = False
    proactive_audio: bool = False
    affective_dialog: bool = False
    translation: Translation | None = None
    seed_history: bool = False
    safety: Mapping[str, str] = field(default_factory=dict)
    google_search: bool = False
    code_execution: bool = False
    url_context: bool = False
    hold_while_calling: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, **values: Any) -> LiveConfig:
        """Build a configuration from keywords as a person types them.

        A single modality may be a string; `turn_detection` the mode or a dict of its fields; `translation`
        the target language or a dict; transcripts and `compression` a dict of their fields.

        Raises:
            ConfigError: If a keyword is unknown (with the nearest known one), or a value cannot be used.
        """
        _known_names(cls, values, "LiveConfig")
        if "modalities" in values:
            values["modalities"] = _tuple(values["modalities"])
        if isinstance(values.get("turn_detection"), str):
            values["turn_detection"] = {"mode": values["turn_detection"]}
        if isinstance(values.get("translation"), str):
            values["translation"] = {"target": values["translation"]}
        for name, kind in _NESTED.items():
            value = values.get(name)
            if isinstance(value, Mapping):
                values[name] = _nested(kind, value, name)
        config = cls(**values)
        check_values(config)
        return config

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> LiveConfig:
        """Build a configuration from JSON values by feature name; None stands for the default.

        Raises:
            ConfigError: If a name is unknown, or a value cannot be used.
        """
        return cls.of(**keywords_from(values))

    def values(self) -> dict[str, Any]:
        """Return what differs from the default, as JSON values by feature name."""
        return values_of(self)

    def keywords(self) -> dict[str, Any]:
        """Return the fewest keywords that make this configuration, as a person would type them."""
        return keywords_of(self)

    def check(self, model: Model) -> None:
        """Make sure that `model` takes this configuration, as far as the table knows the model.

        Raises:
            ConfigError: It names the field, the model, what it accepts, and which models do have it.
        """
        check_values(self)
        if model.known:
            check_model(self, model)

    def notes(self, model: Model) -> list[str]:
        """Return a sentence for each field that is asked for and that the service ignores for `model`."""
        return notes(self, model)

    def api_version(self, model: Model) -> str:
        """Return the version of the API to dial for this configuration on `model`."""
        if model.alpha_version is not None and (self.proactive_audio or self.affective_dialog):
            return model.alpha_version
        return model.api_version


_NESTED: dict[str, type[Any]] = {
    "turn_detection": TurnDetection,
    "input_transcript": Transcription,
    "output_transcript": Transcription,
    "compression": Compression,
    "translation": Translation,
}


def _known_names(cls: type[Any], values: Mapping[str, Any], where: str) -> None:
    names = [info.name for info in fields(cls)]
    for name in values:
        if name not in names:
            near = nearest(str(name), names)
            hint = f"did you mean {near}?" if near else f"it knows {', '.join(names)}."
            raise ConfigError(f"{where} has no field {str(name)[:40]!r}; {hint}")


def _nested(kind: type[Any], value: Mapping[str, Any], where: str) -> Any:
    _known_names(kind, value, where)
    if kind is Translation and "target" not in value:
        raise ConfigError('translation needs its target language, such as translation="pl".')
    lists = ("languages", "vocabulary")
    return kind(**{name: _tuple(item) if name in lists else item for name, item in value.items()})


def _tuple(value: Any) -> Any:
    """A person writes one text where several could be, and a list for a tuple."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value
