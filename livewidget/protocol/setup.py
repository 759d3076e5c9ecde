"""The first frame of a connection, made from a `LiveConfig`, and the message that changes a session later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from livewidget.config import Compression, LiveConfig, Transcription, TurnDetection, check_tool
from livewidget.errors import ConfigError
from livewidget.models import FEATURES_BY_NAME, Model
from livewidget.protocol.lenient import Reader
from livewidget.protocol.messages import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    ClientMessage,
    Content,
    ContextUpdate,
    ContextUpdateTools,
    ContextWindowCompressionConfig,
    FunctionDeclaration,
    GenerationConfig,
    HistoryConfig,
    Part,
    PrebuiltVoiceConfig,
    ProactivityConfig,
    RealtimeInputConfig,
    SafetySetting,
    SessionResumptionConfig,
    Setup,
    SlidingWindow,
    SpeechConfig,
    ThinkingConfig,
    Tool,
    TranslationConfig,
    VoiceConfig,
)
from livewidget.secret import Secret, hide, reveal

Declaration = FunctionDeclaration | Mapping[str, Any]


def setup_message(
    config: LiveConfig,
    model_path: str,
    model: Model,
    *,
    declarations: Iterable[Declaration] = (),
    handle: str | Secret | None = None,
) -> ClientMessage:
    """Build the setup of one connection.

    Args:
        config: The session's configuration; checked against `model` first.
        model_path: The model's name on the wire, such as `models/gemini-3.8-live`.
        model: What the model accepts.
        declarations: Functions that the model may call, as structs or as JSON objects in either spelling.
        handle: A resumption handle of an earlier connection; None starts afresh.

    Raises:
        ConfigError: If the model does not take the configuration or a declaration.
    """
    handle = hide(handle)
    config.check(model)
    resumption = None
    if config.resumption or handle is not None:
        # An empty object asks for handles; an explicit null handle closes the connection on some models.
        resumption = SessionResumptionConfig(
            handle=None if handle is None else reveal(handle),
            transparent=config.transparent_resumption or None,
        )
    # Such a model has its target in the place of the language, and a switch of its own says so.
    by_language = model.translation_by_language and config.translation is not None
    setup = Setup(
        model=model_path,
        generation_config=_generation(config, by_language),
        system_instruction=_instruction(config.system_instruction),
        tools=_tools(config, model, declarations) or None,
        realtime_input_config=realtime_input(config.turn_detection),
        session_resumption=resumption,
        context_window_compression=_compression(config.compression),
        input_audio_transcription=_transcription(config.input_transcript),
        output_audio_transcription=_transcription(config.output_transcript),
        proactivity=ProactivityConfig(proactive_audio=True) if config.proactive_audio else None,
        explicit_vad_signal=config.vad_signal or None,
        history_config=HistoryConfig(initial_history_in_client_content=True) if config.seed_history else None,
        safety_settings=_safety(config.safety) or None,
        enable_speech_to_speech_translation=by_language or None,
        extra=dict(config.extra) or None,
    )
    return ClientMessage(setup=setup)


def context_message(
    config: LiveConfig,
    model: Model,
    *,
    instruction: bool = False,
    declarations: Iterable[Declaration] | None = None,
) -> ClientMessage:
    """Build the message that changes a running session.

    Args:
        config: The session's configuration from now on.
        model: What the model accepts.
        instruction: Whether the instruction changes.
        declarations: All functions that the model may call from now on; None: those that it may already.

    Raises:
        ConfigError: If the model does not take a declaration.
    """
    tools = None if declarations is None else ContextUpdateTools(tools=_tools(config, model, declarations))
    system = _instruction(config.system_instruction) if instruction else None
    return ClientMessage(context_update=ContextUpdate(system_instruction=system, tools=tools))


def _generation(config: LiveConfig, by_language: bool) -> GenerationConfig:
    speech = None
    language = config.translation.target if config.translation and by_language else config.language
    if config.voice is not None or language is not None:
        voice = None
        if config.voice is not None:
            voice = VoiceConfig(prebuilt_voice_config=PrebuiltVoiceConfig(voice_name=config.voice))
        speech = SpeechConfig(voice_config=voice, language_code=language)
    translation = None
    if config.translation is not None and not by_language:
        translation = TranslationConfig(
            target_language_code=config.translation.target,
            echo_target_language=config.translation.echo or None,
        )
    return GenerationConfig(
        response_modalities=list(config.modalities),
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        max_output_tokens=config.max_output_tokens,
        presence_penalty=config.presence_penalty,
        frequency_penalty=config.frequency_penalty,
        seed=config.seed,
        speech_config=speech,
        media_resolution=_to_wire("media_resolution", config.media_resolution),
        thinking_config=_thinking(config),
        enable_affective_dialog=config.affective_dialog or None,
        translation_config=translation,
    )


def _to_wire(name: str, value: str | None) -> str | None:
    """Return a choice as the wire spells it."""
    return None if value is None else FEATURES_BY_NAME[name].to_wire(value)


def _thinking(config: LiveConfig) -> ThinkingConfig | None:
    if config.thinking is None and not config.include_thoughts:
        return None
    return ThinkingConfig(
        include_thoughts=config.include_thoughts or None,
        thinking_budget=config.thinking if isinstance(config.thinking, int) else None,
        thinking_level=config.thinking.upper() if isinstance(config.thinking, str) else None,
    )


def _instruction(text: str | None) -> Content | None:
    return None if text is None else Content(role="user", parts=[Part(text=text)])


def _transcription(wanted: bool | Transcription) -> AudioTranscriptionConfig | None:
    if not wanted:
        return None
    options = Transcription() if wanted is True else wanted
    return AudioTranscriptionConfig(
        language_codes=list(options.languages) or None,
        custom_vocabulary=list(options.vocabulary) or None,
        mode=options.mode,
    )


def _compression(wanted: bool | Compression) -> ContextWindowCompressionConfig | None:
    if not wanted:
        return None
    options = Compression() if wanted is True else wanted
    return ContextWindowCompressionConfig(
        trigger_tokens=options.trigger_tokens,
        sliding_window=SlidingWindow(target_tokens=options.target_tokens),
    )


def realtime_input(turns: TurnDetection) -> RealtimeInputConfig | None:
    """Return how turns are detected, as in the setup; None if everything is left to the service."""
    if turns.mode == "push_to_talk":
        detection = AutomaticActivityDetection(disabled=True)
    else:
        detection = AutomaticActivityDetection(
            start_of_speech_sensitivity=_to_wire("turn_detection.start_sensitivity", turns.start_sensitivity),
            end_of_speech_sensitivity=_to_wire("turn_detection.end_sensitivity", turns.end_sensitivity),
            prefix_padding_ms=turns.prefix_padding_ms,
            silence_duration_ms=turns.silence_ms,
        )
    config = RealtimeInputConfig(
        automatic_activity_detection=None if detection == AutomaticActivityDetection() else detection,
        activity_handling=None if turns.interrupts else "NO_INTERRUPTION",
        turn_coverage=_to_wire("turn_detection.turn_coverage", turns.turn_coverage),
    )
    return None if config == RealtimeInputConfig() else config


def _safety(settings: Mapping[str, str]) -> list[SafetySetting]:
    prefix = "HARM_CATEGORY_"
    return [
        SafetySetting(category=prefix + name.upper().removeprefix(prefix), threshold=threshold.upper())
        for name, threshold in settings.items()
    ]


class _DeclarationReader(Reader):
    def unknown(self, path: tuple[str | int, ...], name: str) -> None:
        if not path:
            raise ConfigError(f"A function declaration has no field {name[:40]!r}.")
        raise ConfigError(
            f"The service does not take {name[:40]!r} inside a function's parameters; "
            "put a full JSON Schema in parametersJsonSchema."
        )

    def wrong(self, path: tuple[str | int, ...], expected: str) -> None:
        place = ".".join(str(step) for step in path) or "A function declaration"
        raise ConfigError(f"{place[:80]} of a function declaration must be of another type: {expected}.")


def read_declaration(declaration: Declaration) -> FunctionDeclaration:
    """Return a function's declaration as a struct.

    Raises:
        ConfigError: If it has a field, or its `parameters` a keyword, that the service does not know.
    """
    if isinstance(declaration, FunctionDeclaration):
        return declaration
    read = _DeclarationReader().read(FunctionDeclaration, dict(declaration))
    assert read is not None  # The reader raises instead.
    return read


def _tools(config: LiveConfig, model: Model, declarations: Iterable[Declaration]) -> list[Tool]:
    tools = [
        tool
        for tool, wanted in (
            (Tool(google_search={}), config.google_search),
            (Tool(code_execution={}), config.code_execution),
            (Tool(url_context={}), config.url_context),
        )
        if wanted
    ]
    functions = [read_declaration(declaration) for declaration in declarations]
    for function in functions:
        check_tool(model, function.name or "", function.behavior)
    if functions:
        tools.append(Tool(function_declarations=functions))
    return tools
