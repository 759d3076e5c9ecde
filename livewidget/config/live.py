"""`LiveConfig`: everything a session is asked to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from livewidget.config import flat
from livewidget.config.parts import Compression, Transcription, Translation, TurnDetection
from livewidget.config.suits import check_model, notes
from livewidget.config.values import check_values
from livewidget.config.words import nearest
from livewidget.errors import ConfigError
from livewidget.models import Model


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
        return cls.of(**flat.keywords_from(values))

    def values(self) -> dict[str, Any]:
        """Return what differs from the default, as JSON values by feature name."""
        return flat.values_of(self)

    def keywords(self) -> dict[str, Any]:
        """Return the fewest keywords that make this configuration, as a person would type them."""
        return flat.keywords_of(self)

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
