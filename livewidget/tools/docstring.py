"""What a docstring says: of a function, and of each of its parameters."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

_SECTION = re.compile(r"^(Args|Arguments|Parameters):\s*$", re.MULTILINE)
_ENTRY = re.compile(r"^\s{2,8}\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.+)$")


def docstring_of(function: Callable[..., Any]) -> str:
    """Return the docstring of a function; of what wraps one, or is called like one, that of the inner one."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return inspect.getdoc(function) or ""
    return inspect.getdoc(type(function).__call__) or inspect.getdoc(function) or ""


def read(text: str) -> tuple[str, dict[str, str]]:
    """Return the first paragraph as one line, and what the `Args:` section says of each parameter."""
    summary = " ".join(text.strip().split("\n\n")[0].split())
    section = _SECTION.search(text)
    described: dict[str, str] = {}
    if section is None:
        return summary, described
    if text.strip().startswith(section.group(0)):
        summary = ""
    current, indent = None, 0
    for line in text[section.end() :].splitlines():
        if line.strip() and not line[0].isspace():
            break
        entry = _ENTRY.match(line)
        depth = len(line) - len(line.lstrip())
        if entry is not None and (current is None or depth <= indent):
            current, indent = entry.group(1), depth
            described[current] = entry.group(2).strip()
        elif current is not None and line.strip():
            described[current] += f" {line.strip()}"
    return summary, described
