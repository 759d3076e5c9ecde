"""Types of parameters: an annotation becomes a `Kind`, a schema for the model and a way to make the value.

pydantic's types bring their own schema and validation, and pydantic is imported only if they do.
"""

from __future__ import annotations

import builtins
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import importlib
import inspect
import ipaddress
import numbers
import os
import pathlib
import re
import sys
import types
import typing
import uuid
import zoneinfo
from collections import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from livewidget.errors import ToolError
from livewidget.tools.result import describe_error, first_line, plain_default, validation_text
from livewidget.tools.schema import (
    ANYTHING,
    Misfit,
    choice_of,
    fit,
    inline_references,
    shown,
    spelled,
    takes_null,
    within,
)

_Build = Callable[[Any, str], Any]
_Describe = Callable[[str], Mapping[str, str]]


class Untellable(Exception):
    """A type whose values a model cannot send. The message is a clause about what has that type."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of values that a model can send.

    Attributes:
        schema: JSON Schema of the values, without references. Keys that begin with "_" are our own.
        build: Makes the value from JSON that fits the schema, or raises `Misfit`; its second argument is the
            place, for errors. None: the JSON is the value.
    """

    schema: dict[str, Any]
    build: _Build | None = None

    def convert(self, value: Any, place: str, *, exactly: bool = False) -> Any:
        """Return the value of a JSON value.

        Raises:
            Misfit: If it does not fit.
        """
        return self.built(fit(value, self.schema, place, exactly=exactly), place)

    def built(self, fitted: Any, place: str) -> Any:
        """Return the value of JSON that fits already."""
        return fitted if self.build is None else self.build(fitted, place)


_ANYTHING: Final = {"type": [*ANYTHING, "null"]}


def anything() -> Kind:
    """Return the kind of what may be any JSON."""
    return Kind(dict(_ANYTHING))


def _made_by(make: Callable[[Any], Any]) -> _Build:
    """Return a `build` that calls `make`, whose errors are misfits."""

    def build(value: Any, place: str) -> Any:
        try:
            return make(value)
        except (ValueError, TypeError, ArithmeticError, LookupError, re.error) as error:
            what = place if isinstance(value, dict | list) else f"{place} cannot be {shown(value)}"
            reason = validation_text(error, place) or f"{what}: {first_line(error)}"
            raise Misfit(reason.rstrip(".: ")) from None

    return build


_Maker = Callable[[Any], Callable[[Any], Any]]


@functools.cache
def _scalars() -> tuple[tuple[tuple[type, ...], dict[str, Any], _Maker], ...]:
    """Return what is read by its base class: the schema, and what makes a subclass from the JSON."""
    import numpy as np  # Here, since importing livewidget loads nothing heavy.

    return (
        ((bool, np.bool_), {"type": "boolean"}, lambda cls: cls),
        ((datetime.datetime,), {"type": "string", "format": "date-time"}, lambda cls: cls.fromisoformat),
        ((datetime.date,), {"type": "string", "format": "date"}, lambda cls: cls.fromisoformat),
        ((datetime.time,), {"type": "string", "format": "time"}, lambda cls: cls.fromisoformat),
        (
            (datetime.timedelta,),
            {"type": "string", "format": "duration"},
            lambda cls: lambda text: cls(seconds=msgspec.convert(text, datetime.timedelta).total_seconds()),
        ),
        ((np.datetime64,), {"type": "string", "format": "date-time"}, lambda cls: cls),
        ((str, np.str_, collections.UserString), {"type": "string"}, lambda cls: cls),
        ((int, np.integer), {"type": "integer"}, lambda cls: cls),
        ((float, np.floating), {"type": "number"}, lambda cls: cls),
        (
            (decimal.Decimal, fractions.Fraction),
            {"type": "number"},
            lambda cls: lambda one: cls(spelled(one)),
        ),
        ((uuid.UUID,), {"type": "string", "format": "uuid"}, lambda cls: cls),
        ((pathlib.PurePath, zoneinfo.ZoneInfo), {"type": "string"}, lambda cls: cls),
        ((ipaddress.IPv4Address, ipaddress.IPv6Address), {"type": "string"}, lambda cls: cls),
        ((ipaddress.IPv4Network, ipaddress.IPv6Network), {"type": "string"}, lambda cls: cls),
        ((re.Pattern,), {"type": "string"}, lambda cls: re.compile),
    )


#: Abstract types, and what stands for them.
_STANDS_FOR: Final[dict[Any, Any]] = {
    abc.Hashable: Any,
    numbers.Number: float,
    numbers.Complex: float,
    numbers.Real: float,
    numbers.Rational: fractions.Fraction,
    numbers.Integral: int,
    typing.SupportsFloat: float,
    typing.SupportsInt: int,
    typing.SupportsIndex: int,
    typing.SupportsAbs: float,
    typing.SupportsRound: float,
    os.PathLike: pathlib.Path,
    typing.LiteralString: str,
}
_LISTS: Final[dict[Any, Any]] = {
    abc.Iterable: list,
    abc.Collection: list,
    abc.Container: list,
    abc.Reversible: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Iterator: iter,
    abc.Set: set,
    abc.MutableSet: set,
}
_DICTS: Final = (abc.Mapping, abc.MutableMapping)
_BYTES: Final = (
    bytes,
    bytearray,
    memoryview,
    getattr(abc, "ByteString", bytes),
    getattr(abc, "Buffer", bytes),
)
#: Attributes of constraints, as annotated-types, msgspec and pydantic name them, and JSON Schema's keywords.
_LIMITS: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
    "min_length": "min",
    "max_length": "max",
}
_SIZES: Final = {"string": "Length", "array": "Items", "object": "Properties"}


def read_kind(hint: Any, describe: _Describe = lambda _: {}) -> Kind:
    """Return the kind of an annotation.

    Args:
        hint: The annotation.
        describe: Reads the descriptions of fields from the docstring of their class.

    Raises:
        Untellable: If a model cannot send such values.
    """
    return _Reader(describe).read(hint)


