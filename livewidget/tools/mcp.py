"""Tools of an MCP (Model Context Protocol) server, and their results as a model reads them.

The `mcp` package is not imported: a session is any object with `list_tools` and `call_tool`, like
`ClientSession` and `Client` of that package. Results are read by the field names of the protocol, which all
its versions share.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, Final, TypeGuard

from livewidget.errors import ToolError
from livewidget.tools.arguments import DESCRIPTION_LENGTH
from livewidget.tools.result import ERROR_LENGTH, describe_error
from livewidget.tools.schema import NAME, Misfit, check_declaration, fit, inline_references
from livewidget.tools.tool import Tool

#: Most pages read of a server's tool list. Chosen: a bound for a server that never ends its list.
PAGES: Final = 50

#: Exceptions of anyio for a closed stream, and the error code of the MCP SDK for a closed connection.
_GONE: Final = ("ClosedResourceError", "BrokenResourceError", "EndOfStream")
_CLOSED: Final = -32000


def is_mcp_session(item: Any) -> TypeGuard[Any]:
    """Return whether `item` is a session with an MCP server."""
    return not inspect.isclass(item) and all(
        inspect.iscoroutinefunction(getattr(item, name, None)) for name in ("list_tools", "call_tool")
    )


class McpServerClosed(ToolError):
    """The MCP server, or the connection to it, has been closed."""


async def list_mcp_tools(
    session: Any, *, prefix: str = "", only: Collection[str] | None = None, **options: Any
) -> list[Tool]:
    """Return the tools of a session's server.

    Args:
        session: An initialized session.
        prefix: Prepended to each name, to tell the tools of two servers apart.
        only: Names, as on the server, of the tools wanted; None: all.
        **options: `timeout`, `require_approval` and `behavior` of each `Tool`.

    Raises:
        ToolError: If a tool cannot be declared to a model.
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
    server_name = str(listed.get("name") or "")
    name = prefix + server_name
    if not NAME.fullmatch(name):  # MCP allows more names than the Live API.
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64]
        name = name if NAME.fullmatch(name) else f"_{name[:63]}"
    schema = inline_references(listed.get("inputSchema") or {"type": "object"}, name, lenient=True)
    check_declaration({"name": name, "parametersJsonSchema": schema})
    description = str(listed.get("description") or listed.get("title") or server_name.replace("_", " "))
    return replace(
        Tool.of(lambda: None, name=name, **options),  # This validates the options.
        function=partial(_call, session, server_name, _full_schema(listed, name)),
        description=description[:DESCRIPTION_LENGTH],
        schema=schema,
        arguments=None,
    )


def _full_schema(listed: Mapping[str, Any], name: str) -> dict[str, Any]:
    return inline_references(listed.get("inputSchema") or {}, name, lenient=True, keep_nulls=True)


async def _call(session: Any, server_name: str, schema: Mapping[str, Any], /, **args: Any) -> Any:
    # What models write otherwise than they are told, such as null for what may be left out. Whether what does
    # not fit will do is for the server to say.
    with contextlib.suppress(Misfit):
        args = fit(args, {"type": "object", **schema}, "")
    try:
        result = _plain(await session.call_tool(server_name, args))
    except Exception as error:
        has_ended = type(error).__name__ in _GONE or _code(error) == _CLOSED
        text = mcp_error_text(error)
    else:
        return read_result(result)
    # Not where it was caught: frames of `mcp` hold the server's address and headers.
    raise McpServerClosed("its MCP server has ended") if has_ended else ToolError(text)


def _code(error: Exception) -> Any:
    return getattr(getattr(error, "error", None), "code", 0)


def mcp_error_text(error: BaseException) -> str:
    """Return the message of an MCP error, or the description of any other exception."""
    message = getattr(getattr(error, "error", None), "message", None)
    if not isinstance(message, str):
        return describe_error(error)
    return " ".join(message.split())[:ERROR_LENGTH]


def read_result(result: Mapping[str, Any]) -> Any:
    """Return the structured content of an MCP result, else its texts.

    Images and audio are replaced by a note, since a result is JSON.

    Raises:
        ToolError: If the result is an error; with the server's message, shortened.
    """
    texts = [text for item in result.get("content") or () if (text := _text(item))]
    if result.get("isError"):
        raise ToolError(" ".join(" ".join(texts).split())[:ERROR_LENGTH] or "the MCP server says no more")
    structured = result.get("structuredContent")
    if structured is not None:
        return structured
    return "\n".join(texts) if texts else None


def _text(item: Mapping[str, Any]) -> str:
    """Return one content item as text."""
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
    """Return an object of the `mcp` package as its JSON."""
    if isinstance(result, Mapping):
        return dict(result)
    dumped: dict[str, Any] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped
