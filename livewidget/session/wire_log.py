"""`WireLog`: the last frames of a session in both directions, summarized when somebody looks at them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NoReturn

from livewidget.clock import Clock
from livewidget.protocol.inspect import FrameSummary, redact, summarize_frame
from livewidget.session.hub import Subscribers
from livewidget.text import plain_json

#: Most frames and most bytes kept; the oldest are dropped. Chosen: a few minutes of conversation in a few MB.
FRAMES: Final = 2000
BYTES: Final = 4 * 2**20
#: A larger frame, in bytes, is summarized at once and its content dropped. Chosen: larger than any audio
#: packet.
LARGE: Final = 2**18

Redact = Callable[[str], str]
Found = FrameSummary | Callable[[], FrameSummary]


class Frame:
    """One frame, or the closing of a connection. Its content is worked out when it is first asked for.

    Until then the raw frame is kept. It may hold a resumption handle, so it is not shown by `repr` and cannot
    be pickled.

    Attributes:
        number: Position in the session, from 1.
        at_ms: When it passed, in milliseconds since the first frame.
        gap_ms: Time since the previous frame, in milliseconds; None for the first.
        outgoing: Whether this side sent it.
    """

    __slots__ = ("__found", "at_ms", "gap_ms", "number", "outgoing")

    def __init__(self, number: int, at_ms: float, gap_ms: float | None, outgoing: bool, found: Found) -> None:
        self.number = number
        self.at_ms = at_ms
        self.gap_ms = gap_ms
        self.outgoing = outgoing
        self.__found = found

    @property
    def _summary(self) -> FrameSummary:
        found = self.__found
        if not isinstance(found, FrameSummary):
            found = self.__found = found()
        return found

    @property
    def kind(self) -> str:
        """The kind of message, as in `livewidget.protocol.inspect`; "close" for a close frame."""
        return self._summary.kind

    @property
    def size(self) -> int:
        """Size of the whole frame, in bytes."""
        return self._summary.size

    @property
    def json(self) -> Any:
        """The message without audio, images and secrets; for a close frame its code and reason."""
        return self._summary.json

    @property
    def text(self) -> str:
        """`json` as text."""
        return json.dumps(self.json, ensure_ascii=False)

    def line(self) -> str:
        """Return the frame as one line of JSON."""
        line = json.dumps(
            {
                "number": self.number,
                "at_ms": round(self.at_ms, 1),
                "gap_ms": None if self.gap_ms is None else round(self.gap_ms, 1),
                "way": "out" if self.outgoing else "in",
                "kind": self.kind,
                "size": self.size,
                "json": self.json,
            },
            ensure_ascii=False,
        )
        return plain_json(line)

    def __repr__(self) -> str:
        way = "out" if self.outgoing else "in"
        return f"<frame {self.number} {way} at {self.at_ms:.0f} ms: {self.kind}, {self.size} bytes>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("A frame is not saved as it is: use its json, or to_jsonl() of the log.")


class WireLog:
    """The last frames of one session, across all its connections. It is the `Tap` of each.

    `redact` removes secrets from a text; `on_error` is called with what subscribers raised.

    Attributes:
        lost: Number of older frames that were dropped.
    """

    def __init__(
        self,
        clock: Clock,
        redact: Redact = redact,
        on_error: Callable[[Sequence[BaseException]], object] = list,
    ) -> None:
        self.lost = 0
        self._clock = clock
        self._redact = redact
        self._on_error = on_error
        self._frames: deque[tuple[Frame, int]] = deque()
        self._bytes = 0
        self._count = 0
        self._began: float | None = None
        self._last = 0.0
        self._subscribers: Subscribers[Frame] = Subscribers()

    @property
    def frames(self) -> list[Frame]:
        """The frames kept, oldest first, as a new list. May be called from any thread."""
        return [frame for frame, _ in tuple(self._frames)]  # tuple() copies atomically under the GIL.

    def __len__(self) -> int:
        return len(self._frames)

    def __repr__(self) -> str:
        return f"<WireLog of {len(self)} frames, {self.lost} lost>"

    def subscribe(self, sink: Callable[[Frame], object]) -> Callable[[], None]:
        """Call `sink` with every frame from now on, on the loop; returns a function that unsubscribes it."""
        return self._subscribers.add(sink)

    def to_jsonl(self) -> str:
        """Return the frames kept as JSON Lines, without audio, images and secrets."""
        return "".join(frame.line() + "\n" for frame in self.frames)

    def on_frame(self, outgoing: bool, frame: str | bytes, at_ms: float | None = None) -> None:
        """Record a frame, which passed now, or at `at_ms` by the clock where a page has dated it."""
        summarize, size = partial(summarize_frame, frame, self._redact), len(frame)
        self._add(outgoing, summarize() if size > LARGE else summarize, size, at_ms)

    def on_close(self, outgoing: bool, code: int, reason: str) -> None:
        """Record the closing of a connection."""
        reason = self._redact(reason)
        self._add(outgoing, FrameSummary("close", len(reason), {"code": code, "reason": reason}), len(reason))

    def _add(self, outgoing: bool, found: Found, size: int, at_ms: float | None = None) -> None:
        now = self._clock.now_ms() if at_ms is None else at_ms
        self._count += 1
        gap_ms = None if self._began is None else max(0.0, now - self._last)
        self._began = now if self._began is None else self._began
        self._last = now
        kept = min(size, LARGE)
        frame = Frame(self._count, now - self._began, gap_ms, outgoing, found)
        self._frames.append((frame, kept))
        self._bytes += kept
        while len(self._frames) > FRAMES or self._bytes > BYTES:
            self._bytes -= self._frames.popleft()[1]
            self.lost += 1
        if len(self._subscribers):
            raised = self._subscribers.notify(frame)
            if raised:
                self._on_error(raised)
