"""A session as the Python that makes it: what "Copy as code" returns, laid out as ruff does."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from livewidget.config.config import LiveConfig
from livewidget.tools import Tool, ToolSource

#: Columns of a line: ruff's default. What cannot be broken, such as a long text, may be longer.
WIDTH: Final = 88
_INDENT: Final = 4
#: Modules of names that are not in `livewidget` itself.
_MODULES: Final = {
    "Tool": "livewidget.tools",
    "McpServer": "livewidget.integrations.mcp",
    "AgentProvider": "livewidget.integrations.agent",
    "GenAIClient": "livewidget.integrations.genai",
    "GenAISession": "livewidget.integrations.genai",
    "AdkAgent": "livewidget.integrations.adk",
    "LiveKitAgent": "livewidget.integrations.livekit",
    "PipecatBot": "livewidget.integrations.pipecat",
}


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the program: a function, a variable."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call: what is called, positional arguments, then keywords in their order."""

    name: str
    positional: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] | None = None

    @property
    def arguments(self) -> list[tuple[str, Any]]:
        """Each argument, with what stands before it: nothing, or its keyword and an equals sign."""
        named = (self.keywords or {}).items()
        return [("", value) for value in self.positional] + [(f"{name}=", value) for name, value in named]


class Expressible(Protocol):
    """Something that can name the Python that makes it, such as a `Provider`."""

    def expression(self) -> str | Name | Call:
        """Return that Python: a value as it is, a name, or a call."""


def program(
    provider: Expressible, config: LiveConfig, tools: Sequence[Tool | Mapping[str, Any] | ToolSource] = ()
) -> str:
    """Return a cell that makes exactly this session in a widget: imports, the widget, its display.

    Functions stand in it by their names. Keys, tokens and credentials are left out: they are found where the
    cell runs.
    """
    expressions = [provider.expression(), *map(_tool_expression, tools)]
    kwargs = ({"tools": expressions[1:]} if tools else {}) | config.kwargs()
    widget = to_python(Call("LiveWidget", (expressions[0],), kwargs), column=len("live = "))
    return "\n".join([*_imports(expressions), "", f"live = {widget}", "live", ""])


def _tool_expression(tool: Tool | Mapping[str, Any] | ToolSource) -> Any:
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
    names: dict[str, set[str]] = {"livewidget": {"LiveWidget"}}
    for expression in expressions:
        if isinstance(expression, Call):
            name = expression.name.partition(".")[0]
            names.setdefault(_MODULES.get(name, "livewidget"), set()).add(name)
    return [f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)]


def to_python(value: Any, *, column: int = 0, indent: int = 0, follows: int = 0) -> str:
    """Return a value as a Python expression.

    Args:
        value: A `Name`, a `Call`, or JSON-like data: None, bool, int, float, str, list, tuple, dict.
        column: Where its first line begins.
        indent: How far its last line is indented if it takes several.
        follows: How many characters follow on its last line.
    """
    flat, inner, parts = _on_one_line(value), indent + _INDENT, _parts(value)
    if flat is not None and column + _columns(flat) + follows <= WIDTH:
        return flat
    if parts is None:
        return _quote_lines(value) if isinstance(value, str) else str(flat)
    begin, items, end = parts
    if not items:
        return begin + end
    pad, out, end = " " * inner, " " * indent, end.removeprefix(",")
    # The arguments of a call stand together on one line if they fit, everything else one below the other.
    together = _join(items) if isinstance(value, Call) else None
    if together is not None and inner + _columns(together) <= WIDTH:
        return f"{begin}\n{pad}{together}\n{out}{end}"
    rows = [
        f"{pad}{before}{to_python(item, column=inner + _columns(before), indent=inner, follows=1)},\n"
        for before, item in items
    ]
    return f"{begin}\n{''.join(rows)}{out}{end}"


def _parts(value: Any) -> tuple[str, list[tuple[str, Any]], str] | None:
    """Return how a container begins, its items with what stands before each, and how it ends."""
    match value:
        case Call():
            return f"{value.name}(", value.arguments, ")"
        case dict():
            return "{", [(f"{_key(key)}: ", item) for key, item in value.items()], "}"
        case list():
            return "[", [("", item) for item in value], "]"
        case tuple():
            return "(", [("", item) for item in value], ",)" if len(value) == 1 else ")"
    return None


def _on_one_line(value: Any) -> str | None:
    """Return a value on one line; None if it holds a text of several lines."""
    if isinstance(value, Name):
        return value.text
    if isinstance(value, str):
        return None if _has_lines(value) else _quote(value)
    parts = _parts(value)
    if parts is None:
        return repr(value)
    begin, items, end = parts
    inner = _join(items)
    return None if inner is None else begin + inner + end


def _join(items: list[tuple[str, Any]]) -> str | None:
    texts = [(before, _on_one_line(value)) for before, value in items]
    return None if any(text is None for _, text in texts) else ", ".join(f"{a}{b}" for a, b in texts)


def _key(key: Any) -> str:
    return _quote(key) if isinstance(key, str) else repr(key)


def _has_lines(text: str) -> bool:
    """Return whether a text has several lines and can be shown so: nothing in it needs an escape."""
    plain = all(char.isprintable() or char == "\n" for char in text)
    return "\n" in text and plain and "\\" not in text and '"""' not in text and not text.endswith('"')


def _quote_lines(text: str) -> str:
    return f'"""{text}"""' if _has_lines(text) else _quote(text)


def _quote(text: str) -> str:
    """Return a text in double quotes, or in single ones if that saves escapes; unprintables are escaped."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escape(char, quote) for char in text) + quote


def _escape(char: str, quote: str) -> str:
    if char in ("\\", quote):
        return f"\\{char}"
    return char if char.isprintable() else repr(char)[1:-1]


def _columns(text: str) -> int:
    """Return the columns that a text takes: East Asian characters are two wide, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
