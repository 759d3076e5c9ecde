"""The lanes between kernel and page. No I/O: time is an argument, in ms of one monotonic clock.

* `ReliableSender` and `ReliableReceiver` make a comm that may lose, repeat and reorder messages deliver each
  of them once and in order.
* `JitterBuffer` takes the microphone's chunks from a page and gives out those that are recent enough.
* `PlaybackQueue` holds the model's audio back so that a page is never far ahead of what has been played.
* `VoicePlaces` knows which piece of what a page plays from its own socket is which of a turn.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from msgspec import structs

from livewidget.ui.messages import MicrophoneAudio, PlaybackReport, SpeakerAudio, SpeakerEnd

T = TypeVar("T")

#: Messages kept for sending again, or held while an earlier one is missing. Chosen: half a minute of a busy
#: control lane (about eight messages a second); beyond that a snapshot is smaller than the backlog.
CAPACITY: Final = 256
#: Everything unacknowledged is sent again after this time without progress. Chosen: four heartbeats. A longer
#: time stays until what was sent twice is acknowledged (after Karn and Partridge, 1987): each message that
#: arrives late is progress, and a slow way would be filled with copies.
STALL_MS: Final = 2000.0
#: The longest such time: it doubles with each repetition, as in js/src/bridge.ts. Chosen: a page that does
#: not keep up gets every copy.
MAX_STALL_MS: Final = 30_000.0


@dataclass(slots=True)
class _Sent(Generic[T]):
    seq: int
    message: T


class ReliableSender(Generic[T]):
    """Numbers messages and keeps them until the other side has acknowledged them.

    Attributes:
        seq: The last number assigned; 0 before the first.
        acked: The highest number acknowledged; everything up to it has arrived.
        overflowed: True once more than `capacity` messages were unacknowledged: the oldest are gone, and the
            other side needs a snapshot instead of a resend.
    """

    def __init__(self, capacity: int = CAPACITY, stall_ms: float = STALL_MS) -> None:
        self.seq = 0
        self.acked = 0
        self.overflowed = False
        self._capacity = capacity
        self._first_stall_ms = self._stall_ms = stall_ms
        self._waiting: deque[_Sent[T]] = deque()
        self._progress_ms = 0.0
        self._repeated = 0  # the highest number that was sent again

    def add(self, message: T, now_ms: float) -> int:
        """Keep `message` until it is acknowledged, and return its number."""
        if not self._waiting:
            self._progress_ms, self._stall_ms = now_ms, self._first_stall_ms
        self.seq += 1
        self._waiting.append(_Sent(self.seq, message))
        if len(self._waiting) > self._capacity:
            self._waiting.popleft()
            self.overflowed = True
        return self.seq

    def acknowledge(self, ack: int, now_ms: float) -> None:
        """Forget everything up to `ack`. Old acknowledgements and unassigned numbers are ignored."""
        if not self.acked < ack <= self.seq:
            return
        self.acked = ack
        self._progress_ms = now_ms
        if ack >= self._repeated:
            self._stall_ms = self._first_stall_ms
        while self._waiting and self._waiting[0].seq <= ack:
            self._waiting.popleft()
        if ack + 1 >= self.oldest:
            self.overflowed = False

    @property
    def oldest(self) -> int:
        """The lowest number that can still be sent again."""
        return self._waiting[0].seq if self._waiting else self.seq + 1

    def after(self, seq: int) -> list[tuple[int, T]]:
        """Return the unacknowledged messages numbered above `seq`, oldest first."""
        return [(sent.seq, sent.message) for sent in self._waiting if sent.seq > seq]

    def stalled(self, now_ms: float) -> list[tuple[int, T]]:
        """Return every unacknowledged message if there was no progress for the stall time.

        That time doubles then, until these are acknowledged: two seconds, four, eight and so on.
        """
        if not self._waiting or now_ms - self._progress_ms < self._stall_ms:
            return []
        self._progress_ms, self._repeated = now_ms, self.seq
        self._stall_ms = min(2 * self._stall_ms, max(MAX_STALL_MS, self._first_stall_ms))
        return self.after(0)

    def reset(self) -> None:
        """Forget the unacknowledged messages: a snapshot replaces them."""
        self._waiting.clear()
        self.acked = self.seq
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._waiting)


class ReliableReceiver(Generic[T]):
    """Puts messages in order, each once.

    Attributes:
        last: The highest number delivered in order: what to acknowledge.
        repeated: How many messages arrived more than once.
    """

    def __init__(self, last: int = 0, capacity: int = CAPACITY) -> None:
        self.last = last
        self.repeated = 0
        self._capacity = capacity
        self._held: dict[int, T] = {}

    def receive(self, seq: int, message: T) -> list[T]:
        """Return the messages that are in order now. One too far ahead is dropped: it will be sent again."""
        if self.has(seq):
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
        """Stop waiting for the missing messages, and return those that are in order from the next one on."""
        if not self._held:
            return []
        self.last = min(self._held) - 1
        first = self._held.pop(self.last + 1)
        return self.receive(self.last + 1, first)

    def has(self, seq: int) -> bool:
        """Return whether the message with this number has arrived."""
        return seq <= self.last or seq in self._held

    @property
    def hole(self) -> bool:
        """Whether a message is missing before one that has arrived."""
        return bool(self._held)


#: Audio older than this is not passed on as if it were live. Chosen: half a second more than the page's own
#: limit (`STALE_AFTER_MS` in packets.ts), so that three seconds held up by a busy kernel are not lost.
STALE_MS: Final = 3500.0
#: The first chunks wait together for this time where no report has shown yet what delay is normal. Chosen:
#: three chunks of 40 ms.
WARM_UP_MS: Final = 120.0
#: A missing chunk is waited for this long. Chosen: the page resends within one heartbeat of 500 ms.
HOLE_MS: Final = 600.0
#: How long an observed delay counts. Chosen: clocks drift by less than a millisecond in it.
WINDOW_MS: Final = 15_000.0
#: The page keeps ten seconds of 16 kHz audio; a longer chunk is not one of its own.
MAX_CHUNK_BYTES: Final = 16_000 * 2 * 10


@dataclass(frozen=True, slots=True)
class _Chunk:
    message: MicrophoneAudio
    data: bytes
    arrived_ms: float


class JitterBuffer:
    """Decides which chunks of a page's microphone go on to the model.

    The page stamps each chunk, and each of its reports, with its own clock. The smallest difference to this
    clock that was seen lately counts as the delay of a message that waited nowhere; a chunk that took
    `STALE_MS` longer did wait somewhere (a busy kernel, a suspended page) and is dropped. Reports show the
    difference before the microphone is on. Where none came in time, the first chunks wait `WARM_UP_MS`
    together: of a whole backlog the oldest chunk alone would look fresh.

    Attributes:
        stale: How many chunks were dropped because they were too old.
        lost: How many chunks never arrived.
    """

    def __init__(self) -> None:
        self.stale = 0
        self.lost = 0
        self._receiver: ReliableReceiver[_Chunk] = ReliableReceiver()
        self._hole_ms: float | None = None
        self._offset = float("inf")
        self._offset_before = float("inf")
        self._window_ms: float | None = None
        self.reset()

    def reset(self) -> None:
        """Start the microphone (again). Numbers and clocks go on."""
        self._first_ms: float | None = None
        self._warming: list[_Chunk] = []

    @property
    def ack(self) -> int:
        """The highest number handled without a hole."""
        return self._receiver.last

    @property
    def resend(self) -> bool:
        """Whether a chunk is missing that the page may still have."""
        return self._receiver.hole

    def observe(self, page_ms: float, arrived_ms: float) -> None:
        """Take note that a message which the page sent at `page_ms` of its clock arrived at `arrived_ms`."""
        # Two windows, so that a clock that drifts, or a computer that slept, does not make everything look
        # old for ever.
        if self._window_ms is None or arrived_ms - self._window_ms > WINDOW_MS:
            self._window_ms = arrived_ms
            self._offset_before, self._offset = self._offset, float("inf")
        self._offset = min(self._offset, arrived_ms - page_ms)

    def age_ms(self, captured_ms: float, arrived_ms: float) -> float:
        """Return how old something captured in the page was on arrival; negative before clocks are known."""
        return arrived_ms - captured_ms - min(self._offset, self._offset_before)

    def receive(self, seq: int, message: MicrophoneAudio, data: bytes, now_ms: float) -> list[bytes]:
        """Take one chunk of PCM16, and return the audio that may go on now, oldest first."""
        if len(data) > MAX_CHUNK_BYTES or len(data) % 2:
            data = b""
        if seq > self._receiver.last + CAPACITY:
            # The page was away, and gave up what it had recorded: nothing in between comes any more.
            self.lost += seq - 1 - self._receiver.last
            self._receiver = ReliableReceiver(last=seq - 1)
        ready = self._receiver.receive(seq, _Chunk(message, data, now_ms))
        if not self._receiver.hole:
            self._hole_ms = None
        elif self._hole_ms is None:
            self._hole_ms = now_ms
        return self._pass(ready, now_ms)

    def tick(self, now_ms: float) -> list[bytes]:
        """Return the audio whose wait is over."""
        ready: list[_Chunk] = []
        if self._hole_ms is not None and now_ms - self._hole_ms > HOLE_MS:
            before = self._receiver.last
            ready = self._receiver.skip()
            self.lost += self._receiver.last - before - len(ready)
            self._hole_ms = now_ms if self._receiver.hole else None
        return self._pass(ready, now_ms)

    def _pass(self, ready: list[_Chunk], now_ms: float) -> list[bytes]:
        for chunk in ready:
            if not chunk.message.stale:
                self.observe(chunk.message.captured_ms, chunk.arrived_ms)
        if self._first_ms is None:
            if not ready:
                return []
            self._first_ms = now_ms
        if now_ms - self._first_ms < WARM_UP_MS:
            self._warming += ready
            return []
        ready, self._warming = self._warming + ready, []
        oldest = STALE_MS + min(self._offset, self._offset_before)
        fresh = [
            chunk.data
            for chunk in ready
            if not chunk.message.stale and chunk.arrived_ms - chunk.message.captured_ms <= oldest
        ]
        self.stale += len(ready) - len(fresh)
        return [data for data in fresh if data]


#: How far the page may be ahead of what has been played. Chosen: more than a browser's main thread is ever
#: busy, and less than what Jupyter buffers before it drops messages.
AHEAD_MS: Final = 3000.0
#: Messages under way at once. Chosen: a page acknowledges four times a second, and 16 messages of 40 ms are
#: more than that.
UNACKED: Final = 16
#: Nothing is sent to a page that has not reported for this long, and unacknowledged audio is sent again after
#: it. Chosen: eight of its reports.
REPORT_MS: Final = 2000.0
#: More than ten minutes of 24 kHz audio.
WAITING_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SpeakerMessage:
    """One message of the speaker lane, ready to be sent or sent again.

    Attributes:
        seq: Its number; 0 where nothing is sent.
        message: What it says.
        data: The sound it carries.
        counted: Samples of sound that the page has from its own socket, where nothing is sent.
    """

    seq: int
    message: SpeakerAudio | SpeakerEnd
    data: bytes
    counted: int = 0

    @property
    def samples(self) -> int:
        """How many samples it stands for."""
        return len(self.data) // 2 or self.counted


class PlaybackQueue:
    """Holds the model's audio back so that the page is at most three seconds ahead of what has been played.

    While no page plays (`open` is False) audio is counted and not kept. What lies in a browser's queues
    cannot be taken back quickly, and what Jupyter buffers may be dropped; so the rest waits here, where an
    interruption clears it at once.

    Attributes:
        seq: The last number assigned on the speaker lane.
        sent_turn: The turn whose audio was sent last.
        open: Whether a page plays.
        dropped_ms: Audio that was not kept because too much waited, in milliseconds.
    """

    def __init__(self, most: int = WAITING_BYTES) -> None:
        """Keep at most `most` bytes waiting."""
        self.seq = 0
        self.dropped_ms = 0.0
        self._most = most
        self.sent_turn: int | None = None
        self._counted_turn: int | None = None
        self.open = False
        self._waiting: deque[tuple[SpeakerAudio | SpeakerEnd, bytes]] = deque()
        self._waiting_bytes = 0
        self._unacked: deque[SpeakerMessage] = deque()
        self._ahead: deque[SpeakerMessage] = deque()
        self._ends: dict[int, int] = {}
        self._last_end = (-1, 0)
        self._played = (0, 0)
        self._played_ms: float | None = None
        self._progress_ms = 0.0

    def push(self, turn: int, data: bytes, sample_rate: int) -> None:
        """Add a chunk of `turn`: PCM16 little-endian mono. It is sent whole."""
        first = self._ends.get(turn, 0)
        self._ends = {turn: first + len(data) // 2}  # only the newest turn grows
        if not self.open:
            return
        if self._waiting_bytes + len(data) > self._most:
            self.dropped_ms += len(data) / 2 / sample_rate * 1000
            return
        message = SpeakerAudio(turn=turn, first_sample=first, sample_rate=sample_rate)
        self._waiting.append((message, data))
        self._waiting_bytes += len(data)

    def count(self, turn: int, samples: int, sample_rate: int) -> int:
        """Take note of a chunk of `turn` that the page plays from its own socket.

        Returns:
            The place in the turn at which it begins.
        """
        first = self._ends.get(turn, 0)
        self._ends = {turn: first + samples}
        if self.open:
            message = SpeakerAudio(turn=turn, first_sample=first, sample_rate=sample_rate)
            self._ahead.append(SpeakerMessage(0, message, b"", samples))
            self.sent_turn = self._counted_turn = turn
        return first

    def end(self, turn: int) -> None:
        """Say that no more audio comes for `turn`; nothing for a turn without audio."""
        samples = self._ends.get(turn, 0)
        if turn == self._counted_turn:
            return  # the page knows by itself
        if samples and self.open and self._last_end != (turn, samples):
            self._last_end = (turn, samples)
            self._waiting.append((SpeakerEnd(turn=turn, samples=samples), b""))

    def on_report(self, report: PlaybackReport, now_ms: float) -> None:
        """Take in what the page has received and played."""
        if self._unacked and report.ack_seq >= self._unacked[0].seq:
            self._progress_ms = now_ms
        while self._unacked and self._unacked[0].seq <= report.ack_seq:
            self._unacked.popleft()
        # A page that took over has played less of this turn than was heard; none has played what never came.
        newest = max(self._ends.items(), default=(0, 0))
        self._played = max(self._played, min(newest, (report.turn, report.played_sample)))
        self._played_ms = now_ms

    def played_of(self, turn: int) -> int:
        """Return the last sample of `turn` reported as played; 0 if none was."""
        return self._played[1] if self._played[0] == turn else 0

    @property
    def unheard(self) -> int | None:
        """The turn of which the page alone has sound that is not played yet; None if there is none."""
        return self._counted_turn if self.sent_turn == self._counted_turn and self.ahead_ms > 0 else None

    @property
    def waiting(self) -> int:
        """How many messages wait for credit."""
        return len(self._waiting)

    @property
    def ahead_ms(self) -> float:
        """How much of the audio that was sent the page has yet to play."""
        while self._ahead and not self._unplayed(self._ahead[0]):
            self._ahead.popleft()
        return sum(map(self._unplayed, self._ahead))

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
        """Return whether the page has not reported for two seconds."""
        return self._played_ms is None or now_ms - self._played_ms > REPORT_MS

    def ready(self, now_ms: float) -> list[SpeakerMessage]:
        """Return what may be sent now: what the credit allows, and again what is unacknowledged for 2 s."""
        if self.holding(now_ms):
            return []
        out: list[SpeakerMessage] = []
        if self._unacked and now_ms - self._progress_ms > REPORT_MS:
            self._progress_ms = now_ms
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
            self._progress_ms = now_ms
        self._unacked.append(sent)
        self._ahead.append(sent)
        if isinstance(message, SpeakerAudio):
            self.sent_turn = message.turn
        return sent

    def repeat(self) -> list[SpeakerMessage]:
        """Return what is not acknowledged, to be sent again at once."""
        return list(self._unacked)

    def hand_over(self, now_ms: float) -> None:
        """Let another page play on from the last sample that was reported as played, with full credit."""
        turn, sample = self._played
        rest: list[tuple[SpeakerAudio | SpeakerEnd, bytes]] = []
        for sent in self._ahead:
            message, data = sent.message, sent.data
            if isinstance(message, SpeakerAudio) and message.turn <= turn:
                played = (
                    sent.samples
                    if message.turn < turn
                    else min(sent.samples, max(0, sample - message.first_sample))
                )
                message = structs.replace(message, first_sample=message.first_sample + played)
                data = data[2 * played :]
            if data or isinstance(message, SpeakerEnd):
                rest.append((message, data))
        self._waiting.extendleft(reversed(rest))
        self._waiting_bytes += sum(len(data) for _, data in rest)
        self._unacked.clear()
        self._ahead.clear()
        self.sent_turn = None
        self.begin_playback(now_ms)

    def flush(self) -> None:
        """Forget everything that waits or is under way: the turn was interrupted."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._unacked.clear()
        self._ahead.clear()

    def begin_playback(self, now_ms: float) -> None:
        """Give full credit to a page that begins to play. Audio from before is counted and not sent."""
        self.open = True
        self._played_ms = now_ms

    def end_playback(self) -> None:
        """Forget what was under way and what was reported: nobody plays any more."""
        self.flush()
        self.open = False
        self.sent_turn = None
        self._played_ms = None
        self._played = (0, 0)


