"""Messages from the server: one `ServerMessage` a frame; several fields may be set at once, and all count.

Section "Server messages" of https://ai.google.dev/api/live, and the frames recorded by the JavaScript SDK's
tests.
"""

from __future__ import annotations

from typing import Any

from livewidget.protocol.content import Content, FunctionCall, Wire


class SetupComplete(Wire, frozen=True):
    session_id: str | None = None
    voice_consent_signature: dict[str, Any] | None = None


class Transcription(Wire, frozen=True):
    text: str | None = None
    finished: bool | None = None
    language_code: str | None = None
    speaker_label: str | None = None
    words: list[dict[str, Any]] | None = None
    start_offset: str | None = None
    end_offset: str | None = None


class ServerContent(Wire, frozen=True):
    model_turn: Content | None = None
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    interim_input_transcription: Transcription | None = None
    generation_complete: bool | None = None
    turn_complete: bool | None = None
    turn_complete_reason: str | None = None
    interrupted: bool | None = None
    waiting_for_input: bool | None = None
    interaction_status: str | None = None
    grounding_metadata: dict[str, Any] | None = None
    url_context_metadata: dict[str, Any] | None = None
    speech_state: Any = None


class ToolCall(Wire, frozen=True):
    function_calls: list[FunctionCall] | None = None


class ToolCallCancellation(Wire, frozen=True):
    ids: list[str] | None = None


class GoAway(Wire, frozen=True):
    """`time_left` is a protobuf duration: "50s", "1.500s"."""

    time_left: str | None = None


class SessionResumptionUpdate(Wire, frozen=True):
    new_handle: str | None = None
    resumable: bool | None = None
    last_consumed_client_message_index: int | str | None = None


class VoiceActivity(Wire, frozen=True):
    """On the wire the field is `type`; google-genai's own name for it, `voiceActivityType`, will do too."""

    type: str | None = None
    voice_activity_type: str | None = None
    audio_offset: str | None = None


class VoiceActivityDetectionSignal(Wire, frozen=True):
    vad_signal_type: str | None = None


class ModalityTokenCount(Wire, frozen=True):
    modality: str | None = None
    token_count: int | None = None


class UsageMetadata(Wire, frozen=True):
    """Vertex AI says `candidates…` where the Gemini API says `response…`."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    response_token_count: int | None = None
    candidates_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    thoughts_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: list[ModalityTokenCount] | None = None
    cache_tokens_details: list[ModalityTokenCount] | None = None
    response_tokens_details: list[ModalityTokenCount] | None = None
    candidates_tokens_details: list[ModalityTokenCount] | None = None
    tool_use_prompt_tokens_details: list[ModalityTokenCount] | None = None
    traffic_type: str | None = None
    service_tier: str | None = None


class ServerMessage(Wire, frozen=True):
    """One frame from the server."""

    setup_complete: SetupComplete | None = None
    server_content: ServerContent | None = None
    tool_call: ToolCall | None = None
    tool_call_cancellation: ToolCallCancellation | None = None
    usage_metadata: UsageMetadata | None = None
    go_away: GoAway | None = None
    session_resumption_update: SessionResumptionUpdate | None = None
    voice_activity: VoiceActivity | None = None
    voice_activity_detection_signal: VoiceActivityDetectionSignal | None = None
    error: dict[str, Any] | None = None
