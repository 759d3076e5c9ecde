"""Results of tools as the JSON objects that are sent to the model, and errors as short texts."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import inspect
import ipaddress
import math
import numbers
import pathlib
import re
import types
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from livewidget.errors import ToolError
from livewidget.text import plain

#: Longest text of an error, in characters. Chosen: a line or two on a card.
ERROR_LENGTH: Final = 200
#: Largest result sent to a model, in bytes of JSON. Chosen: some 16,000 tokens.
RESULT_LIMIT: Final = 64 * 1024

#: Deepest nesting of a result, in lists and objects. Chosen: Google's own JSON and protobuf parsers refuse
#: messages nested more than 100 levels deep, and a result stands inside a few.
_DEPTH: Final = 90
#: Largest whole number sent as a number: the service keeps numbers of results as 64-bit floats, which would
#: round a larger one. It is sent as text.
_EXACT: Final = 2**53
#: Bytes kept free for a note, and how often tables are cut to half before the result is refused. Chosen: two
#: sentences; a dozen tables side by side.
_NOTE_ROOM: Final = 300
_TRIES: Final = 5
#: Longest default of a parameter that a model is told, in bytes of JSON. Chosen: more is data, not a setting.
_DEFAULT_LIMIT: Final = 500
#: Longest place in an error, in characters. Chosen: with the rest of the sentence a line or two.
_PLACE: Final = 80

_NOT_PLAIN: Final = object()
#: Values that are written as `str` writes them.
_AS_TEXT: Final = (
    uuid.UUID,
    pathlib.PurePath,
    collections.UserString,
    datetime.tzinfo,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
)
#: Top-level packages whose values are read by what they can do.
_DATA_LIBRARIES: Final = ("numpy", "pandas", "polars", "pyarrow")

Scheduling = Literal["INTERRUPT", "WHEN_IDLE", "SILENT"]
SCHEDULING: Final = ("INTERRUPT", "WHEN_IDLE", "SILENT")


def describe_error(error: BaseException, length: int = ERROR_LENGTH) -> str:
    """Return the type of an exception and the first line of its message; of a group, of the first in it."""
    try:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        name = str(type(error).__name__)
        message = validation_text(error) or first_line(error, length)
    except BaseException:  # A user's class may raise anything, even for its name.
        return "an exception that cannot be described"
    return f"{name}: {message}" if message else name


def validation_text(error: BaseException, place: str = "") -> str | None:
    """Return the first fault of pydantic's ValidationError as a sentence without its end, or None.

    `place` is where the value stands that was validated.
    """
    if type(error).__name__ != "ValidationError":
        return None
    try:
        errors: Any = getattr(error, "errors", list)
        fault = errors()[0]
        where = place + "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in fault["loc"])
        message = re.sub(r"^(Value error|Assertion failed), ", "", str(fault["msg"]))
    except BaseException:  # Another library's error of that name.
        return None
    where = where.removeprefix(".")
    if message.lower() == "field required":
        text = f"{where} is missing"
    elif message.startswith("Input should "):
        text = f"{where or 'it'} {message.removeprefix('Input ')}"
    else:
        text = f"{where}: {message}" if where else message
    return (text.splitlines() or [""])[0][:ERROR_LENGTH]


def first_line(error: BaseException, length: int = ERROR_LENGTH) -> str:
    """Return the first line of an exception's message, at most `length` characters."""
    try:
        lines = plain(str(error)).strip().splitlines()
    except BaseException:  # A user's __str__ may raise anything.
        return ""
    return lines[0][:length] if lines else ""


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

    A dict, and what has named fields (dataclass, named tuple, pydantic model, attrs class), is sent as an
    object, anything else as `{"result": …}`. What is plain to a person becomes plain JSON: dates, paths,
    enums, decimals, ranges, sets, subclasses of str and of numbers, NumPy, pandas and polars values. A table
    becomes a list of records. What could not be sent as it was is said under "note": NaN and infinity are
    sent as null, and tables and arrays are cut after as many rows as fit into `limit`.

    Raises:
        ToolError: If it holds something that cannot be JSON, such as bytes or an open file; the message names
            the place. Or if it exceeds `limit` bytes although its tables are cut.
    """
    if isinstance(value, Result):
        value = value.value
    # Each try gives tables less, until what surrounds them fits in too.
    for budget in (limit, *(max(0, limit - _NOTE_ROOM) >> halved for halved in range(_TRIES))):
        plain = _Plain(limit, budget)
        try:
            whole = plain.whole(value)
        except RecursionError:
            raise ToolError("the result is nested too deeply to be sent: return it flatter") from None
        except _TooMuch as error:
            problem: ToolError = error
        else:
            size = len(_encode(whole))
            if size <= limit:
                return whole
            problem = ToolError(f"it returned {size:,} bytes and {limit:,} is the most: return less")
        if not plain.cut_rows:
            break
    raise problem


def plain_default(value: Any) -> Any:
    """Return a default value as JSON.

    Raises:
        ToolError: If it cannot be JSON as it is.
    """
    plain = _Plain(_DEFAULT_LIMIT, _DEFAULT_LIMIT)
    found = plain.value(value, "default")
    if plain.notes() or len(_encode(found)) > _DEFAULT_LIMIT:
        raise ToolError("this default is not sent to a model")
    return found


class _TooMuch(ToolError):
    """More was converted than could be sent."""


def _encode(plain: Any) -> bytes:
    # The encoder that the wire uses: what passes here can be sent.
    try:
        return msgspec.json.encode(plain)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ToolError(f"the result cannot be sent: {first_line(error)}") from None


class _Plain:
    """One conversion to JSON, and what it had to change.

    Attributes:
        cut_rows: Whether it met a table or an array, which a smaller budget would cut shorter.
    """

    def __init__(self, limit: int, budget: int) -> None:
        """Prepare a conversion; `limit` bounds the whole in bytes of JSON, `budget` each table."""
        self.cut_rows = False
        self._limit = limit
        self._budget = budget
        self._left = 2 * limit
        self._open: set[int] = set()
        self._not_finite: list[str] = []
        self._cuts: list[str] = []

    def whole(self, value: Any) -> dict[str, Any]:
        """Return what is sent: an object, with a note if something was changed."""
        found = self.value(value, "result")
        # The labels of a column are data: a note must not stand among them.
        named = isinstance(found, dict) and not _is_data(value)
        whole: dict[str, Any] = found if named else {"result": found}
        notes = self.notes()
        if notes:
            key = next(key for key in ("note", "notes", "_note", "__note__") if key not in whole)
            whole = {**whole, key: " ".join(notes)}
        return whole

    def notes(self) -> list[str]:
        """Return sentences about what is not sent as it was."""
        notes = list(self._cuts)
        if self._not_finite:
            count = len(self._not_finite)
            places = ", ".join(self._not_finite[:3]) + (f" and {count - 3:,} more" if count > 3 else "")
            what = "1 number was" if count == 1 else f"{count:,} numbers were"
            notes.append(f"{what} NaN or infinite and {'is' if count == 1 else 'are'} null here: {places}.")
        return notes

    def value(self, value: Any, place: str) -> Any:
        """Return `value` as JSON; `place` is where it stands in the result, for errors and notes."""
        if self._left < 0:  # The rest would only take time, during which the loop serves nobody else.
            raise _TooMuch(f"it returned more than {self._limit:,} bytes, which is the most: return less")
        self._left -= 2  # The least that a value and its comma take.
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind is str:
            self._left -= len(value)
            return _text(value)
        if kind is int or kind is float:
            return self._number(value, place)
        if id(value) in self._open:
            raise ToolError(f"{_where(place)} holds itself, which has no end as JSON; leave that out")
        if len(self._open) >= _DEPTH:
            raise ToolError(f"the result is nested more than {_DEPTH} levels deep: return it flatter")
        self._open.add(id(value))
        try:
            return self._converted(value, place)
        except (ToolError, RecursionError):
            raise
        except Exception as error:  # A user's property, iterator or serializer may raise.
            what = with_article(kind.__name__)
            raise ToolError(
                f"{_where(place)} is {what} that cannot be read ({describe_error(error)})"
            ) from None
        finally:
            self._open.discard(id(value))

    def _converted(self, value: Any, place: str) -> Any:
        scalar = self._scalar(value, place)
        if scalar is not _NOT_PLAIN:
            return scalar
        if isinstance(value, bytes | bytearray | memoryview):
            raise _refusal(place, "bytes", "return text or numbers")
        if isinstance(value, type) or callable(getattr(value, "__await__", None)):
            raise self._unsendable(value, place)
        if _is_data(value) or (hasattr(value, "tolist") and hasattr(value, "shape")):
            return self._data(value, place)
        dumped = _dumped(value)
        if dumped is not None:
            return self.value(dumped, place)
        fields = _fields_of(value)
        if fields is not None:
            return self._object(fields, place)
        if isinstance(value, Mapping):
            return self._object(value.items(), place)
        if isinstance(value, BaseException) or callable(value):
            raise self._unsendable(value, place)
        if hasattr(value, "tolist"):  # array.array, and arrays of other libraries
            return self._rows(value.tolist(), len(value), place)
        if hasattr(value, "read") or hasattr(value, "recv"):  # Iterating a file would use it up.
            raise self._unsendable(value, place)
        if callable(getattr(value, "keys", None)) and hasattr(value, "__getitem__"):  # sqlite3.Row
            return self._object(((key, value[key]) for key in value.keys()), place)  # noqa: SIM118
        if isinstance(value, Iterable):
            return self._list(value, place)
        raise self._unsendable(value, place)

    def _scalar(self, value: Any, place: str) -> Any:
        """Return the JSON of a single value, by its base class, or `_NOT_PLAIN`."""
        import numpy as np  # Here, since importing livewidget loads nothing heavy.

        if isinstance(value, enum.Enum):
            # As a model is told of it as a parameter: by its name where its value is no single JSON value.
            by_value = isinstance(value.value, str | int | float)
            return self.value(value.value if by_value else value.name, place)
        if isinstance(value, str):
            return _text(str.__str__(value))
        if isinstance(value, bool | np.bool_):
            return bool(value)
        if _is_missing(value):
            return None
        if isinstance(value, datetime.datetime | datetime.date | datetime.time):
            return value.isoformat()
        if isinstance(value, datetime.timedelta):
            return msgspec.to_builtins(datetime.timedelta(value.days, value.seconds, value.microseconds))
        if isinstance(value, np.datetime64 | np.timedelta64):
            return str(value)
        if isinstance(value, decimal.Decimal):
            return str(value) if value.is_finite() else self._number(float(value), place)
        if isinstance(value, numbers.Integral):
            return self._number(int(value), place)
        if isinstance(value, fractions.Fraction):
            return str(value)
        if isinstance(value, numbers.Real):
            return self._number(float(value), place)
        if isinstance(value, _AS_TEXT):
            return _text(str(value))
        if isinstance(value, re.Pattern):
            return self.value(value.pattern, place)
        if isinstance(value, complex | np.complexfloating):
            return str(complex(value))
        return _NOT_PLAIN

    def _number(self, value: int | float, place: str) -> int | float | str | None:
        if isinstance(value, float):
            if math.isfinite(value):
                return value
            self._not_finite.append(place)
            return None
        if abs(value) <= _EXACT:
            return value
        try:
            return str(value)
        except ValueError:  # Python limits the digits that it writes.
            raise ToolError(f"{_where(place)} is a number with too many digits to be sent") from None

    def _list(self, items: Iterable[Any], place: str) -> list[Any]:
        found = []
        # Two bytes are the least that an item takes, so an iterator without an end ends here.
        most = self._limit // 2
        for number, item in enumerate(items):
            if number > most:
                raise ToolError(
                    f"{_where(place)} has more than {most:,} items, too many to send: return fewer"
                )
            found.append(self.value(item, f"{place}[{number}]"))
        return found

    def _object(self, items: Iterable[tuple[Any, Any]], place: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            name = spelled = self._key(key, place)
            count = 1
            while name in found:  # {1: …, "1": …}, or two columns of one name
                count += 1
                name = f"{spelled} ({count})"
            found[name] = self.value(value, f"{place}[{_short(name)}]")
        return found

    def _key(self, key: Any, place: str) -> str:
        if isinstance(key, tuple | frozenset) and not hasattr(key, "_asdict"):
            return ", ".join(self._key(part, place) for part in key)
        if isinstance(key, float) and not math.isfinite(key):
            return str(float(key))
        plain = self._scalar(key, place) if key is not None else None
        if plain is _NOT_PLAIN:
            if _is_data(key):
                return _text(str(key))
            what = with_article(type(key).__name__)
            raise ToolError(f"{_where(place)} has {what} as a key; use text or numbers as keys")
        return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()

    # Tables, columns and arrays

    def _data(self, value: Any, place: str) -> Any:
        """Return a value of a library for data: by what it can do, since none of them is imported here."""
        import numpy as np

        if hasattr(type(value), "collect") and hasattr(type(value), "lazy"):  # polars.LazyFrame
            raise _refusal(place, "a table that has no rows yet", "return its .collect()")
        if (
            hasattr(value, "to_frame") and hasattr(value, "index") and hasattr(value, "items")
        ):  # pandas.Series
            if _has_labels(value.index):
                return self._labelled(value, place)
            return self._rows(_taken(value, self._limit), len(value), place)
        if hasattr(value, "columns") and hasattr(value, "itertuples"):  # pandas.DataFrame
            columns = [*_level_names(value), *value.columns] if _has_labels(value.index) else [*value.columns]
            return self._table(columns, _frame_rows(value), len(value), place)
        if hasattr(value, "iter_rows") and hasattr(value, "columns"):  # polars.DataFrame
            return self._table(list(value.columns), value.iter_rows(), len(value), place)
        if hasattr(value, "to_pylist"):  # pyarrow
            count = len(value)
            few = value.slice(0, self._limit // 2) if hasattr(value, "slice") else value
            return self._rows(few.to_pylist(), count, place)
        if hasattr(value, "as_py"):  # a scalar of pyarrow
            return self.value(value.as_py(), place)
        names: Any = getattr(getattr(value, "dtype", None), "names", None)
        if isinstance(value, np.ndarray | np.generic) and names:  # structured
            if not getattr(value, "shape", ()):
                return self._object(zip(names, value.item(), strict=True), place)
            rows = (one.item() for one in value.reshape(-1))
            return self._table(list(names), rows, value.size, place)
        if isinstance(value, np.ndarray) and value.dtype.kind in "mM":  # else nanoseconds as integers
            texts: Any = np.asarray(
                np.datetime_as_string(value, unit="auto") if value.dtype.kind == "M" else value.astype(str)
            )
            plain = np.where(np.isnat(value), np.asarray(None), texts.astype(object))
            return self._rows(plain.tolist(), len(value), place) if value.ndim else plain.item()
        for read in ("tolist", "to_list"):
            if hasattr(value, read):
                if not getattr(value, "shape", (0,)):
                    return self.value(getattr(value, read)(), place)
                return self._rows(getattr(_taken(value, self._limit), read)(), len(value), place)
        if hasattr(value, "freq") or hasattr(value, "closed"):  # pandas.Period, pandas.Interval
            return str(value)
        raise self._unsendable(value, place)

    def _table(self, columns: list[Any], rows: Iterable[Any], count: int, place: str) -> list[Any]:
        names = list(self._object(((name, None) for name in columns), place))
        return self._rows((dict(zip(names, row, strict=True)) for row in rows), count, place)

    def _rows(
        self, rows: Iterable[Any], count: int, place: str, labels: Sequence[str] | None = None
    ) -> list[Any]:
        """Return as many rows as the budget allows.

        Args:
            rows: The rows, or the first of them.
            count: How many there are, for the note.
            place: Where they stand.
            labels: Their names, if they have any, which take their part of the budget.
        """
        self.cut_rows = True
        found: list[Any] = []
        left = self._budget
        for number, row in enumerate(rows):
            known = len(self._not_finite)
            plain = self.value(row, f"{place}[{_short(labels[number]) if labels else number}]")
            left -= len(_encode(plain)) + 1 + (len(_encode(labels[number])) + 1 if labels else 0)
            if left < 0:
                del self._not_finite[known:]
                break
            found.append(plain)
        if len(found) < count:
            what = "values" if labels else "rows"
            self._cuts.append(
                f"{place} has the first {len(found):,} of {count:,} {what}; more cannot be sent at once."
            )
        return found

    def _labelled(self, series: Any, place: str) -> dict[str, Any]:
        """Return a column with labels of its own, such as counts by value, as an object."""
        few = _taken(series, self._limit)
        labels = list(self._object(((label, None) for label in few.index), place))
        return dict(zip(labels, self._rows(few, len(series), place, labels), strict=False))

    def _unsendable(self, value: Any, place: str) -> ToolError:
        kind = with_article(type(value).__name__)
        hint = "return text, numbers, lists or dicts"
        if isinstance(value, BaseException):
            hint = "raise it instead"
        elif hasattr(value, "savefig") or (hasattr(value, "save") and hasattr(value, "size")):
            hint = "return text, and show pictures with show(…)"
        elif callable(getattr(value, "__await__", None)):
            hint = "await it, and return what it gives"
        elif isinstance(value, type):
            kind = f"the class {value.__name__}"
        elif isinstance(value, types.ModuleType):
            kind = "a module"
        elif inspect.isroutine(value):
            kind = "a function"
        return _refusal(place, kind, hint)


def _where(place: str) -> str:
    """Return a place for an error: the end of a long one says most."""
    return place if len(place) <= _PLACE else f"result…{place[-_PLACE:]}"


def _refusal(place: str, kind: str, hint: str) -> ToolError:
    if place == "result":
        return ToolError(f"it returned {kind}, which cannot be sent; {hint}")
    return ToolError(f"{_where(place)}: {kind} cannot be sent; {hint}")


def _text(value: str) -> str:
    """Return a text that UTF-8 can hold: halves of characters, as in odd file names, are replaced."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _short(name: str) -> str:
    return repr(name if len(name) <= 40 else f"{name[:39]}…")


