"""Values in words: what a function returned as a sentence, and lists as one says them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_LIMIT = 300  # characters of a function's result that are spoken


_PLAIN = frozenset(("result", "output", "response", "content", "answer", "value"))
"""Keys that say nothing of what is under them, where they stand alone."""


def say_result(result: Mapping[str, Any]) -> str:
    """Return a function's result as a sentence: {"result": "the lamp is on"} → "The lamp is on."."""
    if result.get("error"):
        return _sentence(f"The tool failed: {_said(result['error'])}")
    value: Any = result
    if len(result) == 1:
        (key,) = result
        value = result[key] if key in _PLAIN else result
    if value is None or value in ("", {}, []):
        return "Done."
    if isinstance(value, bool):
        return "Yes." if value else "No."
    if isinstance(value, int | float):
        return f"The result is {_said(value)}."
    return _sentence(_said(value))


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{spoken_name(str(key))}: {_said(one)}" for key, one in list(value.items())[:6])
    if isinstance(value, list | tuple):
        return listed([_said(one) for one in value[:6]])
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "nothing" if value is None else " ".join(str(value).split())


def _sentence(text: str) -> str:
    if len(text) > _LIMIT:
        text = text[:_LIMIT].rsplit(" ", 1)[0] + " …"
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?…" else ".")


def listed(items: Sequence[str], joint: str = "and") -> str:
    """Return items as one says them: "a, b and c"."""
    return f" {joint} ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def spoken_name(name: str) -> str:
    """Return a name of a program's in words: "setLight2" → "set light 2"."""
    return " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)).lower() or name
