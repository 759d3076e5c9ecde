"""Values and calls as the Python that a person would type, laid out as ruff does."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

#: Columns of a line; what cannot be broken, such as a long text, may go further.
WIDTH: Final = 88
_INDENT: Final = 4


@dataclass(frozen=True, slots=True)
class Name:
    """Something that has a name in the program: a function, a variable."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call: what is called, positional arguments, then keywords in their order."""

    name: str
    positional: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] | None = None

    @property
    def arguments(self) -> list[tuple[str, Any]]:
        """Each argument, with what stands before it."""
        named = (self.keywords or {}).items()
        return [("", value) for value in self.positional] + [(f"{name}=", value) for name, value in named]


def written(value: Any, *, column: int = 0, indent: int = 0) -> str:
    """Return an expression as Python.

    Args:
        value: A `Name`, a `Call`, or JSON-like data: None, bool, int, float, str, list, tuple, dict.
        column: Where its first line begins.
        indent: How far its last line is indented, where it takes several.
    """
    return _layout(value, column, indent, 0)


def _layout(value: Any, column: int, indent: int, follows: int) -> str:
    """Lay out a value after which `follows` more characters stand on its last line."""
    flat = _flat(value)
    if flat is not None and column + _columns(flat) + follows <= WIDTH:
        return flat
    inner = indent + _INDENT
    match value:
        case Call():
            return _bracketed(f"{value.name}(", value.arguments, ")", inner, together=True)
        case dict():
            items = [(f"{_key(key)}: ", item) for key, item in value.items()]
            return _bracketed("{", items, "}", inner)
        case list():
            return _bracketed("[", [("", item) for item in value], "]", inner)
        case tuple():
            return _bracketed("(", [("", item) for item in value], ")", inner)
    return _lines(value) if isinstance(value, str) else str(flat)


def _bracketed(
    begin: str, items: list[tuple[str, Any]], end: str, inner: int, *, together: bool = False
) -> str:
    """Put the items one below the other; or together on one line of their own, where that is usual."""
    if not items:
        return begin + end
    pad, out = " " * inner, " " * (inner - _INDENT)
    if together:
        flat = [_flat(value) for _, value in items]
        line = ", ".join(f"{before}{text}" for (before, _), text in zip(items, flat, strict=True))
        if None not in flat and inner + _columns(line) <= WIDTH:
            return f"{begin}\n{pad}{line}\n{out}{end}"
    rows = [
        f"{pad}{before}{_layout(value, inner + _columns(before), inner, 1)},\n" for before, value in items
    ]
    return f"{begin}\n{''.join(rows)}{out}{end}"


def _flat(value: Any) -> str | None:
    """Return a value on one line; None if it holds a text of several lines."""
    match value:
        case Name(text=text):
            return text
        case str():
            return None if _has_lines(value) else _quoted(value)
        case Call(name=name):
            inner = _joined(value.arguments)
            return None if inner is None else f"{name}({inner})"
        case dict():
            inner = _joined((f"{_key(key)}: ", item) for key, item in value.items())
            return None if inner is None else "{" + inner + "}"
        case list() | tuple():
            inner = _joined(("", item) for item in value)
            if inner is None:
                return None
            return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    return repr(value)


def _joined(items: Iterable[tuple[str, Any]]) -> str | None:
    parts = [(before, _flat(value)) for before, value in items]
    return None if any(text is None for _, text in parts) else ", ".join(f"{a}{b}" for a, b in parts)


def _key(key: Any) -> str:
    return _quoted(key) if isinstance(key, str) else repr(key)


def _has_lines(text: str) -> bool:
    """Whether a text of several lines can be shown as such: nothing in it needs an escape."""
    plain = all(letter.isprintable() or letter == "\n" for letter in text)
    return "\n" in text and plain and "\\" not in text and '"""' not in text and not text.endswith('"')


def _lines(text: str) -> str:
    return f'"""{text}"""' if _has_lines(text) else _quoted(text)


def _quoted(text: str) -> str:
    """Return a text in quotes: double ones, unless single ones spare escapes; what is unseen is escaped."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_letter(letter, quote) for letter in text) + quote


def _letter(letter: str, quote: str) -> str:
    if letter in ("\\", quote):
        return f"\\{letter}"
    return letter if letter.isprintable() else repr(letter)[1:-1]


def _columns(text: str) -> int:
    """Columns that a text takes: letters of East Asia are twice as wide, marks on a letter take none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
