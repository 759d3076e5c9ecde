"""The clock of the bridge, and errors in words."""

from __future__ import annotations

import time

from livewidget.errors import LiveError


def now_ms() -> float:
    """Return the clock of everything here, in milliseconds."""
    return time.monotonic() * 1000


def code_of(error: BaseException | None) -> str:
    """Return a stable name for an error: KeyMissing becomes "key-missing"."""
    name = type(error).__name__ if isinstance(error, LiveError) else "failed"
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def sentence_of(error: BaseException) -> str:
    """Return an error as one sentence: ours say all themselves, of others the type and the first line."""
    first = (str(error).strip().splitlines() or [""])[0][:300]
    if isinstance(error, LiveError) and first:
        return first
    return f"{type(error).__name__}: {first}" if first else f"{type(error).__name__}."
