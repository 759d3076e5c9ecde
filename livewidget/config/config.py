"""`LiveConfig`, its parts, its flat view, and its validation.

`LiveConfig` is everything about a session except whom it is with. Its values are validated when it is made,
and whether a model takes them by `check`. Both follow the table `livewidget.models.FEATURES`, and look at the
fields that are set only. The flat view is the same configuration as JSON values by feature name, as the
widget's settings and "Copy as code" use it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from livewidget.errors import ConfigError
from livewidget.models import (
    FEATURES,
    FEATURES_BY_NAME,
    INT32,
    LANGUAGES,
    MODELS,
    VOICES,
    Feature,
    Model,
    language_code,
)
from livewidget.text import capitalized

Sensitivity = Literal["low", "high"]
TurnCoverage = Literal["only_activity", "all_input", "audio_activity_and_all_video"]


@dataclass(frozen=True, kw_only=True)
class TurnDetection:
    """How the end of the user's turn is detected.

    Attributes:
        mode: "automatic": the service detects speech; "push_to_talk": the user marks start and end.
        silence_ms: Silence that ends the user's turn, in ms; None: the service's own (about 800).
        prefix_padding_ms: Speech needed before a turn begins, in ms; None: the service's own.
        start_sensitivity: "high" takes more sounds for speech, "low" fewer.
        end_sensitivity: "high" ends speech sooner, "low" later.
        interrupts: Whether the user's speech stops the model's.
        turn_coverage: What belongs to the user's turn; None: the model's default.
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
    """How speech is transcribed.

    Attributes:
        languages: Languages expected, by name or as BCP-47 codes such as "en-US"; a hint.
        vocabulary: Words that are hard to guess: names, terms; at most 1000, best below 100.
        mode: "VERBATIM" or "SMART", on models that only transcribe.
    """

    languages: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    mode: Literal["VERBATIM", "SMART"] | None = None

    def __post_init__(self) -> None:
        if _are_texts(self.languages):
            codes = tuple(_as_code(name, "languages") for name in self.languages)
            object.__setattr__(self, "languages", codes)


@dataclass(frozen=True, kw_only=True)
class Compression:
    """How a context that grows too long is shortened: the oldest turns are dropped.

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
        target: Language to translate to, by name, such as "Polish", or as a BCP-47 code such as "pl".
        echo: Whether speech that is already in that language is repeated.
    """

    target: str
    echo: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.target, str) and self.target:
            object.__setattr__(self, "target", _as_code(self.target, "translation"))