def _is_data(value: Any) -> bool:
    """Whether it is of a library for data, whose values are read by what they can do."""
    return type(value).__module__.partition(".")[0] in _DATA_LIBRARIES


def _is_missing(value: Any) -> bool:
    """Whether it is a missing value of pandas or NumPy, which compare as nothing."""
    import numpy as np

    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return type(value).__name__ in ("NaTType", "NAType", "MaskedConstant")


def _dumped(value: Any) -> Any:
    """Return what a model of pydantic, of either generation, gives for itself, or None."""
    if callable(getattr(type(value), "model_dump", None)):
        try:
            return value.model_dump(mode="json", warnings=False)
        except Exception:  # It holds what pydantic does not know, and we may.
            return value.model_dump()
    if callable(getattr(type(value), "dict", None)) and hasattr(type(value), "__fields__"):
        return value.dict()
    return None


def _fields_of(value: Any) -> Iterable[tuple[str, Any]] | None:
    """Return the names and values of the fields of a value that has any, or None."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    elif hasattr(type(value), "__attrs_attrs__"):
        names = [field.name for field in type(value).__attrs_attrs__]
    elif isinstance(value, msgspec.Struct):
        names = list(value.__struct_fields__)
        fields = (getattr(value, name) for name in names)
        return zip(value.__struct_encode_fields__, fields, strict=True)
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        names = list(getattr(value, "_fields", ()))
    elif isinstance(value, tuple) and hasattr(type(value), "n_sequence_fields"):  # os.stat, time.localtime
        names = list(getattr(type(value), "__match_args__", ()))
    elif isinstance(value, types.SimpleNamespace | argparse.Namespace):
        names = list(vars(value))
    else:
        return None
    return [(name, getattr(value, name)) for name in names if hasattr(value, name)]


def _has_labels(index: Any) -> bool:
    """Whether the index of a table of pandas says more than the row's number."""
    return type(index).__name__ != "RangeIndex"


def _level_names(frame: Any) -> list[Any]:
    names = list(frame.index.names)
    if len(names) == 1:
        return ["index" if names[0] is None else names[0]]
    return [f"level_{number}" if name is None else name for number, name in enumerate(names)]


def _frame_rows(frame: Any) -> Iterable[Any]:
    if not _has_labels(frame.index):
        yield from frame.itertuples(index=False, name=None)
        return
    several = frame.index.nlevels > 1
    for row in frame.itertuples(index=True, name=None):
        yield (*row[0], *row[1:]) if several else row


def _taken(value: Any, limit: int) -> Any:
    """Return as many items as could be sent at most, so that the rest of a long array is not copied."""
    return value if len(value) <= limit // 2 else value[: limit // 2]
