"""The turns of a conversation by index, their tool calls, and what is needed to measure an answer's latency.

No I/O and no clock: every time is an argument, in milliseconds on one monotonic clock.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from livewidget.config import Limits
from livewidget.events import (
    OutputAudio,
    ToolApprovalRequested,
    ToolApproved,
    ToolCall,
    ToolResult,
    ToolUpdate,
)
from livewidget.turns.turn import AUDIO_RATE, Span, Timing, ToolUse, Turn, Turns

#: Time without a report, in ms, after which nobody is playing what is due. Chosen: pages report a few times
#: a second; a busy kernel gets reports late.
UNREPORTED_MS: Final = 2000.0
#: Audio packets whose send time is kept. Chosen: more than a minute of 20 ms packets, far longer than any
#: delay between the end of speech and the server's report of it.
PACKETS: Final = 4096
#: Longest plausible delay, in ms, until the end of speech is detected. Chosen: above the 5 s or so that the
#: longest silence settings take; a larger value means that the offset has another origin than assumed.
LONGEST_DECISION_MS: Final = 10_000.0
#: Turns whose playback, or whose call times, are followed at once. Chosen: many more than can be playing.
FOLLOWED: Final = 16
#: Pieces of text that a turn keeps if nothing else is said.
SPANS_PER_TURN: Final = Limits().spans_per_turn
#: Calls that a turn keeps. Chosen: four times as many as a session runs between two questions, and few
#: enough for a page to show.
CALLS_KEPT: Final = 100
#: Values kept of those that one call yielded. Chosen: what a card can show.
UPDATES: Final = 20


class TurnStore:
    """Turns by index. An index can be reserved long before its turn begins."""

    def __init__(self, spans_per_turn: int = SPANS_PER_TURN) -> None:
        self._most_spans = spans_per_turn
        self._turns: dict[int, Turn] = {}
        self._changed: set[int] = set()
        self._next = 0

    def __contains__(self, index: int | None) -> bool:
        return index in self._turns

    def __getitem__(self, index: int) -> Turn:
        return self._turns[index]

    def get(self, index: int | None) -> Turn | None:
        """Return the turn with this index, or None."""
        return None if index is None else self._turns.get(index)

    def all(self) -> Turns:
        """Return the turns in order, as a new list."""
        return Turns(self._turns[index] for index in sorted(self._turns))

    def reserve(self) -> int:
        """Return the next free index."""
        self._next += 1
        return self._next - 1

    def add(self, index: int, speaker: Literal["user", "model"]) -> None:
        """Begin the turn with a reserved index."""
        self._turns[index] = Turn(index=index, speaker=speaker)
        self._changed.add(index)

    def update(self, index: int, **fields: Any) -> Turn:
        """Replace fields of a turn, and report it with the next `take_changed`."""
        self._changed.add(index)
        return self.patch(index, **fields)

    def patch(self, index: int, **fields: Any) -> Turn:
        """Replace fields of a turn without reporting it: for changes that nobody sees."""
        turn = self._turns[index] = replace(self._turns[index], **fields)
        return turn

    def add_audio(self, index: int, event: OutputAudio) -> Turn:
        """Add the length of the model's audio to a turn, which nobody sees."""
        samples = event.samples * AUDIO_RATE // event.sample_rate
        return self.patch(index, audio_samples=self._turns[index].audio_samples + samples)

    def extended(self, spans: Sequence[Span], span: Span) -> tuple[Span, ...]:
        """Return `spans` with `span` at the end; as part of the last one if there are too many.

        Every change copies a turn's spans, so that their number decides what a piece of text costs.
        """
        if len(spans) < self._most_spans:
            return (*spans, span)
        last = spans[-1]
        return (*spans[:-1], Span(last.text + span.text, last.sample))

    def take_changed(self) -> list[Turn]:
        """Return the turns updated since the previous call, in order."""
        changed = [self._turns[index] for index in sorted(self._changed)]
        self._changed.clear()
        return changed