@dataclass(frozen=True, kw_only=True)
class LiveConfig:
    """Everything about a session except whom it is with. What is None is left to the service.

    Making one raises `ConfigError` for a value that no model takes: out of range, or of the wrong type.

    Attributes:
        system_instruction: Who the model is and how it should behave.
        voice: Name of a prebuilt voice, such as "Kore", in any case.
        language: By name, such as "Spanish", or as a BCP-47 code such as "es"; honored by older models only,
            the newer ones ignore it and follow the conversation.
        temperature: 0 to 2; how varied the answers are.
        top_p: 0 to 1; share of likely words to choose from.
        top_k: 1 or more; number of likely words to choose from.
        max_output_tokens: 1 or more; length at which an answer is cut.
        presence_penalty: -2 to 2; above 0, words that have not been used yet are preferred.
        frequency_penalty: -2 to 2; above 0, a word becomes less likely each time it is used.
        seed: For answers that can be repeated, as far as the service can.
        modalities: What the model answers in: ("AUDIO",), or ("TEXT",) where the model can.
        thinking: A level ("minimal", "low", "medium", "high") or a budget in tokens (0 off, -1 automatic):
            which of the two depends on the model.
        include_thoughts: Whether summaries of the thinking are sent.
        media_resolution: "low", "medium" or "high": how many tokens a picture costs.
        turn_detection: How turns are detected.
        input_transcript: Whether the user's speech is transcribed, or how.
        output_transcript: Whether the model's speech is transcribed, or how.
        vad_signal: Whether the service reports detected speech in messages of their own; Vertex AI only.
        resumption: Whether the service should issue handles that outlast the connection.
        transparent_resumption: Whether it reports which messages it has consumed; Vertex AI only.
        compression: Whether the context is shortened before it is full, or how.
        proactive_audio: Whether the model may choose to stay silent; models since 3.8 always may.
        affective_dialog: Whether the model responds to the tone of voice.
        translation: On translating models, the language to translate to.
        seed_history: Whether the first content sent is history; some models require it, all accept it.
        safety: Harm category to threshold, such as {"HARASSMENT": "BLOCK_NONE"}.
        google_search: Whether the model may search.
        code_execution: Whether the model may run code that it writes, on the service's side.
        url_context: Whether the model may read pages whose addresses it is given.
        hold_while_calling: Whether what the user sends is held back while the model waits for a function, on
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

    def __post_init__(self) -> None:
        if isinstance(self.voice, str):
            object.__setattr__(self, "voice", _VOICES_BY_LOWER.get(self.voice.strip().lower(), self.voice))
        if isinstance(self.language, str) and self.language:
            object.__setattr__(self, "language", _as_code(self.language, "language"))
        _validate_types(self)
        _validate_values(self)
        _validate_combinations(self)

    @classmethod
    def from_kwargs(cls, **kwargs: Any) -> LiveConfig:
        """Make a configuration from keywords as a person types them.

        A single modality may be a string; `turn_detection` the mode or a dict of its fields; `translation`
        the target language or a dict; transcripts and `compression` a dict of their fields.

        Raises:
            ConfigError: If a keyword is unknown (with the nearest known one), or a value cannot be used.
        """
        _require_known_names(cls, kwargs, "A session")
        if "modalities" in kwargs:
            kwargs["modalities"] = _as_tuple(kwargs["modalities"])
        for name, member in _MAIN_MEMBERS.items():
            if isinstance(kwargs.get(name), str):
                kwargs[name] = {member: kwargs[name]}
        for name, part in _PARTS.items():
            if isinstance(kwargs.get(name), Mapping):
                kwargs[name] = _make_part(part, kwargs[name], name)
        return cls(**kwargs)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> LiveConfig:
        """Make a configuration from JSON values by feature name; None stands for the default.

        Raises:
            ConfigError: If a name is unknown, or a value cannot be used.
        """
        return cls.from_kwargs(**_values_to_kwargs(values))

    def values(self) -> dict[str, Any]:
        """Return what differs from the default, as JSON values by feature name."""
        values: dict[str, Any] = {}
        for feature, value in _set_features(self):
            if feature.name in ("thinking_level", "thinking_budget"):
                if isinstance(value, int) == (feature.name == "thinking_budget"):
                    values[feature.name] = value if isinstance(value, int) else value.lower()
            elif feature.kind == "switch" and not isinstance(value, bool):
                if feature.default is not True:
                    values[feature.name] = True  # A part means yes; its members follow under their own names.
            elif feature.name == "modalities":
                values[feature.name] = value[0] if len(value) == 1 else list(value)
            else:
                values[feature.name] = _to_json(value)
        return values

    def kwargs(self) -> dict[str, Any]:
        """Return the fewest keywords that make this configuration, as a person would type them."""
        kwargs = _values_to_kwargs(self.values())
        for part, member in _MAIN_MEMBERS.items():
            if isinstance(kwargs.get(part), dict) and set(kwargs[part]) == {member}:
                kwargs[part] = kwargs[part][member]
        order = list(dict.fromkeys(feature.config_path.partition(".")[0] for feature in FEATURES))
        return {name: kwargs[name] for name in order if name in kwargs}

    def check(self, model: Model) -> None:
        """Make sure that `model` takes this configuration, as far as the table knows the model.

        Raises:
            ConfigError: It names the field, the model, what it accepts, and which models do have it.
        """
        if not model.known:
            return
        if model.status == "shut down":
            instead = f"; {model.successor} takes its place" if model.successor else ""
            raise ConfigError(f"{model.id} was shut down{instead}.")
        _check_agent(self, model)
        _check_modalities(self, model)
        _check_thinking(self, model)
        _check_voice(self, model)
        for feature, _ in _set_features(self):
            if feature.config_path not in _CHECKED_BY_MODEL and not feature.supported_by(model):
                name = _SHORT_NAMES.get(feature.name, feature.name)
                raise _unsupported(name, model, feature.otherwise, feature.supported_by)
        _check_translation(self, model)

    def warnings(self, model: Model) -> list[str]:
        """Return a sentence for each field that is set and that the service ignores for `model`."""
        return [
            f"{model.id} ignores {feature.config_path}: {feature.otherwise}."
            for feature, _ in _set_features(self)
            if model.known and feature.support(model) == "ignored"
        ]

    def api_version(self, model: Model) -> str:
        """Return the version of the API to dial for this configuration on `model`."""
        if model.alpha_version is not None and (self.proactive_audio or self.affective_dialog):
            return model.alpha_version
        return model.api_version


_VOICES_BY_LOWER: Final = {name.lower(): name for name in VOICES}
#: Fields that are classes with fields of their own.
_PARTS: Final[dict[str, type[Any]]] = {
    "turn_detection": TurnDetection,
    "input_transcript": Transcription,
    "output_transcript": Transcription,
    "compression": Compression,
    "translation": Translation,
}
#: The member of a part that a plain string in place of the part stands for.
_MAIN_MEMBERS: Final = {"turn_detection": "mode", "translation": "target"}


def check_tool(model: Model, name: str, behavior: str | None, scheduling: str | None = None) -> None:
    """Make sure that `model` calls functions, and treats this one's calls as it is declared.

    Args:
        model: What the model accepts; one that the table does not know takes everything.
        name: The function.
        behavior: "BLOCKING", "NON_BLOCKING", or None: the model's own.
        scheduling: When the model speaks of its results; None: the model's own.

    Raises:
        ConfigError: It says what the model takes, and which models do take that.
    """
    if not model.known:
        return
    if not model.tools and model.takes is not None:
        raise ConfigError(
            f"{capitalized(model.settings_of)} calls no functions of the notebook: leave the tools out."
        )
    if not model.tools:
        raise ConfigError(f"{model.id} calls no functions; leave the tools out or choose another model.")
    if behavior is not None and behavior not in model.tool_behaviors:
        raise _unsupported(
            f"{behavior[:20]} for the tool {name}",
            model,
            f"it accepts {' or '.join(model.tool_behaviors)}",
            lambda row: behavior in row.tool_behaviors,
        )
    if scheduling is not None and not model.scheduling:
        raise _unsupported(
            f"scheduling for the tool {name}",
            model,
            "it decides itself when it speaks of a result",
            lambda row: row.scheduling,
        )


def _as_code(language: str, where: str) -> str:
    """Return the BCP-47 code of a language given by name or code."""
    code = language_code(language)
    if code is None:
        near = nearest(language, LANGUAGES.values())
        hint = f"did you mean {near}?" if near else 'give a name such as "Spanish", or a code such as "es".'
        raise ConfigError(f"{where} cannot be {_safe_repr(language)}; {hint}")
    return code


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` spelled most like `name`, whatever the case, or None if none is near."""
    by_lower = {known.lower(): known for known in names}
    # Chosen: half of the letters in common, which finds transposed words and swapped letters.
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[near[0]] if near else None


