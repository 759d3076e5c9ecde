"""Every message the structs can hold, and every way the wire may spell it."""

from __future__ import annotations

import base64
import re
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from livewidget.protocol.messages import CHOICES, ClientMessage, ServerMessage, Wire

texts = st.text(max_size=12)
# Keys that no respelling changes: what has a struct nowhere is the service's own object, in camelCase.
camel_keys = st.from_regex(r"\A[a-z][a-zA-Z0-9]{0,8}\Z")
user_keys = st.one_of(camel_keys, st.text(max_size=8), st.sampled_from(["snake_case", "any_of", "mime_type"]))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)


def json_objects(keys: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )
    return st.dictionaries(keys, values, max_size=3)


schemas = st.deferred(
    lambda: st.fixed_dictionaries(
        {"type": st.sampled_from(["STRING", "OBJECT", "ARRAY"])},
        optional={
            "description": texts,
            "minItems": st.integers(0, 9),
            "enum": st.lists(texts, max_size=2),
            "default": json_objects(user_keys),
            "properties": st.dictionaries(user_keys, st.just({"type": "STRING", "maxLength": 3}), max_size=2),
            "anyOf": st.lists(st.just({"type": "NUMBER"}), max_size=2),
            "items": st.just({"type": "INTEGER", "propertyOrdering": ["a_b"]}),
        },
    )
)

USER_DATA = {
    "args",
    "response",
    "parametersJsonSchema",
    "responseJsonSchema",
    "partMetadata",
    "labels",
    "error",
}


def value_of(owner: str, name: str, annotation: Any) -> st.SearchStrategy[Any]:
    kind = annotation
    if get_origin(annotation) in (UnionType, Union):
        kind = next(option for option in get_args(annotation) if option is not NoneType)
    if get_origin(kind) is list:
        return st.lists(value_of(owner, name, get_args(kind)[0]), max_size=2)
    if owner == "FunctionDeclaration" and name in ("parameters", "response"):
        return schemas
    if get_origin(kind) is dict:
        if get_args(kind)[1] is str:
            return st.dictionaries(user_keys, texts, max_size=2)
        return json_objects(user_keys if name in USER_DATA else camel_keys)
    if isinstance(kind, type) and issubclass(kind, Wire):
        return struct_of(kind)
    if (owner, name) in CHOICES:
        return st.sampled_from(sorted(CHOICES[owner, name]))
    return {
        str: texts,
        bool: st.booleans(),
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bytes: st.binary(max_size=9),
    }.get(kind, json_objects(user_keys))


@cache
def struct_of(cls: type[Wire]) -> st.SearchStrategy[Any]:
    """Any `cls`. Recursion ends because every field but the required ones is mostly absent."""
    required: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for info in msgspec.structs.fields(cls):
        if cls.__name__ == "Setup" and info.name == "extra":
            continue
        values = st.deferred(lambda info=info: value_of(cls.__name__, info.encode_name, info.type))
        (required if info.required else optional)[info.name] = values
    if cls.__name__ == "Part":
        # A part that holds a function's response that holds parts …: one level is enough.
        optional["function_response"] = st.none()
    chosen = st.lists(st.sampled_from(sorted(optional)), max_size=3, unique=True) if optional else st.just([])
    return chosen.flatmap(
        lambda names: st.fixed_dictionaries({**required, **{name: optional[name] for name in names}})
    ).map(lambda values: cls(**values))


client_messages = st.sampled_from([info.name for info in msgspec.structs.fields(ClientMessage)]).flatmap(
    lambda name: struct_of(
        next(
            option
            for info in msgspec.structs.fields(ClientMessage)
            if info.name == name
            for option in get_args(info.type)
            if option is not NoneType
        )
    ).map(lambda value: ClientMessage(**{name: value}))
)
server_messages = struct_of(ServerMessage)


class Awkward:
    """Writes a message as JSON in every way the service understands but nobody would choose."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def _coin(self) -> bool:
        return bool(self._draw(st.booleans()))

    def write(self, value: Any, owner: str = "", name: str = "") -> Any:
        if isinstance(value, Wire):
            cls = type(value)
            result: dict[str, Any] = {}
            for info in msgspec.structs.fields(cls):
                item = getattr(value, info.name)
                if item is None:
                    if self._coin():
                        result[info.name] = None  # Says no more than leaving it out.
                    continue
                key = info.name if self._coin() else info.encode_name
                result[key] = self.write(item, cls.__name__, info.encode_name)
            result.pop("extra", None)
            return result
        if name in USER_DATA and (owner, name) != ("FunctionDeclaration", "response"):
            return value
        if isinstance(value, list):
            return [self.write(item, owner, name) for item in value]
        if isinstance(value, bytes):
            text = base64.b64encode(value).decode()
            if self._coin():
                text = text.replace("+", "-").replace("/", "_")
            return text.rstrip("=") if self._coin() else text
        if isinstance(value, int) and not isinstance(value, bool) and self._coin():
            return str(value)
        if owner == "FunctionDeclaration" and name in ("parameters", "response"):
            return self._schema(value)
        if isinstance(value, dict):
            return {self._key(key): self._inside(item) for key, item in value.items()}
        return value

    def _inside(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._key(key): self._inside(item) for key, item in value.items()}
        return [self._inside(item) for item in value] if isinstance(value, list) else value

    def _key(self, key: str) -> str:
        """Snake only where that can be undone: `aB` ↔ `a_b`, but `aBC` and `a1B` are left."""
        plain = re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", key)
        return re.sub("([A-Z])", lambda m: "_" + m[1].lower(), key) if plain and self._coin() else key

    def _schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in schema.items():
            if key == "properties":
                value = {name: self._schema(one) for name, one in value.items()}
            elif key == "anyOf":
                value = [self._schema(one) for one in value]
            result[self._key(key)] = value
        return result


awkward_client = client_messages.flatmap(
    lambda message: st.composite(lambda draw: (message, Awkward(draw).write(message)))()
)
awkward_server = server_messages.flatmap(
    lambda message: st.composite(lambda draw: (message, Awkward(draw).write(message)))()
)
