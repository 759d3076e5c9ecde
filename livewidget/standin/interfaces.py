"""The three seams of the stand-in: ears, brain and voice. Anything of these shapes can be plugged in.

The stand-in's server owns the wire and the taking of turns; it hears, thinks and speaks through these
protocols only. The tutor's own are `TutorEars`, `TutorBrain` and `TutorVoice` in `livewidget.standin.tutor`;
`functions.as_ears`, `as_brain` and `as_voice` make one of a plain function and pass others through.

All three are called on the server's event loop. What takes long is handed over as something to await or
to run in a thread: `SpeechEnded.later`, the coroutines of `Mind`, the async iterator of `Voice`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from livewidget.protocol.messages import RealtimeInputConfig

HEARING_RATE = 16_000  # Hz, of everything that goes into the ears
SPEAKING_RATE = 24_000  # Hz, of everything that comes out of the voice


# --- Ears ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak. `at_sample` counts 16 kHz samples since the hearing was made."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class Partial:
    """All that is understood so far of what is being said; replaces the one before."""

    text: str


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Nobody speaks any more.

    Attributes:
        text: The whole utterance as it was understood; "" where nothing was.
        at_sample: 16 kHz samples since the hearing was made, at the moment of this decision.
        confident: False where `text` resembles nothing that the mind knows: better ask than act upon it.
        later: Where set, `text` is not known yet: run this in a thread, and take what it returns as the text.
        silent_samples: 16 kHz samples of silence before `at_sample` that told so: speech ended before them.
    """

    text: str
    at_sample: int
    confident: bool = True
    later: Callable[[], str] | None = field(default=None, compare=False)
    silent_samples: int = 0


Heard = SpeechStarted | Partial | SpeechEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingSettings:
    """What decides where speech starts and ends.

    Attributes:
        manual: The client says so itself (`activityStart`, `activityEnd`); nothing is detected.
        silence_ms: Silence after which speech has ended.
        prefix_padding_ms: Speech needed before its start is announced; as much before it is recognised.
        start_threshold: Probability of speech, 0 to 1, at or above which a window of sound counts as speech.
        end_threshold: Probability of speech, 0 to 1, below which it counts as silence again.
    """

    manual: bool = False
    silence_ms: int = 500
    prefix_padding_ms: int = 64
    start_threshold: float = 0.5
    end_threshold: float = 0.35

    @classmethod
    def of(cls, config: RealtimeInputConfig | None) -> HearingSettings:
        """Read `setup.realtimeInputConfig`; what it leaves out takes the defaults above.

        A low sensitivity asks for clearer speech before it starts, and for a longer silence before it ends.
        How long, where the client does not say it, is not published of the service: it is chosen here so that
        the difference can be heard.
        """
        detection = config.automatic_activity_detection if config else None
        if detection is None:
            return cls()
        silence, prefix = detection.silence_duration_ms, detection.prefix_padding_ms
        start_threshold, padding = _STARTS.get(detection.start_of_speech_sensitivity, (0.5, 64))
        end_threshold, pause = _ENDS.get(detection.end_of_speech_sensitivity, (0.35, 500))
        return cls(
            manual=bool(detection.disabled),
            silence_ms=max(0, pause if silence is None else silence),
            prefix_padding_ms=max(0, padding if prefix is None else prefix),
            start_threshold=start_threshold,
            end_threshold=end_threshold,
        )


_STARTS: dict[str | None, tuple[float, int]] = {
    "START_SENSITIVITY_HIGH": (0.5, 32),
    "START_SENSITIVITY_LOW": (0.7, 192),
}
"""By sensitivity: the probability from which sound is speech, and how many ms of it make a start."""
_ENDS: dict[str | None, tuple[float, int]] = {
    "END_SENSITIVITY_HIGH": (0.45, 300),
    "END_SENSITIVITY_LOW": (0.10, 800),
}
"""By sensitivity: the probability below which sound is silence, and how many ms of it make an end."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """What a mind can understand, for ears that listen for it. Equal phrases make equal, hashable values.

    Attributes:
        sentences: Lower case, numbers as words, no punctuation; slots filled with samples of their values.
    """

    sentences: tuple[str, ...] = ()


class Hearing(Protocol):
    """One session's ears."""

    def feed(self, pcm16k: bytes) -> list[Heard]:
        """Take PCM16 little-endian mono at 16 kHz, of any length, and return what came of it, in order.

        The work is some 5 % of the sound's own length and is done at once: give at most 100 ms at a time, and
        let others on the loop run in between.
        """

    def start(self) -> list[Heard]:
        """Manual activity begins: speech starts now, whatever is heard."""

    def end(self) -> list[Heard]:
        """Manual activity ends: speech ends now."""

    def flush(self) -> list[Heard]:
        """No more sound for a while (`audioStreamEnd`): where somebody was speaking, that speech ends now."""

    def close(self) -> None:
        """Give everything back; twice is allowed."""


class Ears(Protocol):
    """What makes a `Hearing` for each session."""

    def session(self, settings: HearingSettings, phrases: Phrases) -> Hearing:
        """Return fresh ears that listen for `phrases`."""


