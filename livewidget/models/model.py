"""`Model`: one row of the capability table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from livewidget.models.voices import VOICES

Service = Literal["gemini", "vertex", "standin"]
Status = Literal["stable", "preview", "private", "shut down", "unknown"]
MidSessionText = Literal["both", "client_content", "realtime_text", "none"]

BLOCKING = "BLOCKING"
NON_BLOCKING = "NON_BLOCKING"
ACTIVITY_AND_VIDEO = "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"
ONLY_ACTIVITY = "TURN_INCLUDES_ONLY_ACTIVITY"

HOUR_MS = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model on one service. What is a bool says whether the service takes it for this model.

    Attributes:
        id: The bare name, without `models/` or a project's path.
        service: Where it is: "gemini" (Gemini Developer API), "vertex" (Vertex AI), "standin" (here).
        status: "shut down" models are refused by the service; "private" ones need an allow-list.
        successor: What to use instead of a model that was shut down.
        modalities: What it can answer in; exactly one is chosen for a session.
        text: How text goes to it once the session runs: `clientContent`, `realtimeInput.text`, either, or not
            at all.
        seeds_history: Whether `clientContent` seeds the history at the start only, and needs `historyConfig`.
        video: Whether it looks at pictures.
        thinking: Which field of `thinkingConfig` it takes: "budget", "level", or None: the object must be
            absent.
        thinking_levels: The levels it takes, lowest first.
        thinking_required: Whether a level must be given.
        tool_behaviors: Ways in which a function may be declared; empty: no functions. The first is its
            default.
        scheduling: Whether a tool's result may say when it is spoken.
        will_continue: Whether a tool may answer in several results.
        turn_completes_before_result: Whether `turnComplete` comes after a blocking tool call, before its
            result; the answer is then a turn of its own.
        undisturbed_calls: Whether it ends the session when it is sent sound or text while it waits for the
            result of a blocking call.
        search: Whether Google Search can be declared.
        code_execution: Whether it can run code that it writes.
        url_context: Whether it can read pages that are named to it.
        system_instruction: Whether it takes one.
        voices: The prebuilt voices; empty: the voice cannot be chosen.
        languages: Whether `speechConfig.languageCode` is heeded; native audio models ignore it and follow
            the conversation.
        language_count: How many languages it is said to speak, where that is documented.
        transcript_hints: Whether the languages expected in a transcript are heeded; else they are ignored.
        vocabulary: Whether words that are hard to guess may be given for the transcript.
        transcript_modes: Ways of writing down what is said, on models that only do that.
        proactive_audio: Whether it takes `proactivity`.
        always_proactive: Whether it may always choose to stay silent; `proactivity` is refused then.
        affective_dialog: Whether it takes `enableAffectiveDialog`.
        manual_activity: Whether automatic detection can be turned off (push-to-talk).
        vad_signal: Whether it takes `explicitVadSignal`.
        compression: Whether the context window can be compressed.
        resumption: Whether a session can be resumed.
        transparent_resumption: Whether the service can say which of the client's messages it has taken in.
        translation: Whether it translates; such a model never completes a turn.
        translation_by_language: Whether the target of that is `speechConfig.languageCode`, announced by
            `enableSpeechToSpeechTranslation`, in place of `translationConfig`.
        context_update: Whether instructions and tools can change while the session runs.
        media_chunks: Whether audio in the deprecated `mediaChunks` is heard.
        one_part_per_event: Whether a word and its sound come in two messages, as from models before 3.
        turn_coverage: What belongs to a turn when nothing is said about it.
        api_version: The version to dial.
        alpha_version: The version to dial for affective dialog and proactive audio.
        context_tokens: Length of the context window.
        connection_ms: How long one connection lasts; `goAway` comes before.
        handle_ms: How long a resumption handle holds after the connection.
        known: False for a row made up for a model that is not in the table.
    """

    id: str
    service: Service
    status: Status = "stable"
    successor: str | None = None
    modalities: tuple[str, ...] = ("AUDIO",)
    text: MidSessionText = "both"
    seeds_history: bool = False
    video: bool = True
    thinking: Literal["budget", "level"] | None = None
    thinking_levels: tuple[str, ...] = ()
    thinking_required: bool = False
    tool_behaviors: tuple[str, ...] = (BLOCKING, NON_BLOCKING)
    scheduling: bool = False
    will_continue: bool = False
    turn_completes_before_result: bool = False
    undisturbed_calls: bool = False
    search: bool = True
    code_execution: bool = False
    url_context: bool = False
    system_instruction: bool = True
    voices: tuple[str, ...] = tuple(VOICES)
    languages: bool = False
    language_count: int | None = None
    transcript_hints: bool = True
    vocabulary: bool = False
    transcript_modes: tuple[str, ...] = ()
    proactive_audio: bool = False
    always_proactive: bool = False
    affective_dialog: bool = False
    manual_activity: bool = True
    vad_signal: bool = False
    compression: bool = True
    resumption: bool = True
    transparent_resumption: bool = False
    translation: bool = False
    translation_by_language: bool = False
    context_update: bool = False
    media_chunks: bool = True
    one_part_per_event: bool = False
    turn_coverage: str = ONLY_ACTIVITY
    api_version: str = "v1beta"
    alpha_version: str | None = None
    context_tokens: int = 131_072
    connection_ms: int = 600_000
    handle_ms: int = 2 * HOUR_MS
    known: bool = True

    @property
    def tools(self) -> bool:
        """Whether functions can be declared."""
        return bool(self.tool_behaviors)

    @property
    def text_by_client_content(self) -> bool:
        """Whether `clientContent` may be sent once the session runs; it interrupts what is being said."""
        return self.text in ("both", "client_content")

    @property
    def thinks(self) -> bool:
        """Whether it thinks before it answers, and can be asked for its thoughts."""
        return self.thinking is not None

    @property
    def thinks_by_level(self) -> bool:
        """Whether how much it thinks is given as a level."""
        return self.thinking == "level"

    @property
    def thinks_by_budget(self) -> bool:
        """Whether how much it thinks is given as a number of tokens."""
        return self.thinking == "budget"

    @property
    def translation_by_config(self) -> bool:
        """Whether it takes `translationConfig`."""
        return self.translation and not self.translation_by_language

    @property
    def completes_turns(self) -> bool:
        """Whether its turns have an end; a translation flows on, and is cut by silence."""
        return not self.translation

    @property
    def dictates(self) -> bool:
        """Whether it only writes down what is said, and never answers."""
        return bool(self.transcript_modes)
