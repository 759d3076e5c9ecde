"""A reliable lane over a comm that may lose, repeat and reorder: each message acted on once, in order.

`ReliableSender` is the sending half, `ReliableReceiver` the receiving half. Time is an argument.

The way of the user's voice from the page: in order, each chunk once, no old one as if it were live.

The way of the model's voice to the page: whole, a little ahead of the ear, void when interrupted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from livewidget.ui.messages import MicrophoneAudio, PlaybackReport, SpeakerAudio, SpeakerEnd

T = TypeVar("T")

CAPACITY = 256
STALL_MS = 2000.0


@dataclass(slots=True)
class _Sent(Generic[T]):
    seq: int
    message: T


class ReliableSender(Generic[T]):
    """Numbers messages and keeps them until the other side has them.

    Attributes:
        seq: The number given last; 0 before the first.
        acked: The highest number the other side is known to have, without a hole.
        overflowed: True once more than `capacity` messages waited: the oldest are gone, and the other side
            needs a snapshot, not a resend.
    """

    def __init__(self, capacity: int = CAPACITY, stall_ms: float = STALL_MS) -> None:
        self.seq = 0
        self.acked = 0
        self.overflowed = False
        self._capacity = capacity
        self._stall_ms = stall_ms
        self._waiting: deque[_Sent[T]] = deque()
        self._moved_ms = 0.0

    def add(self, message: T, now_ms: float) -> int:
        """Keep `message` until it is acknowledged; returns its number."""
        if not self._waiting:
            self._moved_ms = now_ms
        self.seq += 1
        self._waiting.append(_Sent(self.seq, message))
        if len(self._waiting) > self._capacity:
            self._waiting.popleft()
            self.overflowed = True
        return self.seq

    def acknowledge(self, ack: int, now_ms: float) -> None:
        """The other side has everything up to `ack`. Older news and numbers never given are ignored."""
        if not self.acked < ack <= self.seq:
            return
        self.acked = ack
        self._moved_ms = now_ms
        while self._waiting and self._waiting[0].seq <= ack:
            self._waiting.popleft()
        if ack + 1 >= self.oldest:
            self.overflowed = False

    @property
    def oldest(self) -> int:
        """The lowest number that can still be sent again."""
        return self._waiting[0].seq if self._waiting else self.seq + 1

    def after(self, seq: int) -> list[tuple[int, T]]:
        """Return what waits with a number above `seq`, oldest first."""
        return [(sent.seq, sent.message) for sent in self._waiting if sent.seq > seq]

    def stalled(self, now_ms: float) -> list[tuple[int, T]]:
        """Return all that waits if nothing was acknowledged for the stall time, and begin that time anew."""
        if not self._waiting or now_ms - self._moved_ms < self._stall_ms:
            return []
        self._moved_ms = now_ms
        return self.after(0)

    def begin_anew(self) -> None:
        """Forget what waits: a snapshot takes its place."""
        self._waiting.clear()
        self.acked = self.seq
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._waiting)


class ReliableReceiver(Generic[T]):
    """Puts messages in order, each once.

    Attributes:
        last: The highest number acted on: what to acknowledge.
        repeated: How many came again.
    """

    def __init__(self, last: int = 0, capacity: int = CAPACITY) -> None:
        self.last = last
        self.repeated = 0
        self._capacity = capacity
        self._held: dict[int, T] = {}

    def receive(self, seq: int, message: T) -> list[T]:
        """Return the messages that are now in order. One too far ahead is not kept: it will be sent again."""
        if seq <= self.last or seq in self._held:
            self.repeated += 1
            return []
        if seq > self.last + self._capacity:
            return []
        self._held[seq] = message
        ready: list[T] = []
        while self.last + 1 in self._held:
            self.last += 1
            ready.append(self._held.pop(self.last))
        return ready

    def skip(self) -> list[T]:
        """Give up on the hole: go on at the next message that is here."""
        if not self._held:
            return []
        self.last = min(self._held) - 1
        first = self._held.pop(self.last + 1)
        return self.receive(self.last + 1, first)

    @property
    def hole(self) -> bool:
        """True while a message is missing before one that has come."""
        return bool(self._held)


STALE_MS = 3500.0
WARM_UP_MS = 120.0
HOLE_MS = 600.0
WINDOW_MS = 15_000.0
MAX_CHUNK_BYTES = 16_000 * 2 * 10  # the page keeps ten seconds; no honest chunk is longer


@dataclass(frozen=True, slots=True)
class _Chunk:
    message: MicrophoneAudio
    data: bytes
    arrived_ms: float


class JitterBuffer:
    """Decides which chunks go on to the model.

    The page stamps each chunk, and each of its reports, with its own clock. The smallest difference to this
    clock seen lately is taken for the honest one; a chunk that came `STALE_MS` later than that waited
    somewhere (a busy kernel, a suspended page) and is dropped. The reports tell the difference before the
    microphone is on; where none came in time, the first chunks wait `WARM_UP_MS` together, for of a whole
    backlog the oldest chunk alone would look fresh.

    Attributes:
        stale: How many chunks were dropped as too old.
        lost: How many never came.
    """

    def __init__(self) -> None:
        self.stale = 0
        self.lost = 0
        self._inbox: ReliableReceiver[_Chunk] = ReliableReceiver()
        self._hole_ms: float | None = None
        self._offset = float("inf")
        self._offset_before = float("inf")
        self._window_ms: float | None = None
        self.reset()

    def reset(self) -> None:
        """The microphone starts (anew). Numbers go on, and so do the clocks."""
        self._first_ms: float | None = None
        self._warming: list[_Chunk] = []

    @property
    def ack(self) -> int:
        """The highest number handled without a hole."""
        return self._inbox.last

    @property
    def resend(self) -> bool:
        """True while a chunk is missing that the page may still have."""
        return self._inbox.hole

    def begin(self, seq: int) -> None:
        """A page that counts from `seq` becomes the one with the microphone."""
        self._inbox = ReliableReceiver(last=seq - 1)
        self._hole_ms = None
        self.reset()

    def saw(self, page_ms: float, arrived_ms: float) -> None:
        """Something that the page sent at `page_ms` of its clock arrived."""
        # Two windows, so that a clock that drifts or a computer that slept does not make everything old for
        # ever.
        if self._window_ms is None or arrived_ms - self._window_ms > WINDOW_MS:
            self._window_ms = arrived_ms
            self._offset_before, self._offset = self._offset, float("inf")
        self._offset = min(self._offset, arrived_ms - page_ms)

    def age_ms(self, captured_ms: float, arrived_ms: float) -> float:
        """Return how long ago something was taken in the page; below 0 where the clocks are not known."""
        return arrived_ms - captured_ms - min(self._offset, self._offset_before)

    def receive(self, seq: int, message: MicrophoneAudio, data: bytes, now_ms: float) -> list[bytes]:
        """Take one chunk; returns the audio that may go on now, oldest first."""
        if len(data) > MAX_CHUNK_BYTES or len(data) % 2:
            data = b""
        ready = self._inbox.receive(seq, _Chunk(message, data, now_ms))
        if not self._inbox.hole:
            self._hole_ms = None
        elif self._hole_ms is None:
            self._hole_ms = now_ms
        return self._pass(ready, now_ms)

    def tick(self, now_ms: float) -> list[bytes]:
        """Time has passed: returns audio whose wait is over."""
        ready: list[_Chunk] = []
        if self._hole_ms is not None and now_ms - self._hole_ms > HOLE_MS:
            before = self._inbox.last
            ready = self._inbox.skip()
            self.lost += self._inbox.last - before - len(ready)
            self._hole_ms = now_ms if self._inbox.hole else None
        return self._pass(ready, now_ms)

    def _pass(self, ready: list[_Chunk], now_ms: float) -> list[bytes]:
        for chunk in ready:
            if not chunk.message.stale:
                self.saw(chunk.message.captured_ms, chunk.arrived_ms)
        if self._first_ms is None:
            if not ready:
                return []
            self._first_ms = now_ms
        if now_ms - self._first_ms < WARM_UP_MS:
            self._warming += ready
            return []
        ready, self._warming = self._warming + ready, []
        fresh = [chunk.data for chunk in ready if not self._is_stale(chunk)]
        self.stale += len(ready) - len(fresh)
        return [data for data in fresh if data]

    def _is_stale(self, chunk: _Chunk) -> bool:
        return chunk.message.stale or self.age_ms(chunk.message.captured_ms, chunk.arrived_ms) > STALE_MS


AHEAD_MS = 3000.0
UNACKED = 16
HOLD_MS = 2000.0
WAITING_BYTES = 32 * 1024 * 1024  # more than ten minutes of voice


@dataclass(frozen=True, slots=True)
class SpeakerMessage:
    """One message of the speaker lane, ready to be sent or sent again."""

    seq: int
    message: SpeakerAudio | SpeakerEnd
    data: bytes

    @property
    def samples(self) -> int:
        """How many samples it carries."""
        return len(self.data) // 2


class PlaybackQueue:
    """Holds the voice back so that the page is at most three seconds ahead of what has been heard.

    While no page plays (`open` is False) audio is counted and not kept. What lies in a browser's queues
    cannot be taken back quickly, and what Jupyter buffers may be dropped: so the rest waits here, where an
    interruption clears it at once. Times are milliseconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.dropped_bytes = 0
        self.sent_turn: int | None = None
        self.open = False
        self._waiting: deque[tuple[SpeakerAudio | SpeakerEnd, bytes]] = deque()
        self._waiting_bytes = 0
        self._unacked: deque[SpeakerMessage] = deque()
        self._ahead: deque[SpeakerMessage] = deque()
        self._ends: dict[int, int] = {}
        self._told_end = (-1, 0)
        self._played = (0, 0)
        self._played_ms: float | None = None
        self._moved_ms = 0.0

    def push(self, turn: int, data: bytes, sample_rate: int) -> None:
        """Add a chunk of `turn`: PCM16 little-endian mono. It will be sent whole."""
        first = self._ends.get(turn, 0)
        self._ends = {turn: first + len(data) // 2}  # only the newest turn grows
        if not self.open or self._waiting_bytes + len(data) > WAITING_BYTES:
            self.dropped_bytes += len(data)
            return
        message = SpeakerAudio(turn=turn, first_sample=first, sample_rate=sample_rate)
        self._waiting.append((message, data))
        self._waiting_bytes += len(data)

    def end(self, turn: int) -> None:
        """No more audio comes for `turn`. Turns without audio have no end to tell."""
        samples = self._ends.get(turn, 0)
        if samples and self.open and self._told_end != (turn, samples):
            self._told_end = (turn, samples)
            self._waiting.append((SpeakerEnd(turn=turn, samples=samples), b""))

    def played(self, played: PlaybackReport, now_ms: float) -> None:
        """The page reports: this is what it has received and what was heard."""
        if self._unacked and played.ack_seq >= self._unacked[0].seq:
            self._moved_ms = now_ms
        while self._unacked and self._unacked[0].seq <= played.ack_seq:
            self._unacked.popleft()
        self._played = (played.turn, played.played_sample)
        self._played_ms = now_ms

    def heard_of(self, turn: int) -> int:
        """The last sample of `turn` reported as played; 0 if none was."""
        return self._played[1] if self._played[0] == turn else 0

    @property
    def waiting(self) -> int:
        """How many messages wait for credit."""
        return len(self._waiting)

    @property
    def ahead_ms(self) -> float:
        """How much sent sound the page has yet to play."""
        while self._ahead and not self._unplayed(self._ahead[0]):
            self._ahead.popleft()
        return sum(self._unplayed(sent) for sent in self._ahead)

    def _unplayed(self, sent: SpeakerMessage) -> float:
        turn, sample = self._played
        message = sent.message
        if not isinstance(message, SpeakerAudio) or message.turn < turn:
            return 0.0
        left = sent.samples
        if message.turn == turn:
            left = min(left, max(0, message.first_sample + left - sample))
        return left / message.sample_rate * 1000

    def holding(self, now_ms: float) -> bool:
        """True while the page has not reported for two seconds."""
        return self._played_ms is None or now_ms - self._played_ms > HOLD_MS

    def ready(self, now_ms: float) -> list[SpeakerMessage]:
        """Return what may be sent now: what the credit allows, and again what is unacked for 2 s."""
        if self.holding(now_ms):
            return []
        out: list[SpeakerMessage] = []
        if self._unacked and now_ms - self._moved_ms > HOLD_MS:
            self._moved_ms = now_ms
            out.extend(self._unacked)
        ahead = self.ahead_ms
        while self._waiting and len(self._unacked) < UNACKED:
            message, data = self._waiting[0]
            length = len(data) / 2 / message.sample_rate * 1000 if isinstance(message, SpeakerAudio) else 0.0
            if ahead and ahead + length > AHEAD_MS:
                break
            self._waiting.popleft()
            self._waiting_bytes -= len(data)
            ahead += length
            out.append(self._send(message, data, now_ms))
        return out

    def _send(self, message: SpeakerAudio | SpeakerEnd, data: bytes, now_ms: float) -> SpeakerMessage:
        self.seq += 1
        sent = SpeakerMessage(self.seq, message, data)
        if not self._unacked:
            self._moved_ms = now_ms
        self._unacked.append(sent)
        if isinstance(message, SpeakerAudio):
            self._ahead.append(sent)
            self.sent_turn = message.turn
        return sent

    def flush(self) -> None:
        """An interruption: nothing that waits or is under way counts any more."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._unacked.clear()
        self._ahead.clear()

    def page_found(self, now_ms: float) -> None:
        """A page will play: it has full credit. Audio from before it came is counted and not sent."""
        self.open = True
        self._played_ms = now_ms

    def page_lost(self) -> None:
        """Nobody plays any more: forget what was under way and what the page had reported."""
        self.flush()
        self.open = False
        self.sent_turn = None
        self._played_ms = None
        self._played = (0, 0)
