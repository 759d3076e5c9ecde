"""What was said, turn by turn: plain immutable data, the same in a cell, on the page and in a recording."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: Positions in a model turn's audio count samples at this rate, in Hz.
AUDIO_RATE = 24_000

#: Pace of speech assumed where nothing better is known, in characters per second.
CHARACTERS_PER_SECOND = 20


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a turn's text, and where in the turn's audio it begins.

    Attributes:
        text: As it came, with its spaces; joining all spans gives the text.
        sample: Samples of this turn's audio, at 24 kHz, before the text begins to be heard; 0 in user turns.
    """

    text: str
    sample: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """One call of a Python function by the model.

    Attributes:
        id: The call's id; the service's own, or one made up where it gives none.
        name: The function.
        args: Its arguments.
        result: What was sent to the model, or None.
        error: Why it failed, in one sentence, or None.
        duration_ms: How long it ran, in milliseconds.
        state: "asking" while a person may allow it, "running", "done", "failed", "refused" where nobody
            allowed it, or "cancelled".
        updates: What it gave while it ran; the newest 20.
    """

    id: str
    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    error: str | None = None
    duration_ms: float = 0.0
    state: Literal["asking", "running", "done", "failed", "refused", "cancelled"] = "running"
    updates: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Something on the web that the answer rests on.

    Attributes:
        title: What the service calls it; its host where the service gives no name.
        uri: Its address; always http or https.
    """

    title: str
    uri: str


@dataclass(frozen=True, slots=True)
class CodeRun:
    """Code that the model wrote and the service ran.

    Attributes:
        language: As the service names it, such as "PYTHON"; None where it does not.
        code: The code; "" where only its output came.
        outcome: "OK", "FAILED", "DEADLINE_EXCEEDED" or another word of the service's; None while it runs.
        output: What it printed, or why it failed.
    """

    language: str | None
    code: str
    outcome: str | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that the model was asked to read.

    Attributes:
        url: Its address; always http or https.
        status: "SUCCESS", "ERROR", "PAYWALL", "UNSAFE" or another word of the service's.
    """

    url: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where the time of an answer went, in milliseconds.

    From the end of speech to the last sound heard: `decision_ms`, then `network_ms`, `tool_ms` and `wait_ms`,
    which add up to the turn's `latency_ms`, then `heard_ms`.

    Attributes:
        decision_ms: From the end of speech until it was noticed, where the service tells how far into the
            sound the speech ended; else None.
        network_ms: Round trip of the link; None if it is unknown.
        tool_ms: The calls of functions before the first sound; where several ran at once, once.
        wait_ms: The rest of the time until the first sound: the model's own, and that of a person who is
            asked whether a function may run.
        heard_ms: From the first sound to the last that was heard; None while it plays, and where nobody says.
    """

    decision_ms: float | None = None
    network_ms: float | None = None
    tool_ms: float = 0.0
    wait_ms: float = 0.0
    heard_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of the talk. A change makes a new `Turn` with the same `index`: replace, never append.

    Attributes:
        index: Identity and order. It rises from turn to turn; numbers may be left out.
        speaker: Who has the turn.
        spans: The text so far.
        interim: What is heard so far and may still change; follows the spans. User turns only.
        final: Nobody speaks in this turn any more. A late transcript may still change its text.
        interrupted: The model was cut off.
        heard_sample: Where the person stopped hearing an interrupted turn, in samples at 24 kHz, if known.
        latency_ms: Milliseconds from the end of the user's speech or text to the first sound of the answer.
        thoughts: The model's summary of its thinking.
        tools: The calls made in this turn, in order.
        audio_samples: Length of the audio received for this turn, in samples at 24 kHz.
        sources: What the answer rests on, by a search of the service's; at most 50.
        queries: What was searched for; at most 20.
        code: What the service ran for this answer; the newest 20.
        pages: What was read for this answer; at most 50.
        language: What is spoken, as a BCP-47 code, where the service says it.
        declined: The model chose not to answer. Its turn has no words.
        images: Pictures that were sent since the user's turn before, up to the end of this one.
        timing: Where the time went. Model turns with sound only.
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
    sources: tuple[Source, ...] = ()
    queries: tuple[str, ...] = ()
    code: tuple[CodeRun, ...] = ()
    pages: tuple[Page, ...] = ()
    language: str | None = None
    declined: bool = False
    images: int = 0
    timing: Timing | None = None

    @property
    def text(self) -> str:
        """What was said and heard: all of the text, or as far as it was heard when the turn was cut."""
        return "".join(span.text for span in self.heard_spans)

    @property
    def heard_spans(self) -> tuple[Span, ...]:
        """The spans as far as they were heard; the last is cut between words, in proportion to its sound."""
        if not self.interrupted or self.heard_sample is None:
            return self.spans
        heard: list[Span] = []
        for position, span in enumerate(self.spans):
            if span.sample >= self.heard_sample:
                break
            end = self._end_of(position)
            if self.heard_sample >= end:
                heard.append(span)
                continue
            share = (self.heard_sample - span.sample) / (end - span.sample)
            cut = words_until(span.text, share * len(span.text))
            if cut:
                heard.append(Span(cut, span.sample))
            break
        return tuple(heard)

    def _end_of(self, position: int) -> int:
        """Return the sample at which a span ends. The last may run ahead of the sound received."""
        span = self.spans[position]
        if position + 1 < len(self.spans):
            return max(self.spans[position + 1].sample, span.sample + 1)
        return max(self.audio_samples, span.sample + spoken_samples(span.text), span.sample + 1)


def spoken_samples(text: str) -> int:
    """Return about how long `text` takes to say, in samples at 24 kHz."""
    return len(text) * AUDIO_RATE // CHARACTERS_PER_SECOND


def words_until(text: str, position: float) -> str:
    """Return the words of `text` of which more than half lies before `position`, a count of characters."""
    end = 0
    for word in re.finditer(r"\S+", text):
        if (word.start() + word.end()) / 2 >= position:
            break
        end = word.end()
    return text[:end]
