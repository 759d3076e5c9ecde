"""The three interfaces behind the stand-in's server: speech to text, the responder, text to speech.

The server owns the wire and turn-taking; everything else happens behind these protocols, and any object of
the right shape can be plugged in. The tutor's own implementations are `TutorSpeechToText`, `TutorResponder`
and `TutorTextToSpeech` in `livewidget.standin.tutor`; `livewidget.standin.adapters` wraps plain functions.

All methods are called on the server's event loop. Slow work must be awaited or run in a thread:
`SpeechEnded.transcribe`, the coroutines of `Dialogue`, the async generator of `TextToSpeech`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from livewidget.protocol.messages import RealtimeInputConfig

#: Sample rates in Hz that the Live API fixes: audio from the client is brought to 16 kHz, speech leaves at 24
#: kHz.
INPUT_RATE = 16_000
OUTPUT_RATE = 24_000


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user began to speak. `at_sample` counts 16 kHz samples since the recognition was created."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class PartialTranscript:
    """The transcript of the current utterance so far; replaces the previous one."""

    text: str


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The user stopped speaking.

    Attributes:
        text: Transcript of the whole utterance; "" if nothing was recognized.
        at_sample: 16 kHz samples since the recognition was created, when the end was detected.
        confident: False if `text` matches nothing the responder knows, so that it had better ask than act.
        transcribe: If set, `text` is not known yet: run this in a thread to get it.
        silent_samples: Length of the silence before `at_sample`, in 16 kHz samples: speech ended before it.
    """

    text: str
    at_sample: int
    confident: bool = True
    transcribe: Callable[[], str] | None = field(default=None, compare=False)
    silent_samples: int = 0


RecognitionEvent = SpeechStarted | PartialTranscript | SpeechEnded

