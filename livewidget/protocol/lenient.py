"""`Reader`: builds structs from JSON in any spelling that the wire accepts.

The service reads snake_case and camelCase at every level, standard and URL-safe base64 with or without
padding, and int64 as a number or as a string (the JSON mapping of protobuf). google-genai for Python mixes
all of it in one frame. `Reader` walks such a frame once, guided by the types of the structs. User data (a
tool's `args` and `response`, JSON Schemas, labels) passes through untouched.

Subclasses decide about unknown names and wrong types: a server refuses the frame (`codec.decode_client`), a
client drops that field alone (`codec.ServerDecoder`).
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from livewidget.protocol.messages import CHOICES, FunctionDeclaration, Wire

#: Fields whose value belongs to the user: kept as it is, keys included.
_USER_DATA = frozenset(
    {
        "args",
        "parameters_json_schema",
        "response_json_schema",
        "part_metadata",
        "labels",
        "error",
    }
)

_USER_DATA_OF = {("FunctionResponse", "response"), ("AgentToolResult", "response")}

#: Fields of a function declaration in the OpenAPI subset: keywords are the wire's, property names are not.
_SCHEMA_FIELDS = frozenset({"parameters", "response"})

#: Keywords that the service takes inside `parameters`; others belong in `parametersJsonSchema`.
SCHEMA_KEYWORDS = frozenset(
    {
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "default",
        "example",
        "enum",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "properties",
        "required",
        "propertyOrdering",
        "minProperties",
        "maxProperties",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "anyOf",
    }
)

#: Chosen: deeper than any schema that a person writes, and far from the recursion limit.
_SCHEMA_DEPTH = 100
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")
_UNDERSCORE = re.compile(r"_([a-z0-9])")
_INT64 = 2**63

W = TypeVar("W", bound=Wire)


def camel(name: str) -> str:
    """Return a name in camelCase: `voiceName` for `voice_name` and for `voiceName`."""
    return _UNDERSCORE.sub(lambda match: match[1].upper(), name) if "_" in name[1:] else name


def snake(name: str) -> str:
    """Return a name in snake_case: `voice_name` for `voiceName` and for `voice_name`."""
    return _UPPER.sub(lambda match: "_" + match[1].lower(), name)


def decode_base64(text: str) -> bytes:
    """Decode base64 of either alphabet, padded or not.

    Raises:
        ValueError: If `text` is not base64.
    """
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    missing = -len(text) % 4
    if missing == 3:
        raise ValueError("base64 of an impossible length")
    return binascii.a2b_base64(text + "=" * missing, strict_mode=True)


def camelize_keys(value: Any) -> Any:
    """Return an object of the protocol without a struct, such as search settings, with its keys in camelCase.

    Raises:
        RecursionError: If `value` is nested too deep.
    """
    if type(value) is dict:
        return {camel(key): camelize_keys(item) for key, item in value.items()}
    if type(value) is list:
        return [camelize_keys(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Field:
    """How one field of a struct is read.

    Attributes:
        name: The attribute's name, snake_case.
        wire_name: Its camelCase name on the wire.
        kind: "struct", "str", "bool", "int", "float", "bytes", "object" (a protocol object without a struct),
            "schema", "texts" (str to str), "user" (anything), or "index" (int64).
        many: Whether it is a list of that kind.
        struct: The struct's class when `kind` is "struct".
        required: Whether the struct cannot be without it.
        choices: The words of its enum type; empty for any.
    """

    name: str
    wire_name: str
    kind: str
    many: bool = False
    struct: type[Wire] | None = None
    required: bool = False
    choices: frozenset[str] = frozenset()


@cache
def fields_of(cls: type[Wire]) -> dict[str, Field]:
    """Return the fields of `cls` by every accepted spelling."""
    plan: dict[str, Field] = {}
    for info in msgspec.structs.fields(cls):
        if cls.__name__ == "Setup" and info.name == "extra":
            continue  # Not on the wire: see `Setup`.
        kind, many, struct = _kind(info.type)
        if info.name in _USER_DATA or (cls.__name__, info.name) in _USER_DATA_OF:
            kind = "texts" if kind == "texts" else "user"
        elif cls is FunctionDeclaration and info.name in _SCHEMA_FIELDS:
            kind = "schema"
        choices = CHOICES.get((cls.__name__, info.encode_name), frozenset())
        field = Field(info.name, info.encode_name, kind, many, struct, info.required, choices)
        plan[info.name] = plan[info.encode_name] = field
    return plan


def _kind(annotation: Any) -> tuple[str, bool, type[Wire] | None]:
    options = [annotation]
    if get_origin(annotation) in (UnionType, Union):
        options = [option for option in get_args(annotation) if option is not NoneType]
    if len(options) > 1:
        return "int", False, None  # The one union on the wire: an int64 that may come as a string.
    option = options[0]
    if get_origin(option) is list:
        kind, _, struct = _kind(get_args(option)[0])
        return kind, True, struct
    if get_origin(option) is dict:
        return ("texts" if get_args(option)[1] is str else "object"), False, None
    if isinstance(option, type) and issubclass(option, Wire):
        return "struct", False, option
    return option.__name__ if option in (str, bool, int, float, bytes) else "user", False, None


class WrongType(Exception):
    """A value is not of its field's type. `expected` is protobuf's word for it."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def _str(value: Any) -> str:
    if type(value) is not str:
        raise WrongType("TYPE_STRING")
    return value


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise WrongType("TYPE_BOOL")
    return value


