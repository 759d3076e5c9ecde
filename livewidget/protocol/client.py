"""Messages from the client: one `ClientMessage` a frame, with exactly one field set.

`setup` comes first and alone; nothing else may be sent before the server's `setupComplete`
(https://ai.google.dev/api/live, section "Send messages").
"""

from __future__ import annotations

from typing import Any

from livewidget.protocol.content import Blob, Content, FunctionResponse, Tool, Wire


class PrebuiltVoiceConfig(Wire, frozen=True):
    voice_name: str | None = None


class ReplicatedVoiceConfig(Wire, frozen=True):
    mime_type: str | None = None
    voice_sample_audio: bytes | None = None
    consent_audio: bytes | None = None
    voice_consent_signature: dict[str, Any] | None = None


class VoiceConfig(Wire, frozen=True):
    prebuilt_voice_config: PrebuiltVoiceConfig | None = None
    replicated_voice_config: ReplicatedVoiceConfig | None = None
    voice: str | None = None


class SpeechConfig(Wire, frozen=True):
    voice_config: VoiceConfig | None = None
    language_code: str | None = None
    multi_speaker_voice_config: dict[str, Any] | None = None


class ThinkingConfig(Wire, frozen=True):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class TranslationConfig(Wire, frozen=True):
    target_language_code: str | None = None
    echo_target_language: bool | None = None


class GenerationConfig(Wire, frozen=True):
    response_modalities: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    max_output_tokens: int | None = None
    candidate_count: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    speech_config: SpeechConfig | None = None
    media_resolution: str | None = None
    thinking_config: ThinkingConfig | None = None
    enable_affective_dialog: bool | None = None
    translation_config: TranslationConfig | None = None


class AudioTranscriptionConfig(Wire, frozen=True):
    """Present (even empty) turns the transcript on; absent leaves it off."""

    language_codes: list[str] | None = None
    custom_vocabulary: list[str] | None = None
    adaptation_phrases: list[str] | None = None
    language_auto: dict[str, Any] | None = None
    language_hints: dict[str, Any] | None = None
    mode: str | None = None
    word_timestamp: bool | None = None
    diarization: bool | None = None
    source_text: str | None = None


class AutomaticActivityDetection(Wire, frozen=True):
    disabled: bool | None = None
    start_of_speech_sensitivity: str | None = None
    end_of_speech_sensitivity: str | None = None
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None


class RealtimeInputConfig(Wire, frozen=True):
    automatic_activity_detection: AutomaticActivityDetection | None = None
    activity_handling: str | None = None
    turn_coverage: str | None = None
    interim_transcript_timestamp_enabled: bool | None = None


class SessionResumptionConfig(Wire, frozen=True):
    """Present (even empty) asks for handles; `handle` resumes. Never send an explicit null handle."""

    handle: str | None = None
    transparent: bool | None = None


class SlidingWindow(Wire, frozen=True):
    target_tokens: int | None = None


class ContextWindowCompressionConfig(Wire, frozen=True):
    trigger_tokens: int | None = None
    sliding_window: SlidingWindow | None = None


class ProactivityConfig(Wire, frozen=True):
    proactive_audio: bool | None = None
    proactive_video: bool | None = None


class HistoryConfig(Wire, frozen=True):
    initial_history_in_client_content: bool | None = None


class CustomizedAvatar(Wire, frozen=True):
    image_mime_type: str | None = None
    image_data: bytes | None = None


class AvatarConfig(Wire, frozen=True):
    avatar_name: str | None = None
    customized_avatar: CustomizedAvatar | None = None
    audio_bitrate_bps: int | None = None
    video_bitrate_bps: int | None = None


class SafetySetting(Wire, frozen=True):
    category: str | None = None
    threshold: str | None = None
    method: str | None = None


class Setup(Wire, frozen=True):
    """The first frame: which model, and everything that holds for the whole connection.

    `extra` is not a field of the wire: what stands in it is merged into the object when it is encoded, so
    that a field which these structs do not know yet can be sent. Received frames never fill it.
    """

    model: str
    generation_config: GenerationConfig | None = None
    system_instruction: Content | None = None
    tools: list[Tool] | None = None
    realtime_input_config: RealtimeInputConfig | None = None
    session_resumption: SessionResumptionConfig | None = None
    context_window_compression: ContextWindowCompressionConfig | None = None
    input_audio_transcription: AudioTranscriptionConfig | None = None
    output_audio_transcription: AudioTranscriptionConfig | None = None
    proactivity: ProactivityConfig | None = None
    explicit_vad_signal: bool | None = None
    history_config: HistoryConfig | None = None
    avatar_config: AvatarConfig | None = None
    safety_settings: list[SafetySetting] | None = None
    labels: dict[str, str] | None = None
    enable_speech_to_speech_translation: bool | None = None
    extra: dict[str, Any] | None = None


class ClientContent(Wire, frozen=True):
    """Turns added to the history in order. Interrupts any generation; `turn_complete` asks for an answer."""

    turns: list[Content] | None = None
    turn_complete: bool | None = None


class Empty(Wire, frozen=True):
    """An object whose presence is the message: `activityStart: {}`."""


class RealtimeInput(Wire, frozen=True):
    """Concurrent streams; no order is kept across modalities."""

    audio: Blob | None = None
    video: Blob | None = None
    text: str | None = None
    audio_stream_end: bool | None = None
    activity_start: Empty | None = None
    activity_end: Empty | None = None
    media_chunks: list[Blob] | None = None


class ToolResponse(Wire, frozen=True):
    function_responses: list[FunctionResponse] | None = None


class ContextUpdateTools(Wire, frozen=True):
    tools: list[Tool] | None = None


class ContextUpdate(Wire, frozen=True):
    system_instruction: Content | None = None
    tools: ContextUpdateTools | None = None


class ClientMessage(Wire, frozen=True):
    """One frame from the client: exactly one field is set."""

    setup: Setup | None = None
    client_content: ClientContent | None = None
    realtime_input: RealtimeInput | None = None
    tool_response: ToolResponse | None = None
    context_update: ContextUpdate | None = None
