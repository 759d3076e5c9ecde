"""`Turn` and its parts: plain immutable data, the same in a cell, on the page and in a recording."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, SupportsIndex, overload

from livewidget.tables import html_card, html_table, one_line, text_table, to_frame
from livewidget.text import plain

if TYPE_CHECKING:
    import pandas

#: Sample rate of positions in a model turn's audio, in Hz: that of the Live API's output.
AUDIO_RATE: Final = 24_000

#: Assumed rate of speech, in characters per second, to place text for which there is no other clue. Chosen: a
#: bit faster than the 15 or so of read English, so that text is rather early than late.
CHARACTERS_PER_SECOND: Final = 20

#: A character of a script written without spaces: Chinese, Japanese, Thai, Lao, Burmese, Khmer.
UNSPACED: Final = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a turn's text and its position in the turn's audio.

    Attributes:
        text: The text with its spaces: concatenating all spans gives the turn's text.
        sample: Where in the turn's audio the text begins, in samples at 24 kHz; 0 in user turns.
    """

    text: str
    sample: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """One call of a function by the model: of one of the notebook's, or of one that an agent has of its own.

    Attributes:
        id: Identifies the call; generated here if the service sent none, or one that it had used before.
        name: The function.
        args: Its arguments.
        result: What was sent to the model, or None.
        error: Why it failed, in one sentence, or None.
        duration_ms: How long it ran, in milliseconds.
        state: "asking" (waits for a person's approval), "running", "done", "failed", "refused" (it never
            ran: not approved, or too many calls) or "cancelled".
        updates: The values that it yielded while it ran; the latest 20.
        remote: Whether an agent ran it on its own side: then it is only reported here, and never asks.
        agent: Whose it is, where `remote` is true; "": the agent's that the conversation began with.
    """

    id: str
    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    error: str | None = None
    duration_ms: float = 0.0
    state: Literal["asking", "running", "done", "failed", "refused", "cancelled"] = "running"
    updates: tuple[Mapping[str, Any], ...] = ()
    remote: bool = False
    agent: str = ""

    def line(self) -> str:
        """Return the call as Python writes it, and what came of it: "add(a=1, b=2) → {'result': 3}"."""
        outcome = self.error or (self.state if self.result is None else self.result)
        return f"{self.name}({as_keywords(self.args)}) → {outcome}{self.whose}"

    @property
    def whose(self) -> str:
        """Who ran it, to be put after the call: " (by lamp)"; "" for a function of the notebook's."""
        return f" (by {self.agent or 'the agent'})" if self.remote else ""


@dataclass(frozen=True, slots=True)
class WebSource:
    """A web page that the answer is based on.

    Attributes:
        title: Its title, or its host if the service sent none.
        uri: Its address; always http or https.
    """

    title: str
    uri: str


