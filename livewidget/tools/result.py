"""What a function returned, as the JSON object that goes to the model.

Words of errors: short, one line, safe to show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from livewidget.errors import ToolError

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


#: Largest result sent to a model, in bytes of JSON.
RESULT_LIMIT: Final = 64 * 1024

Scheduling = Literal["INTERRUPT", "WHEN_IDLE", "SILENT"]
SCHEDULING: Final = ("INTERRUPT", "WHEN_IDLE", "SILENT")


@dataclass(frozen=True, slots=True)
class Result:
    """A result that says when the model shall speak of it: `return Result(42, scheduling="SILENT")`.

    Attributes:
        value: What the function would have returned otherwise.
        scheduling: "INTERRUPT": at once; "WHEN_IDLE": when nobody speaks; "SILENT": never, it only knows.
            Models that take no scheduling, and calls that block, are sent the value alone.
    """

    value: Any
    scheduling: Scheduling

    def __post_init__(self) -> None:
        object.__setattr__(self, "scheduling", checked_scheduling(self.scheduling, "A Result"))


def checked_scheduling(scheduling: Any, whose: str) -> Scheduling:
    """Return a scheduling in the wire's spelling.

    Raises:
        ToolError: If it is none.
    """
    word: Any = scheduling.upper() if isinstance(scheduling, str) else scheduling
    if word not in SCHEDULING:
        raise ToolError(f"{whose} is scheduled {', '.join(SCHEDULING[:-1])} or {SCHEDULING[-1]}.")
    chosen: Scheduling = word
    return chosen


def response(value: Any, limit: int = RESULT_LIMIT) -> dict[str, Any]:
    """Return what a function returned as the JSON object that goes to the model.

    A dict goes as it is, anything else as `{"result": …}`. Dataclasses, enums, dates, NumPy numbers and
    arrays become plain JSON.

    Raises:
        ToolError: If it is no JSON (bytes, NaN, an object) or larger than `limit` bytes.
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
    # NumPy's arrays and numbers, and pandas' columns, know how to become lists and numbers.
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError


def _unsendable(value: Any, error: Exception) -> str:
    if isinstance(value, bytes | bytearray | memoryview) or "bytes" in str(error):
        return "it returned bytes, and only JSON can be sent: return text or numbers"
    if "JSON compliant" in str(error):
        return "it returned NaN or infinity, which JSON has not: return None or a text"
    return f"it returned {a(type(value).__name__)} that is not JSON: return text, numbers, lists or dicts"