# --- Brain --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A mind is to translate, and nothing else.

    Attributes:
        target: The language to speak, BCP-47: "es", "pt-BR".
        echo: What is said in that language already is said again; else it is passed over in silence.
    """

    target: str
    echo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Skills:
    """What a mind may do beside talking and calling functions. Equal skills make equal, hashable values.

    Attributes:
        search: Google Search is declared: answers may rest on sources (`Say.grounding`).
        code: Code execution is declared: answers may come from a program that ran (`Say.ran`).
        pages: URL context is declared: answers may be about pages (`Say.pages`).
        silence: What was not meant for the model may be left without an answer (`Wait`).
        reserved: So may what the ears do not trust: the client asked for a model that may be silent.
        mood: Affective dialog is on: an answer may have a mood (`Say.mood`).
        translation: It translates; None: it answers.
        dictation: It is not asked: what was said is only written down. Its phrases are listened for.
        language: To answer in, BCP-47; None: as it likes.
    """

    search: bool = False
    code: bool = False
    pages: bool = False
    silence: bool = False
    reserved: bool = False
    mood: bool = False
    translation: Translation | None = None
    dictation: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer rests on: a page's title and its address."""

    title: str
    uri: str


@dataclass(frozen=True, slots=True)
class Grounding:
    """What was searched for and found; `text` is the part of the answer that rests on it."""

    queries: tuple[str, ...]
    sources: tuple[Source, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A program in Python that ran: what it printed, or the error it ended with where it is not `ok`."""

    code: str
    output: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was asked for: its address, and whether it could be read."""

    uri: str
    read: bool = False


Mood = Literal["gentle", "bright"]


@dataclass(frozen=True, slots=True)
class Say:
    """The answer is to be spoken.

    Attributes:
        text: What to say.
        thoughts: How the question was understood, a sentence each, the most important first. They are sent
            where the client asks for thoughts, as many as its thinking level or budget allows.
        ran: The program that the answer comes from.
        grounding: The sources that the answer rests on.
        pages: The pages that the answer is about.
        language: Of `text`, BCP-47; None: English.
        mood: How to say it; None: as ever.
    """

    text: str
    thoughts: tuple[str, ...] = field(default=(), compare=False)
    ran: Ran | None = None
    grounding: Grounding | None = None
    pages: tuple[Page, ...] = ()
    language: str | None = None
    mood: Mood | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """The answer needs a declared function first; its result goes to `Mind.result`.

    Attributes:
        name: The function's name.
        args: Its arguments.
        thoughts: As those of `Say`.
        also: Functions that are called at the same time; each result goes to `Mind.result` by itself.
    """

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    thoughts: tuple[str, ...] = field(default=(), compare=False)
    also: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """There is no answer: what was said was not meant for the model."""

    thoughts: tuple[str, ...] = field(default=(), compare=False)


Thought = Say | Call | Wait


class Mind(Protocol):
    """One session's brain."""

    @property
    def phrases(self) -> Phrases:
        """What the ears should listen for."""

    async def reply(self, text: str, *, confident: bool = True) -> Thought:
        """Answer what was said or typed. `confident` is False where the ears do not trust what they heard."""

    async def result(self, name: str, result: Mapping[str, Any]) -> Thought:
        """Answer with the result of a call."""


class Brain(Protocol):
    """What makes a `Mind` for each session."""

    def suggestions(self, declarations: Sequence[Mapping[str, Any]], skills: Skills) -> tuple[str, ...]:
        """Return what a person could say to begin with to a mind of this `session`; may be empty."""

    def session(self, declarations: Sequence[Mapping[str, Any]], skills: Skills) -> Mind:
        """Return a fresh mind that may call these functions, and do what its skills say.

        Args:
            declarations: Function declarations as plain JSON objects, camelCase keys as on the wire: `name`,
                `description`, and `parameters` (OpenAPI subset) or `parametersJsonSchema` (JSON Schema).
            skills: What else it may do.
        """


# --- Voice --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of speech.

    Attributes:
        pcm: PCM16 little-endian mono at 24 kHz, usually 60 to 120 ms; may be empty in the last piece.
        text: The words that begin in this piece, verbatim with their spaces and punctuation: the texts of all
            pieces joined are the text that was to be spoken. Often "".
    """

    pcm: bytes
    text: str = ""


class Voice(Protocol):
    """What speaks. One voice serves all sessions, several at a time."""

    def speak(
        self,
        text: str,
        voice: str | None = None,
        language: str | None = None,
        mood: Mood | None = None,
    ) -> AsyncGenerator[Speech, None]:
        """Speak, faster than it is heard: who calls sets the pace.

        Closing the generator (`aclose`) stops the utterance within a few milliseconds.

        Args:
            text: What to say, in plain words.
            voice: A prebuilt voice of the Live API ("Puck", "Kore" …) or None for the default.
            language: Of the text or of the accent, BCP-47 ("es", "en-GB"); None: as the voice is.
            mood: How to say it; None: as ever.
        """
