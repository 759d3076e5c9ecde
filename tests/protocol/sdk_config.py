"""A `LiveConfig` as google-genai's own configuration, as far as that can say it."""

from __future__ import annotations

from typing import Any

from google.genai import types

from livewidget.config import Compression, LiveConfig, Transcription, TurnDetection


def transcription_of(wanted: bool | Transcription) -> types.AudioTranscriptionConfig | None:
    if not isinstance(wanted, Transcription):
        return types.AudioTranscriptionConfig() if wanted else None
    return types.AudioTranscriptionConfig(
        language_codes=list(wanted.languages) or None,
        custom_vocabulary=list(wanted.vocabulary) or None,
        mode=wanted.mode,
    )


def realtime_of(turns: TurnDetection) -> types.RealtimeInputConfig | None:
    """The SDK's counterpart; None where nothing differs from what the service does by itself."""
    values: dict[str, Any] = {}
    detection: dict[str, Any] = {}
    if turns.mode == "push_to_talk":
        detection["disabled"] = True
    if turns.silence_ms is not None:
        detection["silence_duration_ms"] = turns.silence_ms
    if turns.prefix_padding_ms is not None:
        detection["prefix_padding_ms"] = turns.prefix_padding_ms
    if turns.start_sensitivity:
        detection["start_of_speech_sensitivity"] = f"START_SENSITIVITY_{turns.start_sensitivity.upper()}"
    if turns.end_sensitivity:
        detection["end_of_speech_sensitivity"] = f"END_SENSITIVITY_{turns.end_sensitivity.upper()}"
    if detection:
        values["automatic_activity_detection"] = detection
    if not turns.interrupts:
        values["activity_handling"] = "NO_INTERRUPTION"
    if turns.turn_coverage:
        values["turn_coverage"] = f"TURN_INCLUDES_{turns.turn_coverage.upper()}"
    return types.RealtimeInputConfig(**values) if values else None


def compression_of(wanted: bool | Compression) -> types.ContextWindowCompressionConfig | None:
    if not wanted:
        return None
    wanted = wanted if isinstance(wanted, Compression) else Compression()
    return types.ContextWindowCompressionConfig(
        trigger_tokens=wanted.trigger_tokens,
        sliding_window=types.SlidingWindow(target_tokens=wanted.target_tokens),
    )


def tools_of(config: LiveConfig, functions: list[dict[str, Any]]) -> list[types.Tool] | None:
    tools = [types.Tool(google_search=types.GoogleSearch())] if config.google_search else []
    tools += [types.Tool(code_execution=types.ToolCodeExecution())] if config.code_execution else []
    tools += [types.Tool(url_context=types.UrlContext())] if config.url_context else []
    if functions:
        tools.append(
            types.Tool(
                function_declarations=[types.FunctionDeclaration.model_validate(one) for one in functions]
            )
        )
    return tools or None


def sdk_config(
    config: LiveConfig, functions: list[dict[str, Any]], handle: str | None
) -> types.LiveConnectConfig:
    """The SDK's configuration for the same session."""
    values: dict[str, Any] = {
        name: getattr(config, name)
        for name in ("system_instruction", "temperature", "top_p", "top_k", "max_output_tokens", "seed")
    }
    if config.voice or config.language:
        voice = types.PrebuiltVoiceConfig(voice_name=config.voice) if config.voice else None
        values["speech_config"] = types.SpeechConfig(
            voice_config=types.VoiceConfig(prebuilt_voice_config=voice) if voice else None,
            language_code=config.language,
        )
    if config.thinking is not None or config.include_thoughts:
        level = isinstance(config.thinking, str)
        values["thinking_config"] = types.ThinkingConfig(
            include_thoughts=config.include_thoughts or None,
            thinking_level=config.thinking.upper() if isinstance(config.thinking, str) else None,
            thinking_budget=None if level else config.thinking,
        )
    if config.media_resolution:
        values["media_resolution"] = f"MEDIA_RESOLUTION_{config.media_resolution.upper()}"
    if config.resumption or handle is not None:
        transparent = config.transparent_resumption or None
        values["session_resumption"] = types.SessionResumptionConfig(handle=handle, transparent=transparent)
    if config.translation:
        values["translation_config"] = types.TranslationConfig(
            target_language_code=config.translation.target,
            echo_target_language=config.translation.echo or None,
        )
    penalties = {name: getattr(config, name) for name in ("presence_penalty", "frequency_penalty")}
    if any(value is not None for value in penalties.values()):
        values["generation_config"] = types.GenerationConfig(**penalties)
    if config.vad_signal:
        values["explicit_vad_signal"] = True
    if config.proactive_audio:
        values["proactivity"] = types.ProactivityConfig(proactive_audio=True)
    if config.seed_history:
        values["history_config"] = types.HistoryConfig(initial_history_in_client_content=True)
    if config.safety:
        values["safety_settings"] = [
            types.SafetySetting(category=f"HARM_CATEGORY_{name}", threshold=threshold)
            for name, threshold in config.safety.items()
        ]
    return types.LiveConnectConfig(
        **values,
        response_modalities=list(config.modalities),
        enable_affective_dialog=config.affective_dialog or None,
        tools=tools_of(config, functions),
        input_audio_transcription=transcription_of(config.input_transcript),
        output_audio_transcription=transcription_of(config.output_transcript),
        realtime_input_config=realtime_of(config.turn_detection),
        context_window_compression=compression_of(config.compression),
    )
