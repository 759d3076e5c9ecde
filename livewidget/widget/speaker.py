"""The way of the model's voice to the page: whole, a little ahead of the ear, void when interrupted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from livewidget.widget.messages import Played, SpeakerAudio, SpeakerEnd

AHEAD_MS = 3000.0
UNACKED = 16
HOLD_MS = 2000.0
WAITING_BYTES = 32 * 1024 * 1024  # more than ten minutes of voice


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message of the speaker lane, ready to be sent or sent again."""

    seq: int
    message: SpeakerAudio | SpeakerEnd
    data: bytes

    @property
    def samples(self) -> int:
        """How many samples it carries."""
        return len(self.data) // 2


class SpeakerQueue:
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
        self._unacked: deque[Outgoing] = deque()
        self._ahead: deque[Outgoing] = deque()
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

    def played(self, played: Played, now_ms: float) -> None:
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

    def _unplayed(self, sent: Outgoing) -> float:
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

    def ready(self, now_ms: float) -> list[Outgoing]:
        """Return what may be sent now: what the credit allows, and again what is unacked for 2 s."""
        if self.holding(now_ms):
            return []
        out: list[Outgoing] = []
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

    def _send(self, message: SpeakerAudio | SpeakerEnd, data: bytes, now_ms: float) -> Outgoing:
        self.seq += 1
        sent = Outgoing(self.seq, message, data)
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
