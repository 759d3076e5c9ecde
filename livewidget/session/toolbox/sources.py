"""Tools that are known only once a talk begins: opened for it, closed with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from livewidget.errors import LiveError, ToolError
from livewidget.tools import Offered, Tool, ToolSource, failure, is_session, is_source, tools_of

T = TypeVar("T")


class SessionTools:
    """The tools of an MCP session that somebody else has opened, and will close.

    Its work is done on the loop that runs where this is made: a session knows only the loop it was opened on,
    and a widget talks on a loop of its own. In a notebook that is the loop of the cells: a cell that blocks
    it holds the calls up. An `McpServer` has no such worry.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._home = _running_loop()

    async def open(self) -> list[Tool]:
        """Return the tools that its server has.

        Raises:
            ToolError: If they cannot be listed.
        """
        try:
            tools = await self._at_home(tools_of(self._session))
        except LiveError:
            raise
        except Exception as error:
            raise ToolError(f"The tools of the MCP session cannot be listed: {failure(error)}.") from None
        return [replace(tool, function=partial(self._call, tool.function)) for tool in tools]

    async def close(self) -> None:
        """Nothing: it is not ours."""

    async def _call(self, function: Any, /, **args: Any) -> Any:
        return await self._at_home(function(**args))

    async def _at_home(self, work: Coroutine[Any, Any, T]) -> T:
        if self._home is None or self._home is asyncio.get_running_loop() or not self._home.is_running():
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._home))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def sourced(offered: Iterable[Any]) -> list[Offered | ToolSource]:
    """Return what is offered, MCP sessions as sources; to be called on the loop that they were opened on."""
    return [SessionTools(item) if is_session(item) and not is_source(item) else item for item in offered]


async def opened(sources: Sequence[ToolSource]) -> list[Tool]:
    """Open every source, at the same time, and return their tools; if one fails, none stays open.

    Raises:
        LiveError: Why the first that failed has none.
    """
    opening = [asyncio.ensure_future(source.open()) for source in sources]
    try:
        if opening:
            await asyncio.wait(opening)
        return [tool for one in opening for tool in one.result()]
    except BaseException:
        for one in opening:
            one.cancel()
        if opening:
            await asyncio.wait(opening)
        done = [not one.cancelled() and one.exception() is None for one in opening]
        await closed(source for source, is_open in zip(sources, done, strict=True) if is_open)
        raise


async def closed(sources: Iterable[ToolSource]) -> None:
    """Close every source, whatever one of them raises."""
    await asyncio.gather(*(source.close() for source in sources), return_exceptions=True)