#: By `startOfSpeechSensitivity`: the probability at which audio counts as speech, and the ms of it that make
#: a start. By `endOfSpeechSensitivity`: the probability below which audio counts as silence, and the ms of it
#: that make an end. The service publishes none of these numbers. The thresholds were measured with Silero VAD
#: at 20 dB SNR: 0.7 delays a start by 30 ms, and speech ends 93 ms (0.45), 106 ms (0.35) or 176 ms (0.10)
#: after the silence asked for. The durations were chosen so that the difference can be heard.
_START_SENSITIVITY: dict[str | None, tuple[float, int]] = {
    "START_SENSITIVITY_HIGH": (0.5, 32),
    "START_SENSITIVITY_LOW": (0.7, 192),
}
_END_SENSITIVITY: dict[str | None, tuple[float, int]] = {
    "END_SENSITIVITY_HIGH": (0.45, 300),
    "END_SENSITIVITY_LOW": (0.10, 800),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VadSettings:
    """Where speech starts and ends.

    Attributes:
        manual: The client marks activity itself (`activityStart`, `activityEnd`); nothing is detected.
        silence_ms: Silence that ends speech.
        prefix_padding_ms: Speech needed before a start is committed, and audio before it that is recognized.
        start_threshold: Probability of speech, 0 to 1, from which audio counts as speech.
        end_threshold: Probability of speech, 0 to 1, below which audio counts as silence again.
    """

    manual: bool = False
    silence_ms: int = 500
    prefix_padding_ms: int = 64
    start_threshold: float = 0.5
    end_threshold: float = 0.35

    @classmethod
    def from_config(cls, config: RealtimeInputConfig | None) -> VadSettings:
        """Read `setup.realtimeInputConfig`; missing fields get the defaults above."""
        detection = config.automatic_activity_detection if config else None
        if detection is None:
            return cls()
        silence, prefix = detection.silence_duration_ms, detection.prefix_padding_ms
        start_threshold, padding = _START_SENSITIVITY.get(detection.start_of_speech_sensitivity, (0.5, 64))
        end_threshold, pause = _END_SENSITIVITY.get(detection.end_of_speech_sensitivity, (0.35, 500))
        return cls(
            manual=bool(detection.disabled),
            silence_ms=max(0, pause if silence is None else silence),
            prefix_padding_ms=max(0, padding if prefix is None else prefix),
            start_threshold=start_threshold,
            end_threshold=end_threshold,
        )


@dataclass(frozen=True, slots=True)
class Phrases:
    """What a responder understands, for a recognizer to expect. Equal phrases make equal, hashable values.

    Attributes:
        sentences: Lower case, numbers as words, no punctuation; slots filled with sample values. A sentence
            that is listed twice is expected twice as often.
    """

    sentences: tuple[str, ...] = ()


class Recognition(Protocol):
    """Speech recognition of one session."""

    def feed(self, pcm16k: bytes) -> list[RecognitionEvent]:
        """Take PCM16 little-endian mono at 16 kHz, of any length, and return the resulting events in order.

        The work takes about 5 % of the audio's duration and blocks the event loop: feed at most 100 ms at a
        time and let other tasks run in between.
        """

    def start(self) -> list[RecognitionEvent]:
        """Start an utterance (`activityStart`), whatever the audio holds."""

    def end(self) -> list[RecognitionEvent]:
        """End the utterance (`activityEnd`)."""

    def flush(self) -> list[RecognitionEvent]:
        """End the current utterance, if any: no audio comes for a while (`audioStreamEnd`)."""

    def close(self) -> None:
        """Release all resources. May be called twice."""


class SpeechToText(Protocol):
    """Creates a `Recognition` for each session."""

    def session(self, settings: VadSettings, phrases: Phrases) -> Recognition:
        """Return a new recognition that expects `phrases`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationTarget:
    """A session that only translates.

    Attributes:
        target: Language to speak, BCP-47: "es", "pt-BR".
        echo: Repeat what is already in that language; otherwise it gets no reply.
    """

    target: str
    echo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Skills:
    """What a dialogue may do beside talking and calling functions. Equal skills make equal, hashable values.

    Attributes:
        search: Google Search is declared: replies may be grounded (`Reply.grounding`).
        code: Code execution is declared: replies may come from code that ran (`Reply.executed`).
        url_context: URL context is declared: replies may be about pages (`Reply.pages`).
        may_ignore: Speech that was not meant for the model may get no reply (`NoReply`).
        proactive_audio: The client asked for that (`proactivity`): unclear speech may get no reply, too.
        affective_dialog: Replies may have a mood (`Reply.mood`).
        translation: The session translates; None: it converses.
        dictation: The session only transcribes: the dialogue supplies phrases and is never asked.
        language: Language to reply in, BCP-47; None: the responder's choice.
    """

    search: bool = False
    code: bool = False
    url_context: bool = False
    may_ignore: bool = False
    proactive_audio: bool = False
    affective_dialog: bool = False
    translation: TranslationTarget | None = None
    dictation: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class GroundingSource:
    """A page that a reply is grounded on."""

    title: str
    uri: str


@dataclass(frozen=True, slots=True)
class SearchGrounding:
    """The queries and pages of a search; `text` is the part of the reply that rests on them."""

    queries: tuple[str, ...]
    sources: tuple[GroundingSource, ...]
    text: str


@dataclass(frozen=True, slots=True)
class ExecutedCode:
    """Python code that ran, and its output; the error message is the output if it is not `ok`."""

    code: str
    output: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class RequestedPage:
    """A page the user asked about, and whether it could be retrieved."""

    uri: str
    retrieved: bool = False


Mood = Literal["gentle", "bright"]


@dataclass(frozen=True, slots=True)
class Reply:
    """Say something.

    Attributes:
        text: What to say.
        thoughts: How the request was understood, one sentence each, the most important first. They are sent
            if the client asks for thoughts, as many as its thinking level or budget allows.
        executed: The code that the reply comes from.
        grounding: The search results that the reply rests on.
        pages: The pages that the reply is about.
        language: Language of `text`, BCP-47; None: English.
        mood: How to say it; None: neutral.
    """

    text: str
    thoughts: tuple[str, ...] = field(default=(), compare=False)
    executed: ExecutedCode | None = None
    grounding: SearchGrounding | None = None
    pages: tuple[RequestedPage, ...] = ()
    language: str | None = None
    mood: Mood | None = None


@dataclass(frozen=True, slots=True)
class FunctionRequest:
    """Call a declared function; its result goes to `Dialogue.result`.

    Attributes:
        name: The function's name.
        args: Its arguments.
        thoughts: As for `Reply`.
        also: Functions to call at the same time; `Dialogue.result` is called for each.
    """

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    thoughts: tuple[str, ...] = field(default=(), compare=False)
    also: tuple[FunctionRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class NoReply:
    """Stay silent: the speech was not meant for the model."""

    thoughts: tuple[str, ...] = field(default=(), compare=False)


Response = Reply | FunctionRequest | NoReply


class Dialogue(Protocol):
    """The responder's side of one session."""

    @property
    def phrases(self) -> Phrases:
        """The phrases a recognizer should expect."""

    async def reply(self, text: str, *, confident: bool = True) -> Response:
        """Respond to speech or typed text. `confident` is False if the recognizer does not trust `text`."""

    async def result(self, name: str, result: Mapping[str, Any]) -> Response:
        """Respond to the result of a function."""


class Responder(Protocol):
    """Creates a `Dialogue` for each session."""

    def suggestions(self, declarations: Sequence[Mapping[str, Any]], skills: Skills) -> tuple[str, ...]:
        """Return sentences a person could start with in such a session; may be empty."""

    def session(self, declarations: Sequence[Mapping[str, Any]], skills: Skills) -> Dialogue:
        """Return a new dialogue.

        Args:
            declarations: The functions it may call, as plain JSON objects with the wire's camelCase keys:
                `name`, `description`, and `parameters` (OpenAPI subset) or `parametersJsonSchema` (JSON
                Schema).
            skills: What else it may do.
        """


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of speech.

    Attributes:
        pcm: PCM16 little-endian mono at 24 kHz, usually 60 to 120 ms; may be empty in the last chunk.
        text: The words that begin in this chunk, with their spaces and punctuation: the texts of all chunks
            joined are the text that was spoken. Often "".
    """

    pcm: bytes
    text: str = ""


class TextToSpeech(Protocol):
    """Speech synthesis. One instance serves all sessions, several at a time."""

    def speak(
        self, text: str, voice: str | None = None, language: str | None = None, mood: Mood | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        """Synthesize `text` as fast as the chunks are taken; the caller sets the pace.

        Closing the generator (`aclose`) stops the synthesis within a few milliseconds.

        Args:
            text: Plain text.
            voice: A prebuilt voice of the Live API ("Puck", "Kore" …); None: the default.
            language: Language of the text or of the accent, BCP-47 ("es", "en-GB"); None: the voice's own.
            mood: How to say it; None: neutral.
        """
