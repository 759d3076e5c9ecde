"""What the commands print: on a console of any encoding, to a file, a pipe or nowhere."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import sys
from typing import Any, TextIO

from livewidget.errors import UsageError
from livewidget.text import plain, plain_json, plain_line

#: Signs of the texts that a console may not have, and how they are written there.
_PLAIN = {
    "✓": "+", "✗": "x", "–": "-", "—": "-", "−": "-", "·": "-", "●": "*", "→": "->", "×": "x", "…": "...",
    "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ",
}  # fmt: skip


def _respell(error: UnicodeError) -> tuple[str, int]:
    """Write what an encoding lacks in ASCII: a sign like it, else its escape, from which it can be told."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(
        _PLAIN.get(one) or one.encode("ascii", "backslashreplace").decode() for one in letters
    ), error.end


codecs.register_error("livewidget", _respell)


def prepare() -> None:
    """Let no character end a command: those that a stream cannot encode are written in ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="livewidget")


def out(text: str) -> None:
    """Print what was asked for, on stdout.

    Raises:
        UsageError: If it cannot be written.
        BrokenPipeError: If its reader has gone.
    """
    try:
        print(plain(text))
        flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        raise UsageError(f"The output cannot be written: {reason(error)}.") from None


def flush() -> None:
    """Write what is left of stdout."""
    if sys.stdout is not None:  # it was closed before the program began
        sys.stdout.flush()


def say(sentence: str) -> None:
    """Print one sentence on stderr."""
    show(f"livewidget: {plain_line(sentence)}\n")


def show(text: str) -> None:
    """Print on stderr as it is; if that is closed or full, nobody wants to know."""
    with contextlib.suppress(OSError, ValueError):
        print(text, end="", file=sys.stderr, flush=True)


def silence(stream: TextIO | None) -> None:
    """Send the rest of a stream nowhere, or writing it at exit would fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        assert stream is not None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def to_json(value: Any, indent: int | None = None) -> str:
    """Return JSON, with escapes where stdout is not in UTF-8."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    written = json.dumps(value, indent=indent, ensure_ascii=codecs.lookup(encoding).name != "utf-8")
    return plain_json(written)


def reason(error: OSError) -> str:
    """Return why the system refuses something, as the end of a sentence."""
    return error.strerror or "the system refuses"