def _set_features(config: LiveConfig) -> Iterator[tuple[Feature, Any]]:
    """Yield each feature that `config` sets to something else than its default, with its value.

    The two features of `thinking`, its level and its budget, come both.
    """
    for feature in FEATURES:
        value: Any = config
        for name in feature.config_path.split("."):
            value = getattr(value, name, None)  # None: the feature's part is True, False or None
        default = feature.default
        # A number is not the switch that it equals: 1 is not True here.
        if value is not None and (
            value != default or isinstance(value, bool) is not isinstance(default, bool)
        ):
            yield feature, value


#: What else `LiveWidget` and `connect` take, for whoever misspells it.
_NOT_CONFIG: Final = ("model", "api_key", "tools", "history", "reconnect", "limits", "explorer", "approve")
#: What other libraries call it, and people who come from them.
_OTHER_NAMES: Final = {
    "config": "**config.kwargs()",
    "key": "api_key",
    "apikey": "api_key",
    "token": "Gemini(…, token=…)",
    "credentials": "VertexAI(…, credentials=…)",
    "project": "VertexAI(…, project=…)",
    "base_url": "Gemini(…, base_url=…)",
    "url": "Gemini(…, base_url=…)",
    "model_name": "model",
    "model_id": "model",
    "provider": "model",
    "prompt": "system_instruction",
    "system": "system_instruction",
    "instructions": "system_instruction",
    "instruction": "system_instruction",
    "persona": "system_instruction",
    "voice_name": "voice",
    "speaker": "voice",
    "speech_config": "voice",
    "lang": "language",
    "language_code": "language",
    "functions": "tools",
    "messages": "history",
    "response_modalities": "modalities",
    "output": "modalities",
    "max_tokens": "max_output_tokens",
    "thinking_level": "thinking",
    "thinking_budget": "thinking",
    "thinking_config": "thinking",
    "vad": "turn_detection",
    "push_to_talk": 'turn_detection="push_to_talk"',
    "silence_ms": 'turn_detection={"silence_ms": …}',
    "transcription": "input_transcript",
    "vocabulary": 'input_transcript={"vocabulary": […]}',
    "search": "google_search",
    "safety_settings": "safety",
    "target_language": "translation",
    "translate": "translation",
    "timeout": "limits=Limits(ask_s=…)",
}


