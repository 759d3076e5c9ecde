import threading

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
