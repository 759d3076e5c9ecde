"""Words for errors: near names, choices, and values that may be shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` spelled most like `name`, whatever the case, or None if none is near."""
    by_lower = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[near[0]] if near else None


def either(names: Iterable[str]) -> str:
    """Return `"a", "b" or "c"`."""
    *rest, last = [f'"{name}"' for name in names]
    return f"{', '.join(rest)} or {last}" if rest else last


def shown(value: object) -> str:
    """A value as an error may show it: numbers and short words, never a text that may be private."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= 30):
        return repr(value)
    return f"a {type(value).__name__}"