def _make_part(part: type[Any], values: Mapping[str, Any], name: str) -> Any:
    _require_known_names(part, values, name)
    if part is Translation and "target" not in values:
        raise ConfigError('translation needs its target language, such as translation="pl".')
    lists = ("languages", "vocabulary")
    return part(**{name: _as_tuple(value) if name in lists else value for name, value in values.items()})


def _require_known_names(cls: type[Any], values: Mapping[str, Any], where: str) -> None:
    names = [info.name for info in fields(cls)]
    for name in values:
        if name not in names:
            word = str(name).lower()
            near = _OTHER_NAMES.get(word) if cls is LiveConfig else None
            near = near or nearest(word, [*names, *_NOT_CONFIG] if cls is LiveConfig else names)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(names)}."
            raise ConfigError(f"{where} has no option {str(name)[:40]!r}; {hint}")


def _as_tuple(value: Any) -> Any:
    """Return a tuple where a person may write a single text or a list; anything else as it is."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _values_to_kwargs(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of `LiveConfig.from_kwargs` for values by feature name.

    Raises:
        ConfigError: If a name is unknown.
    """
    kwargs: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        feature = FEATURES_BY_NAME.get(name)
        if feature is None:
            near = nearest(str(name), FEATURES_BY_NAME)
            hint = f"; did you mean {near}?" if near else "."
            raise ConfigError(f"There is no field {str(name)[:40]!r}{hint}")
        part, dot, member = feature.config_path.partition(".")
        if value is None:
            continue
        if dot:
            parts.setdefault(part, {})[member] = value
        else:
            kwargs[part] = value
    for part, members in parts.items():
        if kwargs.get(part) is not False:  # What is off has no members.
            kwargs[part] = members
    return kwargs


def _to_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _to_json(item) for name, item in value.items()}
    return [_to_json(item) for item in value] if isinstance(value, tuple | list) else value


#: What a field that is a part, or that may be of several types, may be; with the words for an error.
_TYPES: Final[tuple[tuple[str, tuple[type, ...], str], ...]] = (
    ("thinking", (str, int, type(None)), "a level or a number of tokens"),
    ("turn_detection", (TurnDetection,), 'a TurnDetection, or "push_to_talk"'),
    ("input_transcript", (bool, Transcription), "True, False or a Transcription"),
    ("output_transcript", (bool, Transcription), "True, False or a Transcription"),
    ("compression", (bool, Compression), "True, False or a Compression"),
    ("translation", (Translation, type(None)), "a language code or a Translation"),
)
#: Fields that `_validate_types` deals with, where values differ from model to model.
_VALIDATED_BY_TYPE: Final = ("thinking", "input_transcript", "output_transcript", "compression", "modalities")
#: Most terms of a vocabulary: the service's limit, by the reference of `AudioTranscriptionConfig`.
_MAX_TERMS: Final = 1000


