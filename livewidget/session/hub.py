"""Who waits for which answer.

Who hears of events: sinks, which are called, and streams, which are iterated over.

What happens in a session, folded into its turns and told to everybody who listens.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from livewidget import events
from livewidget.clock import Clock
from livewidget.errors import LiveError, ServerFault
from livewidget.events import Event
from livewidget.models import Model
from livewidget.tools import describe_error
from livewidget.turns import Turn, TurnTracker, tracker_for


class Answers:
    """The callers of `ask` that wait: each for the first model turn that follows its question."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[Turn], int] = {}

    def expect(self, question: int) -> asyncio.Future[Turn]:
        """Return a future of the answer to the turn with this index; give it to `forget` in the end."""
        future: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        self._waiting[future] = question
        return future

    def forget(self, future: asyncio.Future[Turn]) -> None:
        """Nobody waits any more."""
        self._waiting.pop(future, None)
        if not future.cancel() and not future.cancelled():
            future.exception()  # Seen: asyncio would complain of one that nobody looked at.

    def hear(self, turns: Iterable[Turn]) -> None:
        """Give turns that are complete to those who wait for them."""
        for turn in turns:
            if turn.speaker == "model" and turn.final:
                for future, question in self._waiting.items():
                    if turn.index > question and not future.done():
                        future.set_result(turn)

    def refuse(self, reason: str) -> None:
        """The model ended its turn without an answer."""
        words = reason.lower().replace("_", " ")
        self.end(ServerFault(f"The model ended its turn without an answer ({words}); ask in another way."))

    def end(self, error: LiveError) -> None:
        """Nobody will get an answer."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)


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


_log = logging.getLogger("livewidget.session")


class Telling:
    """Keeps the turns of a talk, and tells of every event."""

    def __init__(self, model: Model, clock: Clock) -> None:
        self._model = model
        self._clock = clock
        self._conversation: TurnTracker = tracker_for(model)
        self._answers = Answers()
        self._sinks: Sinks[Event] = Sinks()
        self._turn_sinks: Sinks[Turn] = Sinks()
        self._streams = Streams()
        self._noticed: set[str] = set()

    def _take(self, event: Event) -> list[Turn]:
        """Fold an event into the turns, tell everybody, and return the turns it changed."""
        inferred = self._conversation.infer(event, self._clock.now_ms())
        if inferred is not None:
            self._take(inferred)
        before = self._conversation.model_turn
        changed = self._conversation.fold(event, self._clock.now_ms())
        self._folded(event, before)
        self._answers.hear(changed)
        self._tell_turns(changed)
        raised = self._sinks.tell(event)
        self._streams.put(event)
        self._callbacks_failed(raised)
        return changed

    def _folded(self, event: Event, before: int | None) -> None:
        """An event has changed the turns; `before` it, that was the model's open turn."""

    def _tell_turns(self, changed: Sequence[Turn]) -> None:
        for turn in changed:
            self._callbacks_failed(self._turn_sinks.tell(turn))

    def _callbacks_failed(self, raised: Sequence[Exception]) -> None:
        """Say that callbacks failed, each kind once: one that fails does so with this notice too."""
        for error in raised:
            text = f"A callback failed: {describe_error(error).rstrip('.')}."
            if text not in self._noticed:
                _log.warning(text, exc_info=error)
            self._notice_once("error", "callback-failed", text)

    def _notice_once(self, level: Any, code: str, text: str) -> None:
        if text not in self._noticed and len(self._noticed) < 100:
            self._noticed.add(text)
            self._notice(level, code, text)

    def _notice(self, level: Any, code: str, text: str) -> None:
        self._take(events.Notice(level=level, code=code, text=text))
