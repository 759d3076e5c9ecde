"""Words of errors: short, one line, safe to show."""

from __future__ import annotations

from typing import Final

#: Longest text of an error, in characters.
ERROR_LENGTH: Final = 200


def failure(error: BaseException) -> str:
    """Return the kind of an exception and the first line of what it says."""
    said = first_line(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of what an exception says, at most `ERROR_LENGTH` characters."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # Its __str__ is the user's own.
        return ""
    return lines[0][:ERROR_LENGTH] if lines else ""


def a(name: str) -> str:
    """Return a noun with its article."""
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
