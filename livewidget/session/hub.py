"""Who hears of a session's events: callbacks, readers of `async for`, and callers of `ask`.

The session publishes each event once, with the turns it has changed. Everything runs on the session's loop.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from livewidget.errors import AnswerTimeout, LiveError, ServerFault, StateError
from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    AgentChanged,
    Event,
    Interrupted,
    Notice,
    TextSent,
    ToolResult,
    TurnComplete,
)
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

#: How long after an empty turn, in ms, an answer may still begin. Chosen: services were seen to complete a
#: turn before its answer; a person does not wait for nothing much longer.
EMPTY_MS: Final = 1500.0
#: How long after a turn, in ms, another one shows that it answered something earlier. Chosen: models that
#: answer one question after the other begin the next answer at once.
ANOTHER_MS: Final = 1500.0

INTERRUPTED: Final = "The question was interrupted before it was answered; ask it again."
NOTHING: Final = "{who} ended its turn without an answer; ask again, or in other words."

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

    def notify(self, item: T) -> list[BaseException]:
        """Call every callback with `item`, and return what they raised."""
        raised: list[BaseException] = []
        for token in list(self._callbacks):
            callback = self._callbacks.get(token)
            try:
                if callback is not None:
                    callback(item)
            except BaseException as error:  # Extensions raise such, and the session must outlive it.
                raised.append(error)
        return raised


@dataclass(slots=True)
class _Question:
    """A question of `ask` on its way, and what has been seen of its answer.

    Attributes:
        index: The question's turn.
        earlier: How many answers to something earlier may still begin before this one's.
        later: Whether the user has finished or begun to speak, or typed, since, before the answer began.
        heard: The same, but known from a transcript alone, which may be a late one.
        cut_off: Whether the model was interrupted before it began to answer.
        turn: The model turn that seems to be the answer.
        certain: Whether it is known to be.
        decide_ms: When it is decided what came, if nothing else comes; None: nothing is to be decided.
        handed_over: Whether another agent goes on with the answer, in a turn that has not begun.
    """

    index: int
    answer: asyncio.Future[Turn]
    earlier: int
    later: bool = False
    heard: bool = False
    cut_off: bool = False
    turn: Turn | None = None
    certain: bool = False
    decide_ms: float | None = None
    handed_over: bool = False


#: What the calls and callbacks are that the code running now is part of.
_inside: ContextVar[tuple[tuple[object, Callable[[], bool], str], ...]] = ContextVar(
    "livewidget_inside", default=()
)


@contextmanager
def inside(owner: object, goes_on: Callable[[], bool], sentence: str) -> Iterator[None]:
    """Mark what is started here, in tasks and threads as well, as part of a call that `owner` waits for.

    Args:
        owner: What must not be waited for in turn.
        goes_on: Returns whether the call still runs.
        sentence: What `refuse_inside` raises meanwhile; "{say}" is what to call instead.
    """
    token = _inside.set((*_inside.get(), (owner, goes_on, sentence)))
    try:
        yield
    finally:
        _inside.reset(token)


def refuse_inside(owner: object, say: str) -> None:
    """Raise StateError if this is called in a call or callback of `owner`; `say`: what to call instead."""
    for known, goes_on, sentence in _inside.get():
        if known is owner and goes_on():
            raise StateError(sentence.format(say=say))


def answer_timeout(seconds: float, waits_for: str) -> AnswerTimeout:
    """Return the error for an answer that has not come in time; `waits_for`: what it waited for, in words."""
    return AnswerTimeout(
        f"No complete answer after {seconds:g} s: it still waited for {waits_for}. "
        "Give more time with timeout=…, in seconds."
    )


class PendingAnswers:
    """Gives each caller of `ask` the answer to its own question.

    One question at a time is with the model; the callers of the others wait for `lock`. The wire does not say
    which question an answer belongs to. It is told from the order of events where that is certain: the user's
    next input or an interruption before the answer, a turn that was open before the question. Where it is not
    (the model may still answer something earlier), a turn counts as the answer if no other follows it soon.
    """

    def __init__(self, who: str = "The model") -> None:
        self.lock = asyncio.Lock()
        self.nothing = NOTHING.format(who=who)
        self.ended: LiveError | None = None
        self._question: _Question | None = None
        self._progress = asyncio.Event()

    def expect(self, index: int, *, earlier: int) -> asyncio.Future[Turn]:
        """Return a future of the answer to the turn with this index; pass it to `discard` in the end.

        `earlier`: how many answers to something earlier may still begin.
        """
        answer: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        self._question = _Question(index, answer, earlier)
        return answer

    def discard(self, answer: asyncio.Future[Turn]) -> None:
        """Stop waiting for an answer."""
        if self._question is not None and self._question.answer is answer:
            self._question = None
        if not answer.cancel() and not answer.cancelled():
            answer.exception()  # Retrieved, or asyncio logs an exception that nobody retrieved.

    async def progress(self) -> None:
        """Return after the next event."""
        await self._progress.wait()

    @property
    def question(self) -> int | None:
        """Index of the question that is with the model, or None."""
        return None if self._question is None else self._question.index

    @property
    def turn(self) -> Turn | None:
        """The answer as far as it has come; None before it begins."""
        return None if self._question is None else self._question.turn

    def observe(self, event: Event, turns: Sequence[Turn], now_ms: float, *, emptied: bool = False) -> None:
        """Learn from an event and the turns that it has changed.

        `emptied`: the event has ended the model's turn, and there was nothing in it.
        """
        self._progress.set()
        self._progress.clear()
        question = self._question
        if question is None or question.answer.done():
            return
        if question.turn is None:
            self._before_answer(question, event, turns, now_ms, emptied)
        if question.answer.done():
            return
        if isinstance(event, AgentChanged) and question.turn is not None:
            question.handed_over = True
            return  # The turn that has ended with it is not all of the answer.
        if isinstance(event, TurnComplete) and question.handed_over and question.turn is not None:
            question.answer.set_result(question.turn)  # The other agent had nothing to say.
            return
        for turn in turns:
            if turn.speaker == "model":
                self._on_model_turn(question, turn, now_ms)
            elif turn.index > question.index:
                question.heard = True

    def _before_answer(
        self, question: _Question, event: Event, turns: Sequence[Turn], now_ms: float, emptied: bool
    ) -> None:
        match event:
            case TextSent() | ActivityStart() | ActivityEnd():
                question.later = True
                if question.cut_off:
                    self.reject(StateError(INTERRUPTED))
            case Interrupted() if not any(turn.speaker == "model" for turn in turns):
                # It is the answer to the first unanswered input that was cut off.
                if question.earlier:
                    question.earlier = 0
                elif question.later or question.heard:
                    self.reject(StateError(INTERRUPTED))
                else:
                    question.cut_off = True
            case TurnComplete(inferred=inferred) if emptied:
                if question.earlier:
                    question.earlier -= 1
                else:
                    question.decide_ms = now_ms + (0 if inferred else EMPTY_MS)
            case ToolResult(scheduling=scheduling) if scheduling != "SILENT":
                question.earlier += 1  # The model speaks of it first.

    def _on_model_turn(self, question: _Question, turn: Turn, now_ms: float) -> None:
        known = question.turn
        if turn.index < question.index:
            return
        if known is None or turn.index > known.index:
            if known is not None and question.handed_over:
                question.handed_over = False
            elif known is not None:
                # Another turn follows: the one before was the answer to the first unanswered input.
                if not question.earlier:
                    question.answer.set_result(known)
                    return
                question.earlier -= 1
            elif question.cut_off and (question.later or question.heard):
                self.reject(StateError(INTERRUPTED))
                return
            question.certain = not (question.earlier or question.later or question.heard)
            question.decide_ms = None
        elif turn.index < known.index:
            return
        question.turn = turn
        if not turn.final:
            return
        if not (turn.declined or turn.spans or turn.audio_samples or turn.tools or turn.code):
            question.turn, question.cut_off = None, question.cut_off or turn.interrupted
            question.decide_ms = now_ms + EMPTY_MS
        elif question.certain:
            question.answer.set_result(turn)
        else:
            question.decide_ms = now_ms + ANOTHER_MS

    def tick(self, now_ms: float) -> None:
        """Let time pass: decide what came where nothing else has."""
        question = self._question
        if question is None or question.decide_ms is None or now_ms < question.decide_ms:
            return
        question.decide_ms = None
        if question.turn is None:
            self.reject(StateError(INTERRUPTED) if question.cut_off else ServerFault(self.nothing))
        elif question.later:
            self.reject(StateError(INTERRUPTED))
        elif not question.answer.done():
            question.answer.set_result(question.turn)

    def interrupt(self) -> None:
        """The user has interrupted the model: a question that it has not begun to answer has no answer."""
        if self._question is not None and self._question.turn is None:
            self.reject(StateError(INTERRUPTED))

    def decline(self, text: str) -> None:
        """The service has said why there is no answer: raise that, if there is none yet."""
        if self._question is not None and self._question.turn is None and not self._question.earlier:
            self.reject(ServerFault(text))

    def reject(self, error: LiveError) -> None:
        """Raise `error` in the caller whose question is with the model, unless it has its answer."""
        if self._question is not None and not self._question.answer.done():
            self._question.answer.set_exception(error)

    def close(self, error: LiveError) -> None:
        """Raise `error` in every caller that waits."""
        self.ended = error
        self.reject(error)


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

    def __init__(self, who: str = "The model") -> None:
        """`who`: who answers, as a sentence begins."""
        self.answers = PendingAnswers(who)
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

    def report_failures(self, errors: Iterable[BaseException]) -> None:
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
