"""The wire as it was: every frame of a session both ways, kept for a while, explained when somebody looks."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NoReturn

from livewidget.clock import Clock
from livewidget.protocol.inspect import Anatomy, anatomy, without_secrets
from livewidget.session.hub import Sinks

#: Frames kept, and characters of them; the oldest give way.
FRAMES: Final = 2000
BYTES: Final = 4 * 2**20
#: A frame that is larger is explained at once, and not kept as it was.
LARGE: Final = 2**18

Hide = Callable[[str], str]
Found = Anatomy | Callable[[], Anatomy]


class Frame:
    """One frame, or the end of a link. What it holds is worked out when somebody looks.

    Until then the frame is kept as it passed, which may hold a resumption handle: that shows in no `repr`
    and is not saved.

    Attributes:
        number: Counts the frames of the session from 1.
        at_ms: When it passed, in ms since the first one.
        gap_ms: Time since the one before it, in ms; None for the first.
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
    def _anatomy(self) -> Anatomy:
        found = self.__found
        if not isinstance(found, Anatomy):
            found = self.__found = found()
        return found

    @property
    def kind(self) -> str:
        """What it is, as in `livewidget.protocol.anatomy.Anatomy`; "close" for the end of a link."""
        return self._anatomy.kind

    @property
    def size(self) -> int:
        """Of the whole frame, in bytes."""
        return self._anatomy.size

    @property
    def json(self) -> Any:
        """The message, without sound, pictures and secrets; of a close, its code and reason."""
        return self._anatomy.json

    @property
    def text(self) -> str:
        """`json` as text."""
        return json.dumps(self.json, ensure_ascii=False)

    def line(self) -> str:
        """Return the frame as one line of JSON."""
        return json.dumps(
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

    def __repr__(self) -> str:
        way = "out" if self.outgoing else "in"
        return f"<frame {self.number} {way} at {self.at_ms:.0f} ms: {self.kind}, {self.size} bytes>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("A frame is not saved as it is: use its json, or to_jsonl() of the log.")


class WireLog:
    """The last frames of one session, over all its connections; a `Tap` of each.

    Attributes:
        lost: How many older frames were not kept.
    """

    def __init__(
        self,
        clock: Clock,
        hide: Hide = without_secrets,
        failed: Callable[[Sequence[Exception]], object] = list,
    ) -> None:
        """Keep an empty log.

        Args:
            clock: Tells when a frame passes.
            hide: Takes secrets out of a text.
            failed: Called with what subscribers raised.
        """
        self.lost = 0
        self._clock = clock
        self._hide = hide
        self._failed = failed
        self._frames: deque[tuple[Frame, int]] = deque()
        self._bytes = 0
        self._count = 0
        self._began: float | None = None
        self._last = 0.0
        self._sinks: Sinks[Frame] = Sinks()

    @property
    def frames(self) -> list[Frame]:
        """The frames that are kept, oldest first; a new list each time, from any thread."""
        return [frame for frame, _ in tuple(self._frames)]  # The tuple is made at once, the list is not.

    def __len__(self) -> int:
        return len(self._frames)

    def __repr__(self) -> str:
        return f"<WireLog of {len(self)} frames, {self.lost} lost>"

    def subscribe(self, sink: Callable[[Frame], object]) -> Callable[[], None]:
        """Call `sink` with every frame from now on, on the loop; returns a function that ends it."""
        return self._sinks.add(sink)

    def to_jsonl(self) -> str:
        """Return the frames that are kept, one JSON object a line, without sound, pictures and secrets."""
        return "".join(frame.line() + "\n" for frame in self.frames)

    # --- As a tap -------------------------------------------------------------------------------------------

    def frame(self, outgoing: bool, frame: str | bytes) -> None:
        """A frame passes."""
        explain, size = partial(anatomy, frame, self._hide), len(frame)
        self._add(outgoing, explain() if size > LARGE else explain, size)

    def closed(self, outgoing: bool, code: int, reason: str) -> None:
        """A link is closed."""
        reason = self._hide(reason)
        self._add(outgoing, Anatomy("close", len(reason), {"code": code, "reason": reason}), len(reason))

    def _add(self, outgoing: bool, found: Found, size: int) -> None:
        now = self._clock.now_ms()
        self._count += 1
        gap_ms = None if self._began is None else now - self._last
        self._began = now if self._began is None else self._began
        self._last = now
        kept = min(size, LARGE)
        frame = Frame(self._count, now - self._began, gap_ms, outgoing, found)
        self._frames.append((frame, kept))
        self._bytes += kept
        while len(self._frames) > FRAMES or self._bytes > BYTES:
            self._bytes -= self._frames.popleft()[1]
            self.lost += 1
        if len(self._sinks):
            raised = self._sinks.tell(frame)
            if raised:
                self._failed(raised)