def _validate_types(config: LiveConfig) -> None:
    for name, types, expected in _TYPES:
        value = getattr(config, name)
        if not isinstance(value, types):
            raise ConfigError(f"{name} must be {expected}, not {type(value).__name__}.")
    if isinstance(config.thinking, bool):
        raise ConfigError("thinking must be a level or a number of tokens, not a bool.")
    if not config.modalities or not _are_texts(config.modalities):
        raise ConfigError('modalities must be names, such as ("AUDIO",).')


def _validate_values(config: LiveConfig) -> None:
    """Make sure that fields hold what they are for: numbers in their ranges, words among their choices."""
    for feature, value in _set_features(config):
        if feature.config_path not in _VALIDATED_BY_TYPE:
            expected = _expected_instead(feature, value)
            if expected is not None:
                raise ConfigError(f"{feature.config_path} must be {expected}.")


def _validate_combinations(config: LiveConfig) -> None:
    if config.turn_detection.mode == "push_to_talk":
        for name in ("silence_ms", "prefix_padding_ms", "start_sensitivity", "end_sensitivity"):
            if getattr(config.turn_detection, name) is not None:
                raise ConfigError(f"turn_detection.{name} has no meaning with push_to_talk: leave it out.")
    terms = config.input_transcript.vocabulary if isinstance(config.input_transcript, Transcription) else ()
    if len(terms) > _MAX_TERMS:
        raise ConfigError(
            f"input_transcript.vocabulary may have {_MAX_TERMS} terms, and this has {len(terms)}; "
            "leave some out."
        )
    if config.translation is not None and not config.translation.target:
        raise ConfigError('translation needs its target language, such as translation="pl".')
    if not _are_texts((*config.safety, *config.safety.values())):
        raise ConfigError(
            'safety must name a threshold for each category, as in {"HARASSMENT": "BLOCK_NONE"}.'
        )
    if config.transparent_resumption and not config.resumption:
        raise ConfigError("transparent_resumption needs resumption: leave it on.")


def _expected_instead(feature: Feature, value: Any) -> str | None:
    """Return what a value that the feature cannot hold must be instead, for an error; None if it can."""
    match feature.kind:
        case "switch" if not isinstance(value, bool):
            return f"True or False, not {_safe_repr(value)}"
        case "number":
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            low, high = feature.lowest, feature.highest
            if not number or (feature.whole and value != int(value)) or not low <= value <= high:
                kind = "a whole number" if feature.whole else "a number"
                span = f"from {low:g} to {high:g}" if high < INT32 else f"of {low:g} or more"
                return f"{kind} {span}, not {_safe_repr(value)}"
        case "text" | "choice" if not isinstance(value, str):
            return f"text, not {type(value).__name__}"
        case "choice" if feature.choices and value not in feature.choices:
            return f"{_either(feature.choices)}, not {_safe_repr(value)}"
        case "names" if not _are_texts(value):
            return "a tuple of texts"
        case "json" if not isinstance(value, Mapping):
            return f"a dict, not {type(value).__name__}"
    return None


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(text, str) for text in value)


#: Fields whose values differ from model to model, which have a check of their own.
_CHECKED_BY_MODEL: Final = ("thinking", "modalities", "voice")
#: Features that people know under a shorter name.
_SHORT_NAMES: Final = {"turn_detection.mode": "push_to_talk", "translation.target": "translation"}


def _check_agent(config: LiveConfig, model: Model) -> None:
    """Make sure that an agent passes on all that is set; whatever it does not is set in its own code."""
    if model.takes is None:
        return
    taken = {FEATURES_BY_NAME[name].config_path for name in model.takes}
    for feature, _ in _set_features(config):
        if feature.config_path in taken:
            continue
        if feature.name == "turn_detection.mode":
            raise ConfigError(
                f"push_to_talk does not work with {model.settings_of}, which finds out by itself when you "
                "have finished speaking: leave it out."
            )
        raise ConfigError(
            f"{feature.config_path} is a setting of {model.settings_of}: change it in its code."
        )