class SentAudioTimeline:
    """When each part of the user's audio was sent, to convert the server's audio offsets into times.

    Attributes:
        speech_ms: When the last audio was sent that was as loud as speech, or None.
    """

    def __init__(self) -> None:
        self.speech_ms: float | None = None
        # Of each packet, where it ends in the audio sent, and when it was sent; both in ms.
        self._packets: deque[tuple[float, float]] = deque(maxlen=PACKETS)
        self._total_ms = 0.0

    def restart(self) -> None:
        """Count offsets from here: a new connection was opened."""
        self._packets.clear()
        self._total_ms = 0.0

    def add(self, length_ms: float, now_ms: float, *, is_speech: bool = False) -> None:
        """Record that `length_ms` of audio were sent; `is_speech`: it is as loud as speech."""
        if is_speech:
            self.speech_ms = now_ms
        self._total_ms += length_ms
        self._packets.append((self._total_ms, now_ms))

    def since(self, offset_ms: float, now_ms: float) -> float | None:
        """Return how long ago the audio at `offset_ms` was sent, or None if that is not known."""
        at = bisect.bisect_left(self._packets, (offset_ms, float("-inf")))
        if at >= len(self._packets):
            return None
        end_ms, sent_ms = self._packets[at]
        ago = now_ms - (sent_ms - (end_ms - offset_ms))
        return ago if 0 <= ago <= LONGEST_DECISION_MS else None

    def since_speech(self, now_ms: float) -> float | None:
        """Return how long ago speech was last sent; None if that is not known, or too long ago to matter."""
        ago = None if self.speech_ms is None else now_ms - self.speech_ms
        return ago if ago is not None and 0 <= ago <= LONGEST_DECISION_MS else None


def union_ms(intervals: Iterable[tuple[float, float]], start: float, end: float) -> float:
    """Return how much of the time from `start` to `end` the intervals cover together."""
    total, reached = 0.0, start
    for begun, ended in sorted(intervals):
        begun, ended = max(begun, reached), min(ended, end)
        if ended > begun:
            total += ended - begun
            reached = ended
    return total


def timing_of(
    answer_ms: float, tool_ms: float, *, link_ms: float | None = None, decision_ms: float | None = None
) -> Timing:
    """Break down `answer_ms`, the time from the detected end of the input to the first sound of the answer.

    At most what remains of it besides the tool calls is attributed to the link.
    """
    tool_ms = min(tool_ms, answer_ms)
    network_ms = None if link_ms is None else max(0.0, min(link_ms, answer_ms - tool_ms))
    return Timing(
        decision_ms=decision_ms,
        network_ms=network_ms,
        tool_ms=tool_ms,
        wait_ms=answer_ms - tool_ms - (network_ms or 0.0),
    )


class _Playback:
    def __init__(self, first_ms: float) -> None:
        self.first_ms = first_ms
        self.sample = 0
        self.at_ms = first_ms

    def time_of(self, sample: int, now_ms: float) -> float:
        """Return when `sample` was played, extrapolated from the last known position."""
        return min(now_ms, self.at_ms + max(0, sample - self.sample) * 1000 / AUDIO_RATE)


class PlaybackTimes:
    """How long turns take to play, for `Timing.heard_ms`. Progress reports may be far apart, and may stop."""

    def __init__(self) -> None:
        self._turns: dict[int, _Playback] = {}

    def begin(self, index: int, now_ms: float) -> None:
        """Start with the first sound of a turn."""
        self._turns[index] = _Playback(now_ms)
        while len(self._turns) > FOLLOWED:
            del self._turns[next(iter(self._turns))]

    def started(self, index: int, sample: int, now_ms: float) -> float | None:
        """Return how long after its arrival the first sound of a turn was played, in ms; once for each turn.

        `sample` was played at `now_ms`, at 24 kHz. None: nothing was played, or it has been returned before.
        """
        turn = self._turns.get(index)
        if turn is None or turn.sample or sample <= 0:
            return None
        began_ms = min(max(turn.first_ms, now_ms - sample * 1000 / AUDIO_RATE), now_ms)
        delay_ms, turn.first_ms = began_ms - turn.first_ms, began_ms
        turn.at_ms = began_ms
        return delay_ms

    def progress(self, index: int, sample: int, samples: int | None, now_ms: float) -> float | None:
        """Record that a turn has been played up to `sample`, at 24 kHz.

        `samples` is the length of the turn's audio, or None while more may arrive. Returns the time from the
        first sound to the last, in ms, once everything was played, else None.
        """
        turn = self._turns.get(index)
        if turn is None or sample <= turn.sample:
            return None
        if samples is not None and sample >= samples:
            del self._turns[index]
            return turn.time_of(samples, now_ms) - turn.first_ms
        turn.sample, turn.at_ms = sample, now_ms
        return None

    def end(self, index: int, sample: int, now_ms: float) -> float | None:
        """Stop following a turn that ended at `sample`; returns the time as `progress` does."""
        turn = self._turns.pop(index, None)
        if turn is None or sample <= 0:
            return None
        return max(0.0, turn.time_of(sample, now_ms) - turn.first_ms)

    def before(self, index: int) -> list[int]:
        """Return the turns followed that are older than `index`."""
        return [known for known in self._turns if known < index]


