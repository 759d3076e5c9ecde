"""Results of tools as the JSON objects that are sent to the model, and errors as short texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from livewidget.errors import ToolError

#: Longest text of an error, in characters. Chosen: a line or two on a card.
ERROR_LENGTH: Final = 200
#: Largest result sent to a model, in bytes of JSON. Chosen: some 16,000 tokens.
RESULT_LIMIT: Final = 64 * 1024

Scheduling = Literal["INTERRUPT", "WHEN_IDLE", "SILENT"]
SCHEDULING: Final = ("INTERRUPT", "WHEN_IDLE", "SILENT")


def describe_error(error: BaseException) -> str:
    """Return the type of an exception and the first line of its message."""
    message = first_line(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, at most `ERROR_LENGTH` characters."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # A user's __str__ may raise.
        return ""
    return lines[0][:ERROR_LENGTH] if lines else ""


def with_article(name: str) -> str:
    """Return a noun with the indefinite article."""
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


@dataclass(frozen=True, slots=True)
class Result:
    """A result with its scheduling: `return Result(42, scheduling="SILENT")`.

    Attributes:
        value: What the function would have returned otherwise.
        scheduling: When the model mentions it. "INTERRUPT": at once; "WHEN_IDLE": when nobody speaks;
            "SILENT": never. Models without support for scheduling, and blocking calls, receive the value
            alone.
    """

    value: Any
    scheduling: Scheduling

    def __post_init__(self) -> None:
        object.__setattr__(self, "scheduling", check_scheduling(self.scheduling, "A Result"))


def check_scheduling(scheduling: Any, whose: str) -> Scheduling:
    """Return a scheduling in the spelling of the API.

    Raises:
        ToolError: If it is not a scheduling.
    """
    word: Any = scheduling.upper() if isinstance(scheduling, str) else scheduling
    if word not in SCHEDULING:
        raise ToolError(f"{whose} is scheduled {', '.join(SCHEDULING[:-1])} or {SCHEDULING[-1]}.")
    chosen: Scheduling = word
    return chosen


def response(value: Any, limit: int = RESULT_LIMIT) -> dict[str, Any]:
    """Return a function's result as the JSON object for the model.

    A dict is sent as it is, anything else as `{"result": …}`. Dataclasses, enums, dates, NumPy numbers and
    arrays become plain JSON.

    Raises:
        ToolError: If it cannot be JSON (bytes, NaN, other objects) or exceeds `limit` bytes.
    """
    try:
        plain = msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=_plain, str_keys=True)
        whole = plain if isinstance(plain, dict) else {"result": plain}
        text = json.dumps(whole, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ToolError(_unsendable(value, error)) from None
    size = len(text.encode(errors="replace"))
    if size > limit:
        raise ToolError(f"it returned {size:,} bytes and {limit:,} is the most: return less")
    plainest: dict[str, Any] = json.loads(text)
    return plainest


def _plain(value: Any) -> Any:
    # NumPy arrays and numbers, and pandas columns.
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError


def _unsendable(value: Any, error: Exception) -> str:
    if isinstance(value, bytes | bytearray | memoryview) or "bytes" in str(error):
        return "it returned bytes, and only JSON can be sent: return text or numbers"
    if "JSON compliant" in str(error):
        return "it returned NaN or infinity, which JSON has not: return None or a text"
    kind = with_article(type(value).__name__)
    return f"it returned {kind} that is not JSON: return text, numbers, lists or dicts"
