"""A session as the Python that makes it: what "Copy as code" gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name, written
from livewidget.connection import Provider
from livewidget.tools import Tool, ToolSource

#: Where names come from that are not of `livewidget` itself.
_HOMES: Final = {"Tool": "livewidget.tools", "McpServer": "livewidget.integrations.mcp"}


def program(
    provider: Provider, config: LiveConfig, tools: Sequence[Tool | Mapping[str, Any] | ToolSource] = ()
) -> str:
    """Return a cell that makes exactly this session in a widget: imports, the widget, its display.

    Functions stand in it by their names. Keys, tokens and credentials are left out: they are found where the
    cell runs.
    """
    partner = _partner(provider)
    offered = [_tool(tool) for tool in tools]
    keywords = ({"tools": offered} if offered else {}) | config.keywords()
    made = written(Call("LiveWidget", (partner,), keywords), column=len("live = "))
    lines = [*_imports([partner, *offered]), "", f"live = {made}", "live", ""]
    return "\n".join(lines)


def _partner(provider: Provider) -> Any:
    """Whom one talks to, as an expression; a provider that cannot say how it is made stands by its name."""
    expression = getattr(provider, "expression", None)
    return Name("provider") if expression is None else expression()


def _tool(tool: Tool | Mapping[str, Any] | ToolSource) -> Any:
    if isinstance(tool, Mapping):
        return tool
    if not isinstance(tool, Tool):
        expression = getattr(tool, "expression", None)
        return Name("session") if expression is None else expression()
    name = getattr(tool.function, "__name__", "")
    function = Name(name if name.isidentifier() else tool.name)
    return Call("Tool.of", (function,), tool.options) if tool.options else function


def _imports(expressions: Iterable[Any]) -> list[str]:
    """Return the lines that import what the expressions need."""
    homes: dict[str, set[str]] = {"livewidget": {"LiveWidget"}}
    for expression in expressions:
        if isinstance(expression, Call):
            name = expression.name.partition(".")[0]
            homes.setdefault(_HOMES.get(name, "livewidget"), set()).add(name)
    return [f"from {home} import {', '.join(sorted(names))}" for home, names in sorted(homes.items())]
