import threading
from asyncio import CancelledError

import pytest

from livewidget.events import Interrupted, TurnComplete
from livewidget.widget.background import MAX_WAITING, Callbacks


class Failures:
    def __init__(self):
        self.seen = []
        self.came = threading.Event()

    def __call__(self, function, error):
        self.seen.append((function.__name__, error))
        self.came.set()


def test_functions_get_their_events_in_order_on_one_thread():
    callbacks, got, done = Callbacks(Failures()), [], threading.Event()

    def take(event):
        got.append((event.reason, threading.current_thread().name))
        if event.reason == "last":
            done.set()

    callbacks.add(TurnComplete, take)
    callbacks.dispatch(Interrupted())
    for reason in ("one", "two", "last"):
        callbacks.dispatch(TurnComplete(reason=reason))
    assert done.wait(5)
    assert [reason for reason, _ in got] == ["one", "two", "last"]
    assert len({thread for _, thread in got}) == 1
    callbacks.close()


def test_a_function_that_raises_is_told_and_the_next_still_runs():
    failures, done = Failures(), threading.Event()
    callbacks = Callbacks(failures)

    def broken(event):
        raise ValueError("no")

    callbacks.add(TurnComplete, broken)
    callbacks.add(TurnComplete, lambda event: done.set())
    callbacks.dispatch(TurnComplete())
    assert done.wait(5)
    assert failures.seen[0][0] == "broken"
    callbacks.close()


class Panic(BaseException):
    """What extensions written in Rust raise, and gevent, and pytest."""


class Unprintable(BaseException):
    def __str__(self):
        raise Panic


def ways_to_raise(error):
    def at_once(event):
        raise error

    async def later(event):
        raise error

    def generated(event):
        yield
        raise error

    async def generated_later(event):
        yield
        raise error

    class Lazy:
        def __await__(self):
            raise error

    def promised(event):
        return Lazy()

    return [at_once, later, generated, generated_later, promised]


@pytest.mark.parametrize(
    "error",
    [Panic("boom"), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), CancelledError(), Unprintable()],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_function_raises_is_told_and_the_thread_goes_on(error):
    """No exception of a user's, of whatever base class, ends the thread of the callbacks."""
    failures, done = Failures(), threading.Event()
    callbacks = Callbacks(failures)
    functions = ways_to_raise(error)
    for function in functions:
        callbacks.add(TurnComplete, function)
    callbacks.add(TurnComplete, lambda event: done.set())
    for _ in range(2):
        done.clear()
        callbacks.dispatch(TurnComplete())
        assert done.wait(5)
    assert [name for name, _ in failures.seen] == 2 * [function.__name__ for function in functions]
    assert {type(raised) for _, raised in failures.seen} == {type(error)}
    callbacks.close()


def test_a_report_that_fails_does_not_end_the_thread():
    done = threading.Event()

    def report(function, error):
        raise error

    callbacks = Callbacks(report)
    callbacks.add(TurnComplete, ways_to_raise(Panic())[0])
    callbacks.add(TurnComplete, lambda event: done.set())
    callbacks.dispatch(TurnComplete())
    assert done.wait(5)
    callbacks.close()


@pytest.mark.parametrize("is_async", [False, True])
def test_generator_functions_run_to_their_end(is_async):
    done = threading.Event()

    def several(event):
        yield
        done.set()

    async def several_later(event):
        yield
        done.set()

    callbacks = Callbacks(Failures())
    callbacks.add(TurnComplete, several_later if is_async else several)
    callbacks.dispatch(TurnComplete())
    assert done.wait(5)
    callbacks.close()


def test_coroutine_functions_run_to_their_end():
    done = threading.Event()
    callbacks = Callbacks(Failures())

    async def later(event):
        done.set()

    callbacks.add(TurnComplete, later)
    callbacks.dispatch(TurnComplete())
    assert done.wait(5)
    callbacks.close()


def test_one_that_hangs_costs_calls_and_not_memory():
    hold, began = threading.Event(), threading.Event()
    callbacks = Callbacks(Failures())

    def hang(event):
        began.set()
        hold.wait(10)

    callbacks.add(TurnComplete, hang)
    callbacks.dispatch(TurnComplete())
    assert began.wait(5)
    for _ in range(MAX_WAITING + 10):
        callbacks.dispatch(TurnComplete())
    assert callbacks.dropped == 10
    callbacks.close()
    hold.set()


def test_closing_ends_the_thread():
    done = threading.Event()
    callbacks = Callbacks(Failures())
    callbacks.add(TurnComplete, lambda event: done.set())
    callbacks.dispatch(TurnComplete())
    assert done.wait(5)
    (thread,) = [t for t in threading.enumerate() if t is callbacks._thread]
    callbacks.close()
    thread.join(5)
    assert not thread.is_alive()