def _check_modalities(config: LiveConfig, model: Model) -> None:
    if len(config.modalities) != 1:
        raise ConfigError(
            f"modalities must name exactly one: {model.id} answers in {_either(model.modalities)}."
        )
    wanted = config.modalities[0]
    if wanted not in model.modalities:
        raise _unsupported(
            f'modalities ("{wanted[:20]}",)',
            model,
            f"it answers in {_either(model.modalities)} only",
            lambda row: wanted in row.modalities,
        )


def _check_thinking(config: LiveConfig, model: Model) -> None:
    thinking = config.thinking
    if thinking is None:
        if model.thinking_required:
            raise ConfigError(f"{model.id} needs thinking: {_either(_levels(model))}.")
        return
    kind = "budget" if isinstance(thinking, int) else "level"
    if model.thinking != kind:
        takes = "it does not think"
        if model.thinking == "budget":
            takes = "it takes a number of tokens, such as thinking=1024"
        elif model.thinking == "level":
            takes = f"it takes a level, {_either(_levels(model))}"
        raise _unsupported(f"thinking as a {kind}", model, takes, lambda row: row.thinking == kind)
    if isinstance(thinking, int):
        if not FEATURES_BY_NAME["thinking_budget"].lowest <= thinking <= INT32:
            raise ConfigError(
                f"thinking must be a number of tokens, 0 for none or -1 for automatic, not {thinking}."
            )
    elif thinking.lower() not in _levels(model):
        raise _unsupported(
            f'thinking "{thinking[:20]}"',
            model,
            f"it takes {_either(_levels(model))}",
            lambda row: thinking.lower() in _levels(row),
        )


def _levels(model: Model) -> tuple[str, ...]:
    return FEATURES_BY_NAME["thinking_level"].choices_for(model)


def _check_voice(config: LiveConfig, model: Model) -> None:
    voice = config.voice
    if voice is None or voice in model.voices:
        return
    if not model.voices:
        otherwise = FEATURES_BY_NAME["voice"].otherwise
        raise _unsupported("voice", model, otherwise, lambda row: voice in row.voices)
    if voice in VOICES:
        raise _unsupported(
            f"voice {voice}", model, f"it has {', '.join(model.voices)}", lambda row: voice in row.voices
        )
    near = nearest(voice, model.voices)
    hint = f"did you mean {near}?" if near else f"it has {', '.join(model.voices)}."
    raise ConfigError(f"{model.id} has no voice {_safe_repr(voice)}; {hint}")


def _check_translation(config: LiveConfig, model: Model) -> None:
    if not model.translation:
        return
    if config.translation is None:
        raise ConfigError(
            f'{model.id} needs translation="…", the language to translate to; without it, it is silent.'
        )
    if model.translation_by_language and config.language not in (None, config.translation.target):
        raise ConfigError(f"{model.id} takes one language, the one to translate to: leave language out.")


def _unsupported(name: str, model: Model, accepts: str, supported_by: Callable[[Model], Any]) -> ConfigError:
    """Return the error for a field that `model` does not take; it names up to four models that do."""
    able = [row for row in MODELS if row.status not in ("shut down", "private") and supported_by(row)]
    here = [row for row in able if row.service == model.service] or able
    others = [row_id for row_id in dict.fromkeys(row.id for row in here) if row_id != model.id][:4]
    where = f"; {', '.join(others)} {'does' if len(others) == 1 else 'do'}" if others else ""
    return ConfigError(f"{model.id} does not take {name}: {accepts}{where}.")


def _either(names: Iterable[str]) -> str:
    """Return `"a", "b" or "c"`."""
    *rest, last = [f'"{name}"' for name in names]
    return f"{', '.join(rest)} or {last}" if rest else last


def _safe_repr(value: object) -> str:
    """Return a value as an error may show it: numbers and short words, never a text that may be private."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= 30):
        return repr(value)
    return f"a {type(value).__name__}"