class _Heard:
    def __init__(self) -> None:
        self.samples = 0  # heard
        self.due = 0  # to be heard: all that came, or all that was heard where it was cut off
        self.sent = 0


class HeardAudio:
    """How much of all the audio of a session was heard, where the other side wants to know.

    Who plays it reports that. Where nobody does, from the beginning or for a while, it counts as played in
    its time. Audio that was cut off is never counted.
    """

    def __init__(self, *, is_reported: bool) -> None:
        """Begin; `is_reported`: somebody plays it, who is expected to say how far that is."""
        self._patience_ms = UNREPORTED_MS if is_reported else 0.0
        self._by_clock = False
        self._turns: dict[int, _Heard] = {}
        self._earlier = 0  # samples heard of turns that are not followed any more
        self._known_ms = 0.0  # when the samples heard were as many as that

    def add(self, index: int, samples: int, now_ms: float) -> None:
        """Audio of a turn goes to whoever plays it."""
        self._advance(now_ms)
        if not self.is_playing:
            self._known_ms = now_ms
        turn = self._turns.setdefault(index, _Heard())
        turn.sent += samples
        turn.due += samples
        while len(self._turns) > FOLLOWED:
            self._earlier += self._turns.pop(next(iter(self._turns))).due

    def progress(self, index: int, sample: int, now_ms: float) -> None:
        """A turn has been played up to `sample`; what is due of earlier ones was heard before it."""
        self._by_clock, self._known_ms = False, now_ms
        for earlier, turn in self._turns.items():
            if earlier < index:
                turn.samples = turn.due
            elif earlier == index:
                turn.samples = max(turn.samples, min(sample, turn.sent))
                turn.due = max(turn.due, turn.samples)

    def stopped(self, index: int, sample: int, now_ms: float) -> None:
        """Playback was stopped at `sample` of a turn."""
        self.progress(index, sample, now_ms)
        self._cut()

    def interrupted(self, now_ms: float) -> None:
        """What has not been played is not due any more; a page may still report where it stopped."""
        self._advance(now_ms)
        self._cut()

    def heard_ms(self, now_ms: float) -> float:
        """Return how much was heard until now, in ms; it never falls."""
        self._advance(now_ms)
        return (self._earlier + sum(turn.samples for turn in self._turns.values())) * 1000 / AUDIO_RATE

    @property
    def is_playing(self) -> bool:
        """Whether something is due that was not heard."""
        return any(turn.samples < turn.due for turn in self._turns.values())

    def _cut(self) -> None:
        for turn in self._turns.values():
            turn.due = turn.samples

    def _advance(self, now_ms: float) -> None:
        """Let the clock play what is due, where nobody says that it was played."""
        self._by_clock = self._by_clock or (self.is_playing and now_ms - self._known_ms >= self._patience_ms)
        if not self._by_clock:
            return
        passed, self._known_ms = int((now_ms - self._known_ms) * AUDIO_RATE / 1000), now_ms
        for turn in self._turns.values():
            step = min(passed, turn.due - turn.samples)
            turn.samples += step
            passed -= step