@dataclass(frozen=True, slots=True)
class CodeRun:
    """Code that the model wrote and the service ran.

    Attributes:
        language: The service's name for it, such as "PYTHON"; None if it sent none.
        code: The code; "" if only its output arrived.
        outcome: "OK", "FAILED", "DEADLINE_EXCEEDED" or another value of the service; None while it runs.
        output: What it printed, or why it failed.
    """

    language: str | None
    code: str
    outcome: str | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class WebPage:
    """A web page that the model tried to read.

    Attributes:
        url: Its address; always http or https.
        status: "SUCCESS", "ERROR", "PAYWALL", "UNSAFE" or another value of the service.
    """

    url: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where the time of an answer went, in milliseconds.

    In order: `decision_ms`, `network_ms`, `tool_ms`, `wait_ms`, `kernel_ms` and `playback_ms` lead up to the
    first sound, and their sum is `first_sound_ms`; then `heard_ms`. The time that a person took to approve
    calls is in none of them. They count from the end of speech, or from when a typed text was sent.

    Attributes:
        decision_ms: From the end of speech until it was detected: from the position of the end in the audio,
            if the service reports it, else from the last audio sent that was as loud as speech; None if
            neither is known, if the user says when speech ends (push-to-talk), and for typed text.
        network_ms: Round trip of the connection to the service. None if it is not known, as with `direct`:
            a browser cannot ping, and the time is part of `wait_ms`.
        tool_ms: How long tool calls ran before the first sound; overlapping calls count once.
        wait_ms: The remaining time until the first sound arrived: the model's own.
        kernel_ms: Round trip between the page and the kernel, through which the question went up and the
            answer came down. None without a page, if it was not measured, and with `direct`.
        playback_ms: From the arrival of the first sound until the page played it, without `kernel_ms`; None
            if that is not reported.
        heard_ms: From the first sound to the last one played; None while it plays, and if playback is not
            reported.
        direct: The page held the connection to the service itself, without the kernel in between.
    """

    decision_ms: float | None = None
    network_ms: float | None = None
    tool_ms: float = 0.0
    wait_ms: float = 0.0
    kernel_ms: float | None = None
    playback_ms: float | None = None
    heard_ms: float | None = None
    direct: bool = False

    @property
    def first_sound_ms(self) -> float:
        """The time up to the first sound, in milliseconds."""
        before = (self.decision_ms or 0.0) + (self.network_ms or 0.0)
        after = (self.kernel_ms or 0.0) + (self.playback_ms or 0.0)
        return before + self.tool_ms + self.wait_ms + after


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Turn:
    """One turn of the conversation.

    A change makes a new `Turn` with the same `index`, which replaces the old one.

    Attributes:
        index: Identity and order. It rises from turn to turn, possibly with gaps.
        speaker: Who has the turn.
        agent: Which agent speaks, after a conversation was handed over to another; "": the one that it began
            with. Of a user turn "caller" where it was spoken on the phone.
        spans: The text so far.
        interim: A provisional transcript that follows the spans. User turns only.
        final: Nobody speaks in this turn any more. A late transcript may still change its text.
        interrupted: The model was cut off.
        heard_sample: Where playback of an interrupted turn stopped, in samples at 24 kHz, if known.
        latency_ms: From the end of the user's speech to the first sound of the answer that was heard, or that
            arrived where playback is not reported, in milliseconds; without the time that a person took to
            approve calls. It is the `first_sound_ms` of `timing`; None for answers to typed text.
        thoughts: The model's thought summary.
        tools: The calls made in this turn, in order.
        audio_samples: Length of the audio received for this turn, in samples at 24 kHz.
        sources: What the answer is based on, found by the service's search; at most 50.
        queries: What was searched for; at most 20.
        code: What the service ran for this answer; the latest 20.
        pages: What was read for this answer; at most 50.
        language: The language spoken, as a BCP-47 code, if the service reports it.
        declined: The model chose not to answer; its turn has no text.
        images: Number of images sent since the end of the previous user turn, up to the end of this one.
        timing: Where the time went. Model turns with audio only.
    """

    index: int
    speaker: Literal["user", "model"]
    spans: tuple[Span, ...] = ()
    interim: str = ""
    final: bool = False
    interrupted: bool = False
    heard_sample: int | None = None
    latency_ms: float | None = None
    thoughts: str = ""
    tools: tuple[ToolUse, ...] = ()
    audio_samples: int = 0
    sources: tuple[WebSource, ...] = ()
    queries: tuple[str, ...] = ()
    code: tuple[CodeRun, ...] = ()
    pages: tuple[WebPage, ...] = ()
    language: str | None = None
    declined: bool = False
    images: int = 0
    timing: Timing | None = None
    agent: str = ""

    def __str__(self) -> str:
        return plain(self.text)

    def __repr__(self) -> str:
        marks = "".join(f", {mark}" for mark in self._marks())
        return f"<Turn {self.index}, {self._who}: {one_line(self.text)!r}{marks}>"

    def _repr_html_(self) -> str:
        lines = [use.line() for use in self.tools]
        lines += [f"[{number}] {one.title}: {one.uri}" for number, one in enumerate(self.sources, 1)]
        return html_card(self._who, self.text, self._marks(tools=False), lines)

    def to_frame(self) -> pandas.DataFrame:
        """Return the turn as a pandas table with one row; see `Turns.to_frame`."""
        return Turns([self]).to_frame()

    def __await__(self) -> Generator[None, None, Turn]:
        """Return the turn itself, so that `await live.ask(…)` works too, as with a `LiveSession`."""
        yield from ()
        return self

    @property
    def _who(self) -> str:
        """The speaker, with the agent that it was handed over to: "model (kitchen)"."""
        return f"{self.speaker} ({one_line(self.agent)})" if self.agent else self.speaker

    def _marks(self, *, tools: bool = True) -> list[str]:
        """Return what else there is to know about the turn, in a few words each."""
        marks = [] if self.final else ["not complete"]
        if self.interrupted:
            marks.append("interrupted")
        if self.declined:
            marks.append("chose not to answer")
        if self.latency_ms is not None:
            marks.append(f"answered in {self.latency_ms / 1000:.2f} s")
        return [*marks, *(f"{use.name}() {use.state}{use.whose}" for use in self.tools if tools)]

    @property
    def text(self) -> str:
        """The text; of an interrupted turn only the part that was heard, if known."""
        return "".join(span.text for span in self.heard_spans)

    @property
    def heard_spans(self) -> tuple[Span, ...]:
        """The spans as far as they were heard, the last one cut between words in proportion to its audio."""
        if not self.interrupted or self.heard_sample is None:
            return self.spans
        spans: list[Span] = []
        for position, span in enumerate(self.spans):
            if span.sample >= self.heard_sample:
                break
            end = self._end_of(position)
            if self.heard_sample >= end:
                spans.append(span)
                continue
            share = (self.heard_sample - span.sample) / (end - span.sample)
            cut = words_until(span.text, share * len(span.text))
            if cut:
                spans.append(Span(cut, span.sample))
            break
        return tuple(spans)

    @property
    def next_sample(self) -> int:
        """Where a transcript that arrives now begins: after the audio received and the text before it."""
        if not self.spans:
            return self.audio_samples
        last = self.spans[-1]
        return max(self.audio_samples, last.sample + spoken_samples(last.text))

    def _end_of(self, position: int) -> int:
        """Return the sample at which a span ends. The last one may extend beyond the audio received."""
        span = self.spans[position]
        if position + 1 < len(self.spans):
            return max(self.spans[position + 1].sample, span.sample + 1)
        return max(self.audio_samples, span.sample + spoken_samples(span.text), span.sample + 1)


class Turns(list[Turn]):
    """Turns, oldest first: a list that shows itself as a table.

    `print(live.turns)` prints one line for each turn; a slice of it is one, too.
    """

    _HEAD: Final = ("", "speaker", "text", "")
    _COLUMNS: Final = (
        "index",
        "speaker",
        "agent",
        "text",
        "latency_ms",
        "audio_s",
        "interrupted",
        "declined",
        "tools",
        "images",
        "language",
        "thoughts",
        "sources",
    )

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Turn: ...
    @overload
    def __getitem__(self, place: slice, /) -> Turns: ...
    def __getitem__(self, place: SupportsIndex | slice, /) -> Turn | Turns:
        found = super().__getitem__(place)
        return Turns(found) if isinstance(found, list) else found

    def __repr__(self) -> str:
        return text_table(self._HEAD, self._rows()) if self else "(no turns yet)"

    def _repr_html_(self) -> str:
        return html_table(self._HEAD, self._rows()) if self else "(no turns yet)"

    def _rows(self) -> list[tuple[str, ...]]:
        return [(str(turn.index), turn._who, turn.text, ", ".join(turn._marks())) for turn in self]

    def to_frame(self) -> pandas.DataFrame:
        """Return the turns as a pandas table, one row each.

        Its columns are `index`, `speaker`, `agent`, `text`, `latency_ms`, `audio_s` (seconds of audio
        received), `interrupted`, `declined`, `tools` (names of the functions called), `images` (how many),
        `language`, `thoughts` and `sources` (addresses); all but `audio_s`, `tools` and `sources` are those
        of `Turn`.

        Raises:
            ExtraMissing: If pandas is not installed.
        """
        computed: dict[str, Callable[[Turn], Any]] = {
            "audio_s": lambda turn: turn.audio_samples / AUDIO_RATE,
            "tools": lambda turn: [use.name for use in turn.tools],
            "sources": lambda turn: [source.uri for source in turn.sources],
        }
        rows = [
            {
                name: computed[name](turn) if name in computed else getattr(turn, name)
                for name in self._COLUMNS
            }
            for turn in self
        ]
        return to_frame(rows, self._COLUMNS)


def as_keywords(args: Mapping[str, Any]) -> str:
    """Return arguments as Python writes them in a call: "a=1, b=2"."""
    return ", ".join(f"{name}={value!r}" for name, value in args.items())


def spoken_samples(text: str) -> int:
    """Return about how long `text` takes to speak, in samples at 24 kHz."""
    return len(text) * AUDIO_RATE // CHARACTERS_PER_SECOND


def words_until(text: str, position: float) -> str:
    """Return the words of `text` that lie more than half before `position`, in characters."""
    end = 0
    for word in re.finditer(r"\S+", text):
        if (word.start() + word.end()) / 2 >= position:
            break
        end = word.end()
    return text[:end]


def spaced_after(spans: Sequence[Span], text: str) -> str:
    """Return `text` with a leading space if it needs one after `spans`."""
    before = spans[-1].text if spans else ""
    joined = not before or not text or before[-1].isspace() or text[0].isspace()
    return text if joined or re.match(UNSPACED, before[-1]) or re.match(UNSPACED, text) else f" {text}"