#: Voices of a page that are kept, and pieces of each. Chosen: playback is reported of the newest, and a voice
#: that goes over from one turn to the next is rare.
MOST_VOICES: Final = 64
#: How far a place may be from where the last one leads, in samples at 24 kHz. Chosen: 10 ms, which rounding
#: of other rates adds up to and nobody hears.
SLACK_SAMPLES: Final = 240


@dataclass(frozen=True, slots=True)
class VoicePlace:
    """From its sample `first` on, a voice is `turn` from that turn's sample `sample` on."""

    first: int
    turn: int
    sample: int


class VoicePlaces:
    """Which sample of a page's voice is which of a turn; both are counted at 24 kHz.

    A page that plays from its own socket counts its voices by itself; only the kernel knows of turns.
    """

    def __init__(self) -> None:
        """Know no voice."""
        self._at = (0, 0)
        self._places: dict[int, deque[VoicePlace]] = {}

    def arrive(self, voice: int, first: int) -> None:
        """Take note that the sound in the next frame begins at sample `first` of `voice`; 0: it has none."""
        self._at = voice, first

    def add(self, turn: int, sample: int, samples: int) -> tuple[int, VoicePlace] | None:
        """Say to which turn the next `samples` of the frame belong, and where in it they begin.

        Returns:
            The voice and its new place, unless they go on where the last place leads.
        """
        voice, first = self._at
        if not voice:
            return None
        self._at = voice, first + samples
        places = self._places.setdefault(voice, deque(maxlen=MOST_VOICES))
        while len(self._places) > MOST_VOICES:
            del self._places[next(iter(self._places))]
        last = places[-1] if places else None
        if last and last.turn == turn and abs(first - last.first - (sample - last.sample)) <= SLACK_SAMPLES:
            return None
        places.append(VoicePlace(first, turn, sample))
        return voice, places[-1]

    def turn_of(self, voice: int, sample: int) -> tuple[int, int] | None:
        """Return the turn and its sample that a sample of a voice is; None if that is not known (yet)."""
        places = self._places.get(voice)
        if not places:
            return None
        place = next((known for known in reversed(places) if known.first <= sample), places[0])
        return place.turn, place.sample + max(0, sample - place.first)

    def voice_of(self, turn: int) -> int:
        """Return the newest voice that is part of a turn; 0: none."""
        voices = (
            voice for voice, places in self._places.items() if any(place.turn == turn for place in places)
        )
        return max(voices, default=0)