class _Reader:
    """Reads annotations. One is for one parameter, since it knows which types it is within."""

    def __init__(self, describe: _Describe) -> None:
        self._describe = describe
        self._open: dict[Any, list[Kind]] = {}

    def read(self, hint: Any) -> Kind:
        """Return the kind of an annotation; see `read_kind`."""
        if hint is Any or hint is object or hint is inspect.Parameter.empty:
            return anything()
        if hint is None or hint is type(None):
            return Kind({"type": "null"})
        if isinstance(hint, TypeVar):
            return self._type_variable(hint)
        if isinstance(hint, typing.NewType):
            return self.read(hint.__supertype__)
        if isinstance(hint, dataclasses.InitVar):
            return self.read(hint.type)
        if isinstance(hint, str | typing.ForwardRef):
            name = hint if isinstance(hint, str) else hint.__forward_arg__
            raise Untellable(f"is of the type {name[:60]}, which is not defined")
        origin, args = get_origin(hint), get_args(hint)
        alias = origin if hasattr(origin, "__value__") else hint if hasattr(hint, "__value__") else None
        if alias is not None:  # `type Name = …`
            value = _written(alias)
            value = value[args] if args else value
            return self._recursive(hint, lambda: self.read(value), _ANYTHING)
        if origin is Annotated:
            return self._annotated(hint, args[0], hint.__metadata__)
        if origin is Literal:
            return _choice(args, [one.value if isinstance(one, enum.Enum) else one for one in args])
        if origin in (Union, types.UnionType):
            return self._union(args)
        if form_name(origin) in ("Required", "NotRequired", "ReadOnly", "Final", "ClassVar"):
            return self.read(args[0])
        return self._class(hint, origin or hint, args)

    def _class(self, hint: Any, cls: Any, args: tuple[Any, ...]) -> Kind:
        if cls in _STANDS_FOR:
            return self.read(_STANDS_FOR[cls])
        if not isinstance(cls, type) or cls in (type, abc.Callable):
            raise Untellable(f"is of the type {_type_name(hint)}, which is not JSON")
        reason: Untellable | None = None
        if is_pydantic(cls):
            try:
                return by_pydantic(hint)
            except Untellable as error:  # A date of another library may well be one without pydantic.
                reason = error
        if issubclass(cls, enum.Enum):
            return _enumeration(cls)
        for bases, schema, maker in _scalars():
            if issubclass(cls, bases):
                return Kind(dict(schema), None if cls is str else _made_by(maker(cls)))
        if issubclass(cls, _BYTES):
            raise Untellable("holds bytes, and a model calls with text and numbers")
        if _is_array(cls):
            return _array(args)
        fields = fields_of(cls, dict(zip(getattr(cls, "__parameters__", ()), args, strict=False)))
        if fields is not None:
            make = dict if typing.is_typeddict(cls) else cls
            return self._recursive(hint, lambda: self._object(cls, fields, make), {"type": "object"})
        if issubclass(cls, tuple):
            return self._tuple(cls, args)
        if cls in _DICTS or issubclass(cls, dict | abc.Mapping):
            return self._dict(cls, args)
        if cls in _LISTS or issubclass(
            cls, list | set | frozenset | collections.deque | collections.UserList
        ):
            item = self.read(args[0]) if args else anything()
            return Kind({"type": "array", "items": item.schema}, _list_of(item, _LISTS.get(cls, cls)))
        raise reason or Untellable(f"is of the type {_type_name(hint)}, which is not JSON")

    def _type_variable(self, hint: TypeVar) -> Kind:
        if hint.__constraints__:
            return self._union(hint.__constraints__)
        return anything() if hint.__bound__ is None else self.read(hint.__bound__)

    def _recursive(self, key: Any, make: Callable[[], Kind], placeholder: Mapping[str, Any]) -> Kind:
        """Return what `make` does; within itself, a schema that says less and the same values."""
        try:
            within_itself = key in self._open
        except TypeError:  # Not hashable.
            return make()
        if within_itself:
            whole = self._open[key]
            return Kind(dict(placeholder), lambda value, place: whole[0].convert(value, place))
        whole = self._open[key] = []
        try:
            whole.append(make())
            return whole[0]
        finally:
            del self._open[key]

    def _annotated(self, hint: Any, inner: Any, extras: Sequence[Any]) -> Kind:
        if any(type(extra).__module__.partition(".")[0] == "pydantic" for extra in extras):
            try:
                return by_pydantic(hint)
            except Untellable:  # pydantic does not know the type, and we may.
                extras = [
                    part
                    for extra in extras
                    for part in (
                        *getattr(extra, "metadata", ()),
                        getattr(extra, "description", None) or extra,
                    )
                ]
        kind = self.read(inner)
        for extra in extras:
            kind = _limited(kind, extra)
        text = description_of(extras)
        return Kind({**kind.schema, "description": text}, kind.build) if text else kind

    def _union(self, hints: Sequence[Any]) -> Kind:
        """Return the kind of several: of those that a model can send, the others are left out."""
        found: list[Kind] = []
        reason: Untellable | None = None
        for hint in hints:
            try:
                found.append(self.read(hint))
            except Untellable as error:
                reason = error
        real = [kind for kind in found if kind.schema.get("type") != "null"]
        if not real:
            raise reason or Untellable("can be nothing but null")
        nulls = [{"type": "null"}] if len(real) < len(found) else []
        # True is no number here, and 2 rather a whole number than any.
        real.sort(key=lambda kind: {"boolean": 0, "integer": 1}.get(str(kind.schema.get("type")), 2))
        if any(isinstance(kind.schema.get("type"), list) for kind in real):
            return anything()
        schemas = [one for kind in real for one in kind.schema.get("anyOf", [kind.schema])]
        if len(real) == 1 and "anyOf" not in real[0].schema:
            schemas = [real[0].schema]

        def build(value: Any, place: str) -> Any:
            if value is None and nulls:
                return None
            misfit: Misfit | None = None
            for exactly in (True, False):
                for kind in real:
                    try:
                        return kind.convert(value, place, exactly=exactly)
                    except Misfit as error:
                        misfit = misfit or error
            raise misfit or Misfit(f"{place} does not fit")

        if all(kind.build is None for kind in real):
            return Kind({"anyOf": [*schemas, *nulls]})
        return Kind({"anyOf": [*schemas, *nulls]}, build)

    def _tuple(self, cls: Any, args: tuple[Any, ...]) -> Kind:
        if not args or (len(args) == 2 and args[1] is ...):
            item = self.read(args[0]) if args else anything()
            return Kind({"type": "array", "items": item.schema}, _list_of(item, cls))
        kinds = [] if args == ((),) else [self.read(one) for one in args]
        schemas = [kind.schema for kind in kinds]
        different = [one for number, one in enumerate(schemas) if one not in schemas[:number]]
        schema: dict[str, Any] = {"type": "array", "minItems": len(kinds), "maxItems": len(kinds)}
        if len(different) == 1:
            schema["items"] = different[0]
        elif different:
            schema |= {"prefixItems": schemas, "items": {"anyOf": different}}

        def build(value: Any, place: str) -> Any:
            pairs = enumerate(zip(kinds, value, strict=True))
            return cls(kind.built(one, within(place, number)) for number, (kind, one) in pairs)

        return Kind(schema, build)

    def _dict(self, cls: Any, args: tuple[Any, ...]) -> Kind:
        if issubclass(cls, collections.Counter):
            args = (*args[:1], int) if args else ()
        key, item = (self.read(args[0]), self.read(args[1])) if len(args) == 2 else (anything(), anything())
        make: Any = dict if cls in _DICTS else cls
        if issubclass(cls, collections.defaultdict):
            factory = (get_origin(args[1]) or args[1]) if len(args) == 2 else None
            make = functools.partial(cls, factory if callable(factory) else None)
        schema: dict[str, Any] = {"type": "object"}
        if item.schema != _ANYTHING:
            schema["additionalProperties"] = item.schema
        if (
            make is dict
            and key.build is None
            and item.build is None
            and key.schema in (_ANYTHING, {"type": "string"})
        ):
            return Kind(schema)

        def build(value: Any, place: str) -> Any:
            names = {name: key.convert(name, f"the key {shown(name)} of {place}") for name in value}
            return _made_by(make)(
                {names[name]: item.built(one, within(place, name)) for name, one in value.items()}, place
            )

        return Kind(schema, build)

    def _object(self, cls: Any, fields: Iterable[Field], make: Callable[..., Any]) -> Kind:
        """Return the kind of an object with named fields."""
        described: Mapping[str, str] = {}
        text = cls.__doc__ or ""
        if not text.startswith(f"{cls.__name__}("):  # Not what dataclasses write for themselves.
            described = self._describe(text)
        kinds: dict[str, tuple[Field, Kind]] = {}
        properties: dict[str, Any] = {}
        required: list[str] = []
        for one in fields:
            try:
                kind = self.read(one.hint)
            except Untellable as error:
                if one.required:
                    raise Untellable(f"has {one.name}, which {error}") from None
                continue  # Its default will do.
            kinds[one.name] = one, kind
            properties[one.name] = with_default(kind.schema, one.default, described.get(one.name))
            if one.required and not takes_null(kind.schema):
                required.append(one.name)
        schema = {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

        def build(value: Any, place: str) -> Any:
            values = {
                one.keyword: kind.built(value[name], within(place, name)) if name in value else None
                for name, (one, kind) in kinds.items()
                if name in value or one.required
            }
            return _made_by(lambda keywords: make(**keywords))(values, place)

        return Kind(schema, build)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object: its JSON name, its type, and the keyword that sets it."""

    name: str
    hint: Any
    required: bool
    default: Any = inspect.Parameter.empty
    keyword: str = ""

    def __post_init__(self) -> None:
        if not self.keyword:
            object.__setattr__(self, "keyword", self.name)


def fields_of(cls: Any, arguments: Mapping[Any, Any]) -> list[Field] | None:
    """Return the fields of a dataclass, TypedDict, named tuple, attrs class or Struct, else None.

    `arguments` are the types that stand for its type variables.
    """
    empty = inspect.Parameter.empty
    found: list[Field] = []
    if dataclasses.is_dataclass(cls):
        hints = _hints_of(cls, arguments)
        for one in dataclasses.fields(cls):
            has_default = one.default is not dataclasses.MISSING
            required = not has_default and one.default_factory is dataclasses.MISSING
            if one.init:
                default = one.default if has_default else empty
                found.append(Field(one.name, _described(hints[one.name], one.metadata), required, default))
        for name, hint in hints.items():  # What only __init__ takes is not among the fields.
            if isinstance(hint, dataclasses.InitVar):
                found.append(Field(name, hint, not hasattr(cls, name), getattr(cls, name, empty)))
        return found
    if typing.is_typeddict(cls):
        needed = cls.__required_keys__
        for name, hint in _hints_of(cls, arguments).items():
            form = form_name(get_origin(hint))
            found.append(Field(name, hint, form == "Required" or (form != "NotRequired" and name in needed)))
        return found
    if hasattr(cls, "__attrs_attrs__"):
        hints = _hints_of(cls, arguments)
        for one in cls.__attrs_attrs__:
            required = type(one.default).__name__ == "_Nothing" or "NOTHING" in repr(one.default)
            default = empty if required or hasattr(one.default, "factory") else one.default
            name = getattr(one, "alias", None) or one.name.lstrip("_")
            if one.init:
                hint = _described(hints.get(one.name, Any), one.metadata)
                found.append(Field(name, hint, required, default))
        return found
    if issubclass(cls, msgspec.Struct):
        hints = _hints_of(cls, arguments)
        for each in msgspec.structs.fields(cls):
            default = empty if each.default is msgspec.NODEFAULT else each.default
            found.append(Field(each.encode_name, hints[each.name], each.required, default, each.name))
        return found
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        hints = _hints_of(cls, arguments)
        defaults = getattr(cls, "_field_defaults", {})
        return [
            Field(name, hints.get(name, Any), name not in defaults, defaults.get(name, empty))
            for name in cls._fields
        ]
    return None


def _written(alias: Any) -> Any:
    """Return what an alias of a type stands for, with the names in it looked up where it was written."""
    names = {**vars(sys.modules.get(alias.__module__ or "", builtins)), alias.__name__: alias}
    return resolved(alias.__value__, names, {})


def resolved(annotation: Any, known: dict[str, Any], local: Mapping[str, Any]) -> Any:
    """Return an annotation with the names in it looked up, or as it is if one is not defined."""

    def holder() -> None: ...

    holder.__annotations__ = {"it": annotation}
    try:
        return typing.get_type_hints(holder, known, dict(local), include_extras=True)["it"]
    except (NameError, TypeError, SyntaxError, AttributeError):
        return annotation


def _described(hint: Any, metadata: Mapping[Any, Any]) -> Any:
    """Return a type with the description in a field's metadata, if there is one."""
    text = metadata.get("description") or metadata.get("doc")
    return Annotated[hint, text] if isinstance(text, str) else hint


def _hints_of(cls: Any, arguments: Mapping[Any, Any]) -> dict[str, Any]:
    try:
        # A class within a function knows itself only so.
        hints = typing.get_type_hints(cls, localns={cls.__name__: cls, **vars(cls)}, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        raise Untellable(f"has a type that cannot be read ({first_line(error)})") from None
    return {name: _substituted(hint, arguments) for name, hint in hints.items()}


def _substituted(hint: Any, arguments: Mapping[Any, Any]) -> Any:
    """Return a type with its type variables replaced."""
    if not arguments:
        return hint
    if isinstance(hint, TypeVar):
        return arguments.get(hint, hint)
    variables = getattr(hint, "__parameters__", ())
    if variables and not isinstance(hint, type):
        return hint[tuple(arguments.get(one, one) for one in variables)]
    return hint


def form_name(origin: Any) -> str:
    """Return the name of a special form; those of typing_extensions are not those of typing."""
    return getattr(origin, "_name", None) or getattr(origin, "__name__", None) or ""


def _type_name(hint: Any) -> str:
    return str(getattr(hint, "__name__", None) or hint).removeprefix("typing.")[:60]


def _list_of(item: Kind, make: Callable[[Any], Any]) -> _Build | None:
    if item.build is None:
        return None if make is list else _made_by(make)

    def build(value: Any, place: str) -> Any:
        return _made_by(make)(
            [item.built(one, within(place, number)) for number, one in enumerate(value)], place
        )

    return build


def _is_array(cls: type) -> bool:
    import numpy as np

    return issubclass(cls, np.ndarray)


def _array(args: tuple[Any, ...]) -> Kind:
    """Return the kind of a NumPy array, of any number of dimensions; its dtype is the annotation's."""
    import numpy as np

    scalar = next(iter(get_args(args[1])), None) if len(args) == 2 else None
    dtype = scalar if isinstance(scalar, type) and issubclass(scalar, np.generic) else None
    one = "string" if dtype and issubclass(dtype, np.str_) else "boolean" if dtype is np.bool_ else "number"
    items = {
        "anyOf": [{"type": one}, {"type": "array", "items": {"anyOf": [{"type": one}, {"type": "array"}]}}]
    }
    return Kind({"type": "array", "items": items}, _made_by(lambda value: np.asarray(value, dtype=dtype)))


def _enumeration(cls: type[enum.Enum]) -> Kind:
    """Return the kind of an enum: by its values where these are JSON, else by its names."""
    if issubclass(cls, enum.Flag):
        return Kind({"type": "integer"}, _made_by(cls))
    members = list(cls)
    if not members:
        raise Untellable(f"is of the enum {cls.__name__}, which has no members")
    if all(isinstance(one.value, str | int | float) for one in members):
        kind = _choice(members, [one.value for one in members])
        names = {name: one.value for name, one in cls.__members__.items()}
    else:
        kind = _choice(members, [one.name for one in members])
        names = {name: one.name for name, one in cls.__members__.items()}
    return Kind({**kind.schema, "_names": names}, kind.build)


def _choice(values: Sequence[Any], written: Sequence[Any]) -> Kind:
    """Return the kind of one of `values`, which a model writes as `written`."""
    plain = [_plain_scalar(one) for one in written]
    order = sorted(plain) if len({type(one) for one in plain}) == 1 and plain[0] is not None else plain
    pairs = list(zip(plain, values, strict=True))

    def build(value: Any, place: str) -> Any:
        for one, meant in pairs:
            if one == value and type(one) is type(value):
                return meant
        raise Misfit(f"{place} must be one of its choices, got {shown(value)}")

    return Kind(choice_of(order), build)


def _plain_scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    for base in (str, int, float):
        if isinstance(value, base):
            return base.__str__(value) if base is str else base(value)
    raise Untellable(f"may be {shown(repr(value))}, which is not JSON")


def _limited(kind: Kind, extra: Any) -> Kind:
    """Return a kind within the limits of a constraint of annotated-types, msgspec or pydantic."""
    if isinstance(extra, str | type):
        return kind
    check = getattr(extra, "func", None)
    if callable(check) and "annotated_types" in type(extra).__module__:
        return Kind(kind.schema, _checked(kind, check, "is not accepted"))
    for name, keyword in _LIMITS.items():
        bound = getattr(extra, name, None)
        if bound is None or callable(bound):
            continue
        if keyword in ("min", "max") and isinstance(bound, int):
            if name == "min_length" and bound == 0:
                continue
            kind = Kind(_with_keyword(kind.schema, keyword, bound), kind.build)
        elif keyword == "pattern" or (isinstance(bound, int | float) and _is_numeric(kind.schema)):
            bound = getattr(bound, "pattern", bound)
            kind = Kind(_with_keyword(kind.schema, keyword, bound), kind.build)
        elif keyword.endswith("imum"):  # Of dates and the like, which JSON Schema cannot compare.
            holds, words = _COMPARISONS[name]
            kind = Kind(
                kind.schema, _checked(kind, functools.partial(holds, bound), f"must be {words} {bound}")
            )
    more = getattr(extra, "extra_json_schema", None)
    return Kind({**kind.schema, **more}, kind.build) if isinstance(more, dict) else kind


_COMPARISONS: Final[dict[str, tuple[Callable[[Any, Any], bool], str]]] = {
    "ge": (lambda bound, value: value >= bound, "at least"),
    "gt": (lambda bound, value: value > bound, "more than"),
    "le": (lambda bound, value: value <= bound, "at most"),
    "lt": (lambda bound, value: value < bound, "less than"),
}


def _checked(kind: Kind, check: Callable[[Any], Any], words: str) -> _Build:
    def build(value: Any, place: str) -> Any:
        found = kind.built(value, place)
        try:
            holds = found is None or check(found)
        except TypeError as error:  # A date with a time zone compared with one without.
            raise Misfit(f"{place} cannot be compared ({first_line(error)})") from None
        if not holds:
            raise Misfit(f"{place} {words}, got {shown(value)}")
        return found

    return build


def _is_numeric(schema: Mapping[str, Any]) -> bool:
    return any(one.get("type") in ("integer", "number") for one in schema.get("anyOf", [schema]))


def _with_keyword(schema: Mapping[str, Any], keyword: str, bound: Any) -> dict[str, Any]:
    """Return a schema with a limit, on those of its alternatives that it can limit."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [_with_keyword(one, keyword, bound) for one in schema["anyOf"]]}
    kind = schema.get("type")
    if keyword in ("min", "max"):
        return {**schema, keyword + _SIZES[kind]: bound} if kind in _SIZES else dict(schema)
    if keyword == "pattern":
        return {**schema, keyword: bound} if kind == "string" else dict(schema)
    return {**schema, keyword: bound} if kind in ("integer", "number") else dict(schema)


def description_of(extras: Iterable[Any]) -> str | None:
    """Return the description in `Annotated[int, "how many"]`, `Meta(description=…)` or `Doc(…)`."""
    for extra in extras:
        text = extra if isinstance(extra, str) else None
        text = text or getattr(extra, "description", None) or getattr(extra, "documentation", None)
        if isinstance(text, str) and text:
            return text
    return None


def with_default(schema: Mapping[str, Any], default: Any, description: str | None = None) -> dict[str, Any]:
    """Return a schema with what is left out for, if that is JSON, and a description if it has none."""
    whole = dict(schema)
    if description:
        whole.setdefault("description", description)
    if default is inspect.Parameter.empty or default is None or "default" in whole:
        return whole
    try:
        by_name = isinstance(default, enum.Enum) and default.name in whole.get("enum", ())
        plain = default.name if by_name else plain_default(default)
        return {**whole, "default": fit(plain, schema, "default")}
    except (ToolError, Misfit):
        return whole


# pydantic


def is_pydantic(cls: Any) -> bool:
    """Return whether a class is validated by pydantic."""
    names = ("__get_pydantic_core_schema__", "__pydantic_validator__", "__get_validators__")
    return any(hasattr(cls, name) for name in names)


def by_pydantic(hint: Any) -> Kind:
    """Return the kind of a type that pydantic validates, by pydantic's own schema.

    Raises:
        Untellable: If pydantic has no JSON Schema for it.
    """
    try:
        module = importlib.import_module("pydantic")
        if hasattr(hint, "parse_obj") and not hasattr(hint, "__pydantic_validator__"):  # its first generation
            whole, validate = hint.schema(), hint.parse_raw
        else:
            adapter = module.TypeAdapter(hint)
            whole, validate = adapter.json_schema(), adapter.validate_json
    except Exception as error:  # Which of its errors says what is a matter of its version.
        raise Untellable(f"cannot be described by pydantic ({describe_error(error)})") from None
    schema = inline_references(whole, "", lenient=True, keep_nulls=True)

    def build(value: Any, place: str) -> Any:
        return _made_by(lambda plain: validate(msgspec.json.encode(plain)))(value, place)

    return Kind(schema, build)


def field_info(hint: Any, default: Any) -> Any:
    """Return pydantic's `Field(…)` of a parameter: its default, or among its annotations."""
    for one in (default, *getattr(hint, "__metadata__", ())):
        if type(one).__name__ == "FieldInfo" and type(one).__module__.partition(".")[0] == "pydantic":
            return one
    return None
