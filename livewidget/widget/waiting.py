"""Waiting in a cell without stopping the page: only kernels without subshells need more than a wait."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from livewidget.widget.kernel import has_subshells, kernel

SLICE_S = 0.05
MOST_AT_ONCE = 100


def wait_until(done: Callable[[float], bool], timeout: float | None) -> bool:
    """Block until `done` is true, letting the page's messages in where the kernel would keep them for later.

    Args:
        done: Asked again and again; it may wait itself, for at most the seconds that it is given.
        timeout: Seconds, or None for no limit.

    Returns:
        Whether it became true in time. An interrupt of the kernel ends the wait as usual.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with _queue_moving() as move:
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if done(SLICE_S if left is None else max(0.0, min(SLICE_S, left))):
                return True
            if left is not None and left <= 0:
                return False
            move()


@contextmanager
def _queue_moving() -> Iterator[Callable[[], None]]:
    running = kernel()
    main = threading.current_thread() is threading.main_thread()
    if running is None or has_subshells() or not main or not hasattr(running, "do_one_iteration"):
        yield lambda: None
        return
    deferred: list[tuple[Any, ...]] = []
    handlers = running.shell_handlers
    execute = handlers["execute_request"]

    async def defer(*request: Any) -> None:
        deferred.append(request)

    # Cells that were queued meanwhile must not run inside this one: only the page's messages may.
    handlers["execute_request"] = defer
    try:
        yield lambda: _move(running)
    finally:
        handlers["execute_request"] = execute
        for request in deferred:
            _run_later(running, execute, request)


def _move(running: Any) -> None:
    """Let the kernel handle what has come, as far as it may, without a trace in the running cell."""
    import nest_asyncio2

    loop = asyncio.get_event_loop()
    nest_asyncio2.apply(loop)
    # Every message makes itself the parent of what is printed, and the one that an interrupt is meant for.
    ident, parent = running._parent_ident["shell"], running.get_parent("shell")
    interrupt = getattr(running, "saved_sigint_handler", None)
    try:
        for _ in range(MOST_AT_ONCE):
            loop.run_until_complete(running.do_one_iteration())
            if not running.msg_queue.qsize():
                return
    finally:
        running.set_parent(ident, parent, channel="shell")
        if interrupt is not None:
            running.saved_sigint_handler = interrupt


def _run_later(running: Any, execute: Callable[..., Any], request: tuple[Any, ...]) -> None:
    async def later() -> None:
        stream, ident, parent = request
        running.set_parent(ident, parent, channel="shell")
        running._publish_status("busy", "shell")
        try:
            result = execute(stream, ident, parent)
            if hasattr(result, "__await__"):
                await result
        finally:
            running._publish_status("idle", "shell")

    running.schedule_dispatch(later)