def _int(value: Any) -> int:
    if (type(value) is str and _INTEGER.fullmatch(value)) or (type(value) is float and value.is_integer()):
        value = int(value)
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise WrongType("TYPE_INT64")
    return value


def _float(value: Any) -> float:
    try:
        number = float(value) if type(value) in (int, float, str) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise WrongType("TYPE_FLOAT")
    return number


def _bytes(value: Any) -> bytes:
    try:
        return decode_base64(_str(value))
    except ValueError:
        raise WrongType("TYPE_BYTES") from None


def _object(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise WrongType("object")
    return camelize_keys(value)  # type: ignore[no-any-return]


def _texts(value: Any) -> dict[str, str]:
    if type(value) is not dict or any(type(text) is not str for text in value.values()):
        raise WrongType("map of strings")
    return value


def _user(value: Any) -> Any:
    return value


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "str": _str,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "bytes": _bytes,
    "object": _object,
    "texts": _texts,
    "user": _user,
}


class Reader:
    """Builds structs from decoded JSON. Paths are tuples of camelCase names and list indices."""

    def unknown(self, path: tuple[str | int, ...], name: str) -> None:
        """Handle a name that the struct at `path` does not have."""
        raise NotImplementedError

    def wrong(self, path: tuple[str | int, ...], expected: str) -> None:
        """Handle a value of another type at `path`. If this returns, the value is left out."""
        raise NotImplementedError

    def no_choice(self, path: tuple[str | int, ...], word: str) -> None:
        """Handle a value at `path` that is not a word of its enum. If this returns, the value is kept."""

    def read(self, cls: type[W], value: Any, path: tuple[str | int, ...] = ()) -> W | None:
        """Build `cls` from `value`; None if that is not an object, or lacks what `cls` requires."""
        if type(value) is not dict:
            self.wrong(path, "object")
            return None
        plan = fields_of(cls)
        found: dict[str, Any] = {}
        for name, item in value.items():
            field = plan.get(name)
            if field is None:
                self.unknown(path, name)
            elif item is not None:  # null is absence
                result = self._field(field, item, (*path, field.wire_name))
                if result is not None:
                    found[field.name] = result
        for field in plan.values():
            if field.required and field.name not in found:
                self.wrong((*path, field.wire_name), "required")
                return None
        return cls(**found)

    def _field(self, field: Field, item: Any, path: tuple[str | int, ...]) -> Any:
        if not field.many:
            return self._value(field, item, path)
        if type(item) is not list:
            self.wrong(path, "list")
            return None
        results = [self._value(field, entry, (*path, index)) for index, entry in enumerate(item)]
        return [result for result in results if result is not None]

    def _value(self, field: Field, item: Any, path: tuple[str | int, ...]) -> Any:
        if field.struct is not None:
            return self.read(field.struct, item, path)
        if field.kind == "schema":
            return self._schema(item, path)
        if field.kind == "user" and field.wire_name in ("args", "response", "error", "partMetadata"):
            if type(item) is not dict:
                self.wrong(path, "object")
                return None
            return item
        try:
            value = _SCALARS[field.kind](item)
        except WrongType as problem:
            self.wrong(path, problem.expected)
            return None
        if field.choices and value not in field.choices:
            self.no_choice(path, value)
        return value

    def _schema(self, value: Any, path: tuple[str | int, ...]) -> dict[str, Any] | None:
        """Return an OpenAPI schema with its keywords in camelCase; names of properties stay as they are."""
        if type(value) is not dict or len(path) > _SCHEMA_DEPTH:
            self.wrong(path, "object")
            return None
        result: dict[str, Any] = {}
        for key, item in value.items():
            keyword = camel(key)
            if keyword not in SCHEMA_KEYWORDS:
                self.unknown(path, key)
                result[key] = item
            elif keyword == "properties" and type(item) is dict:
                result[keyword] = {
                    name: self._schema(schema, (*path, keyword, name)) for name, schema in item.items()
                }
            elif keyword == "items":
                result[keyword] = self._schema(item, (*path, keyword))
            elif keyword in ("anyOf", "prefixItems") and type(item) is list:
                result[keyword] = [self._schema(one, (*path, keyword, i)) for i, one in enumerate(item)]
            else:
                result[keyword] = item
        return result
