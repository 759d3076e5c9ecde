"""A session as the Python that makes it: what "Copy as code" gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name, written
from livewidget.connection import Provider
from livewidget.tools import Tool


def program(provider: Provider, config: LiveConfig, tools: Sequence[Tool | Mapping[str, Any]] = ()) -> str:
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


def _tool(tool: Tool | Mapping[str, Any]) -> Any:
    if not isinstance(tool, Tool):
        return tool
    name = getattr(tool.function, "__name__", "")
    return Name(name if name.isidentifier() else tool.name)


def _imports(expressions: Iterable[Any]) -> list[str]:
    """Return the lines that import what the expressions need."""
    homes: dict[str, set[str]] = {"livewidget": {"LiveWidget"}}
    for expression in expressions:
        if isinstance(expression, Call):
            name = expression.name.partition(".")[0]
            homes.setdefault("livewidget.tools" if name == "Tool" else "livewidget", set()).add(name)
    return [f"from {home} import {', '.join(sorted(names))}" for home, names in sorted(homes.items())]
