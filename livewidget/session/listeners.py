"""Who hears of events: sinks, which are called, and streams, which are iterated over."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from livewidget.errors import LiveError
from livewidget.events import Event

#: Events that wait for one reader. Beyond that its oldest are dropped, and counted.
EVENTS_WAITING: Final = 1024
#: Events kept for the first reader, where nobody listened before.
EVENTS_KEPT: Final = 256

T = TypeVar("T")


class Sinks(Generic[T]):
    """Functions that are called one after the other. One that raises does not keep the others from it."""

    def __init__(self) -> None:
        self._sinks: dict[object, Callable[[T], object]] = {}

    def __len__(self) -> int:
        return len(self._sinks)

    def add(self, sink: Callable[[T], object]) -> Callable[[], None]:
        """Add a function, and return one that takes it away again; that may be called twice."""
        token = object()
        self._sinks[token] = sink

        def remove() -> None:
            self._sinks.pop(token, None)

        return remove

    def tell(self, item: T) -> list[Exception]:
        """Call every sink, and return what was raised."""
        raised: list[Exception] = []
        for token in list(self._sinks):
            sink = self._sinks.get(token)
            try:
                if sink is not None:
                    sink(item)
            except Exception as error:
                raised.append(error)
        return raised


class Stream:
    """Events in order, for one reader.

    Attributes:
        dropped: Events lost because the reader was too slow.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events: deque[Event] = deque(events, EVENTS_WAITING)
        self._news = asyncio.Event()
        self._over = False
        self._error: LiveError | None = None
        self.dropped = 0

    def put(self, event: Event) -> None:
        """Add an event; the oldest gives way if too many wait."""
        self.dropped += len(self._events) == EVENTS_WAITING
        self._events.append(event)
        self._news.set()

    def end(self, error: LiveError | None) -> None:
        """End the stream after what waits; with an error, reading raises it then."""
        self._over, self._error = True, error
        self._news.set()

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._over:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()


class Streams:
    """The streams of one session. A stream whose reader is gone is forgotten."""

    def __init__(self) -> None:
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._kept: deque[Event] | None = deque(maxlen=EVENTS_KEPT)
        self._over = False
        self._error: LiveError | None = None

    @property
    def dropped(self) -> int:
        """Events lost by the readers that are still there."""
        return sum(stream.dropped for stream in self._streams)

    def keep_none(self) -> None:
        """Somebody listens in another way: nothing needs to be kept for a first reader."""
        self._kept = None

    def open(self) -> Stream:
        """Return a stream of what comes; for the first reader, of what has come as well."""
        stream = Stream(self._kept or ())
        self._kept = None
        self._streams.add(stream)
        if self._over:
            stream.end(self._error)
        return stream

    def put(self, event: Event) -> None:
        """Give an event to every stream."""
        if self._kept is not None:
            self._kept.append(event)
        for stream in tuple(self._streams):
            stream.put(event)

    def end(self, error: LiveError | None) -> None:
        """End every stream."""
        self._over, self._error = True, error
        for stream in tuple(self._streams):
            stream.end(error)
