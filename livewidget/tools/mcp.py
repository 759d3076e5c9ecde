"""Tools of an MCP server, by way of a session with it: as `Tool`s, and their results as a model reads them.

MCP is the Model Context Protocol. Nothing here imports its package: a session is whatever has `list_tools`
and `call_tool`, as `ClientSession` and `Client` of the official `mcp` package do; what they return is read by
the names of the protocol itself, which are the same in each of its versions.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Mapping
from functools import partial
from importlib import import_module
from typing import Any, Final, TypeGuard

from livewidget.errors import ToolError
from livewidget.tools.result import ERROR_LENGTH, failure
from livewidget.tools.schema import NAME, check_declaration, self_contained
from livewidget.tools.tool import Tool

#: Pages of a server's list that are read, and characters of a description that are told.
PAGES: Final = 50
DESCRIPTION_LENGTH: Final = 2000

#: What anyio raises where the other end has gone, and MCP's code for it.
_GONE: Final = ("ClosedResourceError", "BrokenResourceError", "EndOfStream")
_CLOSED: Final = -32000


def is_session(item: Any) -> TypeGuard[Any]:
    """Tell whether something is a session with an MCP server."""
    return not inspect.isclass(item) and all(
        inspect.iscoroutinefunction(getattr(item, name, None)) for name in ("list_tools", "call_tool")
    )


class ServerGone(ToolError):
    """The MCP server has ended, or the connection with it."""


async def tools_of(
    session: Any, *, prefix: str = "", only: Collection[str] | None = None, **options: Any
) -> list[Tool]:
    """Return the tools that a session's server has.

    Args:
        session: Initialised already.
        prefix: Put before each name, to tell the tools of two servers apart.
        only: Names, as the server has them, of those that are wanted; None: all.
        **options: `timeout`, `require_approval`, `behavior` of each `Tool`.

    Raises:
        ToolError: If the server has a tool that no model could be told of.
    """
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page = _plain(await _page(session, cursor))
        listed = [one for one in page.get("tools") or () if only is None or one.get("name") in only]
        found += [_tool(session, one, prefix, options) for one in listed]
        cursor = page.get("nextCursor")
        if not cursor:
            break
    return found


async def _page(session: Any, cursor: str | None) -> Any:
    if cursor is None:
        return await session.list_tools()
    if "cursor" in inspect.signature(session.list_tools).parameters:
        return await session.list_tools(cursor=cursor)
    asked = import_module("mcp.types").PaginatedRequestParams(cursor=cursor)
    return await session.list_tools(params=asked)


def _tool(session: Any, listed: Mapping[str, Any], prefix: str, options: Mapping[str, Any]) -> Tool:
    known_as = str(listed.get("name") or "")
    name = prefix + known_as
    if not NAME.fullmatch(name):  # MCP is freer with names than the Live API.
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64]
        name = name if NAME.fullmatch(name) else f"_{name[:63]}"
    schema = self_contained(listed.get("inputSchema") or {"type": "object"}, name, lenient=True)
    check_declaration({"name": name, "parametersJsonSchema": schema})
    description = str(listed.get("description") or listed.get("title") or known_as.replace("_", " "))
    # A base of `Tool.of`, so that its options are checked.
    base = Tool.of(_nothing, name=name, **options)
    return Tool(
        name=name,
        function=partial(_call, session, known_as),
        description=description[:DESCRIPTION_LENGTH],
        schema=schema,
        timeout=base.timeout,
        approval_timeout=base.approval_timeout,
        behavior=base.behavior,
        scheduling=base.scheduling,
    )


def _nothing() -> None: ...


async def _call(session: Any, known_as: str, /, **args: Any) -> Any:
    try:
        result = _plain(await session.call_tool(known_as, args))
    except Exception as error:
        if type(error).__name__ in _GONE or getattr(getattr(error, "error", None), "code", 0) == _CLOSED:
            raise ServerGone("its MCP server has ended") from None
        raise ToolError(words_of(error)) from None
    return read_result(result)


def words_of(error: BaseException) -> str:
    """Return what an exception says, in the server's own words where they are the server's."""
    said = getattr(getattr(error, "error", None), "message", None)
    if not isinstance(said, str):
        return failure(error)
    return " ".join(said.split())[:ERROR_LENGTH]


def read_result(result: Mapping[str, Any]) -> Any:
    """Return what a model is told of an MCP result: its structured content, else its texts.

    Pictures and sound cannot be told; that they were there is.

    Raises:
        ToolError: If the result is an error; the message is the server's own, cut.
    """
    texts = [text for item in result.get("content") or () if (text := _text(item))]
    if result.get("isError"):
        raise ToolError(" ".join(" ".join(texts).split())[:ERROR_LENGTH] or "the MCP server says no more")
    structured = result.get("structuredContent")
    if structured is not None:
        return structured
    return "\n".join(texts) if texts else None


def _text(item: Mapping[str, Any]) -> str:
    """Return one piece of a result as text."""
    kind = item.get("type")
    if kind == "text":
        return str(item.get("text") or "")
    if kind == "resource_link":
        return f"{item.get('name') or 'a resource'}: {item.get('uri')}"
    if kind == "resource":
        resource = item.get("resource") or {}
        return str(resource.get("text") or f"(a resource of the type {resource.get('mimeType')}, left out)")
    return f"({kind} of the type {item.get('mimeType')}, left out)"


def _plain(result: Any) -> dict[str, Any]:
    """Return a result of the `mcp` package as the JSON object that it was."""
    if isinstance(result, Mapping):
        return dict(result)
    dumped: dict[str, Any] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped
