"""Where tools come from that are known only once somebody has been asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeGuard, runtime_checkable

from livewidget.tools.tool import Offered, Tool, as_tools


@runtime_checkable
class ToolSource(Protocol):
    """Something that is opened for a talk, says then which tools it has, and is closed with the talk."""

    async def open(self) -> Sequence[Tool]:
        """Return its tools; each `open` that returned is followed by one `close`.

        Raises:
            LiveError: Why it has none, in one sentence.
        """

    async def close(self) -> None:
        """The tools are not needed any more."""


def sorted_out(
    offered: Sequence[Any],
) -> tuple[list[Tool | Mapping[str, Any]], list[ToolSource]]:
    """Return the tools that are known already, and the sources of others.

    Raises:
        ToolError: If something is nothing of these, or two tools have one name.
    """
    sources: list[ToolSource] = []
    others: list[Offered] = []
    for item in offered:
        if is_source(item):
            sources.append(item)
        else:
            others.append(item)
    return as_tools(others), sources


def is_source(item: Any) -> TypeGuard[ToolSource]:
    """Tell whether something is a source, and not the class of one."""
    return isinstance(item, ToolSource) and not isinstance(item, type)