class ToolCalls:
    """Tool calls in progress and the turns that they belong to.

    Attributes:
        running: The turns of the calls in progress, by the calls' ids.
        remote: The turns of calls of an agent's own tools, by the calls' ids; also of some that are over.
        updated: Ids of the calls in progress of which the model has received a value.
    """

    def __init__(self, store: TurnStore) -> None:
        self.running: dict[str, int] = {}
        self.remote: dict[str, int] = {}
        self.updated: set[str] = set()
        self._store = store
        # When the calls of a turn ran, and when they waited for a person's approval.
        self._times: dict[int, dict[str, tuple[float, float]]] = {}
        self._asked: dict[int, dict[str, tuple[float, float]]] = {}

    @property
    def is_awaited(self) -> bool:
        """Whether the model waits for a call here. An agent need not say how a call of its own ends."""
        return any(id not in self.remote for id in self.running)

    def busy_ms(self, index: int, start_ms: float, end_ms: float) -> float:
        """Return how long between two times at least one call of this turn ran."""
        return union_ms(self._times.get(index, {}).values(), start_ms, end_ms)

    def asked_ms(self, index: int, start_ms: float, end_ms: float) -> float:
        """Return how long between two times calls of this turn waited for approval while none ran."""
        ran, asked = self._times.get(index, {}).values(), self._asked.get(index, {}).values()
        return union_ms([*ran, *asked], start_ms, end_ms) - union_ms(ran, start_ms, end_ms)

    def start(self, index: int, event: ToolCall, now_ms: float, agent: str = "") -> None:
        """Add a call to the turn with this index, unless it has too many to be shown.

        `agent`: which agent runs it, if it is not the first one.
        """
        if len(self._store[index].tools) >= CALLS_KEPT:
            return
        whose = agent if event.remote else ""
        use = ToolUse(id=event.id, name=event.name, args=event.args, remote=event.remote, agent=whose)
        if event.remote:
            self.remote[event.id] = index
            while len(self.remote) > CALLS_KEPT:
                del self.remote[next(iter(self.remote))]
        self._store.update(index, tools=(*self._store[index].tools, use))
        self.running[event.id] = index
        self._times.setdefault(index, {})[event.id] = (now_ms, float("inf"))
        while len(self._times) > FOLLOWED:
            oldest = next(iter(self._times))
            del self._times[oldest]
            self._asked.pop(oldest, None)

    def update(self, event: ToolApprovalRequested | ToolApproved | ToolUpdate, now_ms: float) -> None:
        """Record that a call awaits approval, was approved, or yielded a value."""
        index = self.running.get(event.id)
        if index is None:
            return
        match event:
            case ToolApprovalRequested():
                self._change(index, event.id, state="asking")
                # Waiting for a person is not the tool's time.
                self._times.get(index, {}).pop(event.id, None)
                self._asked.setdefault(index, {})[event.id] = (now_ms, float("inf"))
            case ToolApproved():
                self._change(index, event.id, state="running")
                self._end_asking(index, event.id, now_ms)
                self._times.setdefault(index, {})[event.id] = (now_ms, float("inf"))
            case ToolUpdate(result=result, sent=sent):
                updates = self._use(index, event.id).updates
                self._change(index, event.id, updates=(*updates, result)[-UPDATES:])
                if sent:
                    self.updated.add(event.id)

    def finish(self, event: ToolResult, now_ms: float) -> None:
        """Record the result of a call; does nothing for unknown and cancelled ones.

        An agent may report on a call of its own again and again: the last report stands.
        """
        failed = "refused" if event.refused else "failed"
        if event.remote and event.id in self.remote:
            self.running.setdefault(event.id, self.remote[event.id])
        self._end(
            event.id,
            now_ms,
            result=event.result,
            error=event.error,
            duration_ms=event.duration_ms,
            state="done" if event.error is None else failed,
        )

    def cancel(self, ids: Iterable[str], now_ms: float) -> None:
        """Mark those of these calls as cancelled that are in progress."""
        for id in ids:
            self._end(id, now_ms, state="cancelled")

    def _end(self, id: str, now_ms: float, **fields: Any) -> None:
        index = self.running.pop(id, None)
        if index is not None:
            times = self._times.get(index, {})
            if id in times:
                times[id] = (times[id][0], now_ms)
            self._end_asking(index, id, now_ms)
            self.updated.discard(id)
            self._change(index, id, **fields)

    def _end_asking(self, index: int, id: str, now_ms: float) -> None:
        asked = self._asked.get(index, {})
        if id in asked:
            asked[id] = (asked[id][0], min(asked[id][1], now_ms))

    def _use(self, index: int, id: str) -> ToolUse:
        in_progress = ("asking", "running")
        uses = (use for use in self._store[index].tools if use.id == id)
        return next(use for use in uses if use.state in in_progress or use.remote)

    def _change(self, index: int, id: str, **fields: Any) -> None:
        use = self._use(index, id)
        uses = self._store[index].tools
        changed = replace(use, **fields)
        self._store.update(index, tools=tuple(changed if one is use else one for one in uses))
