"""Who hears of a session's events: callbacks, readers of `async for`, and callers of `ask`.

The session publishes each event once, with the turns it has changed. Everything runs on the session's loop.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from livewidget.errors import LiveError, ServerFault
from livewidget.events import Event, Notice
from livewidget.tools import describe_error
from livewidget.turns import Turn

#: Events buffered for one reader; then the oldest are dropped, and counted. Chosen: at 40 ms of audio in an
#: event, a reader may fall behind by some 40 s of an answer.
EVENTS_WAITING: Final = 1024
#: Events kept for the first reader while nobody listens. Chosen: some 10 s of an answer.
EVENTS_KEPT: Final = 256
#: Notices whose text is remembered, so that each is shown once. Chosen: a text may hold what a callback
#: raised, so the number of texts has no limit of its own.
NOTICES_REMEMBERED: Final = 100

T = TypeVar("T")
_log = logging.getLogger("livewidget.session")


class Subscribers(Generic[T]):
    """Callbacks called one after the other. One that raises does not keep the others from being called."""

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[[T], object]] = {}

    def __len__(self) -> int:
        return len(self._callbacks)

    def add(self, callback: Callable[[T], object]) -> Callable[[], None]:
        """Add a callback, and return a function that removes it; calling that twice is allowed."""
        token = object()
        self._callbacks[token] = callback

        def remove() -> None:
            self._callbacks.pop(token, None)

        return remove

    def notify(self, item: T) -> list[Exception]:
        """Call every callback with `item`, and return what they raised."""
        raised: list[Exception] = []
        for token in list(self._callbacks):
            callback = self._callbacks.get(token)
            try:
                if callback is not None:
                    callback(item)
            except Exception as error:
                raised.append(error)
        return raised


class PendingAnswers:
    """The callers of `ask` that wait, each for the first model turn after its question."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[Turn], int] = {}

    def expect(self, question: int) -> asyncio.Future[Turn]:
        """Return a future of the answer to the turn with this index; pass it to `discard` in the end."""
        future: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        self._waiting[future] = question
        return future

    def discard(self, future: asyncio.Future[Turn]) -> None:
        """Stop waiting for an answer."""
        self._waiting.pop(future, None)
        if not future.cancel() and not future.cancelled():
            future.exception()  # Retrieved, or asyncio logs an exception that nobody retrieved.

    def resolve(self, turns: Iterable[Turn]) -> None:
        """Give the final model turns among `turns` to the callers that wait for them."""
        for turn in turns:
            if turn.speaker == "model" and turn.final:
                for future, question in self._waiting.items():
                    if turn.index > question and not future.done():
                        future.set_result(turn)

    def reject(self, error: LiveError) -> None:
        """Raise `error` in every caller that waits."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)

    def decline(self, reason: str) -> None:
        """The model ended its turn without an answer; `reason` is the service's code for why."""
        words = reason.lower().replace("_", " ")
        self.reject(ServerFault(f"The model ended its turn without an answer ({words}); ask in another way."))


class EventStream:
    """Events in order, for one reader."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events: deque[Event] = deque(events, EVENTS_WAITING)
        self._changed = asyncio.Event()
        self._closed = False
        self._error: LiveError | None = None

    def put(self, event: Event) -> bool:
        """Append an event. If too many wait, the oldest is dropped; returns whether one was."""
        full = len(self._events) == EVENTS_WAITING
        self._events.append(event)
        self._changed.set()
        return full

    def close(self, error: LiveError | None) -> None:
        """End the stream after the events that wait. `error` is then raised, if there is one."""
        self._closed, self._error = True, error
        self._changed.set()

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._closed:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()


class EventHub:
    """Publishes the events and turns of one session.

    Attributes:
        answers: The callers of `ask`.
        dropped_events: Events lost by readers that were too slow.
    """

    def __init__(self) -> None:
        self.answers = PendingAnswers()
        self.dropped_events = 0
        self._events: Subscribers[Event] = Subscribers()
        self._turns: Subscribers[Turn] = Subscribers()
        self._streams: weakref.WeakSet[EventStream] = weakref.WeakSet()  # A reader that is gone is forgotten.
        self._kept: deque[Event] | None = deque(maxlen=EVENTS_KEPT)
        self._noticed: set[str] = set()
        self._closed = False
        self._error: LiveError | None = None

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call `callback` with every event; returns a function that ends it."""
        self._kept = None
        return self._events.add(callback)

    def on_turn(self, callback: Callable[[Turn], object]) -> Callable[[], None]:
        """Call `callback` with every new state of a turn; returns a function that ends it."""
        return self._turns.add(callback)

    def stream(self) -> EventStream:
        """Return a stream of the events from now on; the first one has earlier ones if nobody listened."""
        stream = EventStream(self._kept or ())
        self._kept = None
        self._streams.add(stream)
        if self._closed:
            stream.close(self._error)
        return stream

    def publish(self, event: Event, turns: Sequence[Turn] = ()) -> None:
        """Pass on the turns that an event has changed, then the event: to callbacks, and then to streams."""
        if turns:
            self.answers.resolve(turns)
            self.publish_turns(turns)
        raised = self._events.notify(event)
        if self._kept is not None:
            self._kept.append(event)
        for stream in tuple(self._streams):
            self.dropped_events += stream.put(event)
        if raised:
            self.report_failures(raised)

    def publish_turns(self, turns: Iterable[Turn]) -> None:
        """Pass on turns that have changed without an event, as time and playback change them."""
        for turn in turns:
            self.report_failures(self._turns.notify(turn))

    def notice(self, level: Any, code: str, text: str) -> None:
        """Publish a `Notice`: one sentence for people, and the code it is known by."""
        self.publish(Notice(level=level, code=code, text=text))

    def notice_once(self, level: Any, code: str, text: str) -> None:
        """Publish a `Notice`, unless one with this text was published so before."""
        if text not in self._noticed and len(self._noticed) < NOTICES_REMEMBERED:
            self._noticed.add(text)
            self.notice(level, code, text)

    def report_failures(self, errors: Iterable[Exception]) -> None:
        """Publish what callbacks raised, each text once: a callback may fail with that notice as well."""
        for error in errors:
            text = f"A callback failed: {describe_error(error).rstrip('.')}."
            if text not in self._noticed:
                _log.warning(text, exc_info=error)
            self.notice_once("error", "callback-failed", text)

    def close(self, error: LiveError | None) -> None:
        """End every stream; `error` is raised to its reader, if there is one."""
        self._closed, self._error = True, error
        for stream in tuple(self._streams):
            stream.close(error)
