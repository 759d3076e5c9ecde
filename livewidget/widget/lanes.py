"""A reliable lane over a comm that may lose, repeat and reorder: each message acted on once, in order.

`Outbox` is the sending half, `Inbox` the receiving half. Both are plain bookkeeping: time is an argument.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

CAPACITY = 256
STALL_MS = 2000.0


@dataclass(slots=True)
class _Sent(Generic[T]):
    seq: int
    message: T


class Outbox(Generic[T]):
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


class Inbox(Generic[T]):
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
