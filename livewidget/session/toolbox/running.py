"""Runs one call of a tool, whatever kind of function it is: what it gives, value by value."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import Any

from livewidget.session.toolbox.worker import Worker
from livewidget.tools import Tool


@dataclass(frozen=True, slots=True)
class Step:
    """A value that a call gave. After the one that is `last` nothing follows."""

    value: Any
    last: bool


async def steps(
    tool: Tool, arguments: dict[str, Any], release: Callable[[], None]
) -> AsyncGenerator[Step, None]:
    """Call the function and yield what it gives; the last is what it returns, of a generator too.

    Args:
        tool: Whose function is called: coroutines on the loop, others in a thread.
        arguments: What it is given, checked.
        release: Called when it runs no more, from whatever thread: a function may run on for long after
            everybody has given it up.
    """
    if tool.is_async:
        try:
            async with contextlib.aclosing(_on_the_loop(tool.function(**arguments))) as found:
                async for step in found:
                    yield step
        finally:
            release()
        return
    worker = Worker(tool.name, release)
    close: Callable[[], object] | None = None
    try:
        value = await worker.do(functools.partial(tool.function, **arguments))
        if inspect.isgenerator(value):
            close = value.close
            step = Step(None, last=False)
            while not step.last:
                step = await worker.do(functools.partial(_advance, value))
                close = None if step.last else close
                yield step
            return
        async with contextlib.aclosing(_on_the_loop(value)) as found:
            async for step in found:
                yield step
    finally:
        worker.end(close)


async def _on_the_loop(value: Any) -> AsyncGenerator[Step, None]:
    if inspect.isasyncgen(value):
        async with contextlib.aclosing(value):
            async for item in value:
                yield Step(item, last=False)
        yield Step(None, last=True)
    elif inspect.isawaitable(value):
        yield Step(await value, last=True)
    else:
        yield Step(value, last=True)


def _advance(generator: Generator[Any, Any, Any]) -> Step:
    try:
        return Step(next(generator), last=False)
    except StopIteration as end:
        return Step(end.value, last=True)
