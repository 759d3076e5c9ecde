"""The wire's objects as structs, from `ClientMessage` and `ServerMessage` down.

Every struct is the wire's own object: names in snake_case here are camelCase there. Absent fields are `None`
and are left out when encoded; an empty object on the wire is an empty struct. The fields are those of the
Live API reference (https://ai.google.dev/api/live), of google-genai 3.4.0, and of the frames recorded by the
tests of the JavaScript SDK.

A client sends one `ClientMessage` a frame with exactly one field set; `setup` comes first, and nothing else
may be sent before the server's `setupComplete`. A server's frame may have several fields set, and all count.
"""

from __future__ import annotations

from typing import Any

import msgspec

from livewidget.secret import HIDDEN, is_secret


class Wire(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True
):
    """Base of everything on the wire: immutable, camelCase, absent when None, strict about unknown names.

    Its repr, and what rich prints, leave out the values of fields that are secret.
    """

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(shown)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [(name, HIDDEN if value is not None and is_secret(name) else value) for name, value in values]


class Blob(Wire, frozen=True):
    """Bytes with a MIME type: `audio/pcm;rate=16000`, `image/jpeg`.

    The service has neither `samples` nor `peak`: a page that plays audio from its own socket puts them in the
    place of the data before it passes the frame on; see `events.OutputAudio`.
    """

    data: bytes = b""
    mime_type: str | None = None
    display_name: str | None = None
    samples: int | None = None
    peak: float | None = None


class FileData(Wire, frozen=True):
    file_uri: str | None = None
    mime_type: str | None = None
    display_name: str | None = None


class ExecutableCode(Wire, frozen=True):
    code: str = ""
    language: str | None = None
    id: str | None = None


class CodeExecutionResult(Wire, frozen=True):
    outcome: str | None = None
    output: str | None = None
    id: str | None = None


class FunctionCall(Wire, frozen=True):
    """A call of one declared function. `args` is the user's data: its keys are never changed."""

    id: str | None = None
    name: str | None = None
    args: dict[str, Any] | None = None
    partial_args: list[dict[str, Any]] | None = None
    will_continue: bool | None = None


class FunctionResponse(Wire, frozen=True):
    """The result of one call. `response` is the user's data: its keys are never changed."""

    id: str | None = None
    name: str | None = None
    response: dict[str, Any] | None = None
    scheduling: str | None = None
    will_continue: bool | None = None
    parts: list[Part] | None = None


class Part(Wire, frozen=True):
    """One piece of a content; exactly one of the payload fields is set in practice."""

    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    thought: bool | None = None
    thought_signature: bytes | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    video_metadata: dict[str, Any] | None = None
    media_resolution: dict[str, Any] | None = None
    part_metadata: dict[str, Any] | None = None
    tool_call: dict[str, Any] | None = None
    tool_response: dict[str, Any] | None = None
    audio_transcription: dict[str, Any] | None = None
    media_processing: Any = None
    speech_metadata: dict[str, Any] | None = None
    document_metadata: dict[str, Any] | None = None
    spreadsheet_metadata: dict[str, Any] | None = None
    audio_metadata: dict[str, Any] | None = None


class Content(Wire, frozen=True):
    role: str | None = None
    parts: list[Part] | None = None


class FunctionDeclaration(Wire, frozen=True):
    """One function the model may call; `parameters` is the OpenAPI subset of JSON Schema."""

    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: Any = None
    response: dict[str, Any] | None = None
    response_json_schema: Any = None
    behavior: str | None = None


class Tool(Wire, frozen=True):
    function_declarations: list[FunctionDeclaration] | None = None
    google_search: dict[str, Any] | None = None
    google_search_retrieval: dict[str, Any] | None = None
    code_execution: dict[str, Any] | None = None
    url_context: dict[str, Any] | None = None
    google_maps: dict[str, Any] | None = None
    file_search: dict[str, Any] | None = None
    computer_use: dict[str, Any] | None = None
    retrieval: dict[str, Any] | None = None
    enterprise_web_search: dict[str, Any] | None = None
    parallel_ai_search: dict[str, Any] | None = None
    exa_ai_search: dict[str, Any] | None = None
    mcp_servers: list[dict[str, Any]] | None = None


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
    """The first frame: which model, and everything that applies to the whole connection.

    `extra` is not a field of the wire: its content is merged into the object when it is encoded, so that
    fields which these structs do not know yet can be sent. Received frames never fill it.
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
    """Concurrent streams; there is no order across modalities."""

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


_BEHAVIORS = ("UNSPECIFIED", "BLOCKING", "NON_BLOCKING")
_MODALITIES = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")


def _named(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{name}" for name in ("UNSPECIFIED", *names))


#: The words that fields of enum types may hold, by struct and camelCase name; the service refuses others.
#: Only what a client sends is here: what a server sends stays text, so that new words are passed on.
CHOICES: dict[tuple[str, str], frozenset[str]] = {
    key: frozenset(names)
    for key, names in {
        ("GenerationConfig", "responseModalities"): _MODALITIES,
        ("GenerationConfig", "mediaResolution"): _named("MEDIA_RESOLUTION", "LOW", "MEDIUM", "HIGH"),
        ("ThinkingConfig", "thinkingLevel"): (
            "THINKING_LEVEL_UNSPECIFIED",
            "MINIMAL",
            "LOW",
            "MEDIUM",
            "HIGH",
            "XHIGH",
        ),
        ("AutomaticActivityDetection", "startOfSpeechSensitivity"): _named(
            "START_SENSITIVITY", "HIGH", "LOW"
        ),
        ("AutomaticActivityDetection", "endOfSpeechSensitivity"): _named("END_SENSITIVITY", "HIGH", "LOW"),
        ("RealtimeInputConfig", "activityHandling"): (
            "ACTIVITY_HANDLING_UNSPECIFIED",
            "START_OF_ACTIVITY_INTERRUPTS",
            "NO_INTERRUPTION",
        ),
        ("RealtimeInputConfig", "turnCoverage"): (
            "TURN_COVERAGE_UNSPECIFIED",
            "TURN_INCLUDES_ONLY_ACTIVITY",
            "TURN_INCLUDES_ALL_INPUT",
            "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
        ),
        ("AudioTranscriptionConfig", "mode"): ("MODE_UNSPECIFIED", "VERBATIM", "SMART"),
        ("FunctionDeclaration", "behavior"): _BEHAVIORS,
        ("FunctionResponse", "scheduling"): ("SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"),
    }.items()
}


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
    """On the wire the field is `type`; `voiceActivityType`, as google-genai names it, is accepted as well."""

    type: str | None = None
    voice_activity_type: str | None = None
    audio_offset: str | None = None


class VoiceActivityDetectionSignal(Wire, frozen=True):
    vad_signal_type: str | None = None


class ModalityTokenCount(Wire, frozen=True):
    modality: str | None = None
    token_count: int | None = None


class UsageMetadata(Wire, frozen=True):
    """Vertex AI names `candidates…` what the Gemini API names `response…`."""

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


class AgentToolResult(Wire, frozen=True):
    """What a call of an agent's own tool gave: its result, or why it failed."""

    id: str | None = None
    name: str | None = None
    response: dict[str, Any] | None = None
    failure: str | None = None


class AgentEvent(Wire, frozen=True):
    """What happens inside somebody's agent, for people to see; exactly one field is set.

    No service sends it: it comes from `livewidget.integrations.agent`, in this process.
    """

    tool_call: FunctionCall | None = None
    tool_result: AgentToolResult | None = None
    agent: str | None = None
    notice: str | None = None


class ServerMessage(Wire, frozen=True):
    """One frame from the server; `agent_event` comes from agents only."""

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
    agent_event: AgentEvent | None = None
