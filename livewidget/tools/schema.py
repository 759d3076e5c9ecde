"""JSON Schemas of arguments: simplified to what every model supports, and validated before they are sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from livewidget.errors import ToolError
from livewidget.tools.result import first_line

#: Function names that the service accepts.
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")

_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
#: Keywords whose value is a schema, a list of schemas, or schemas by name.
_ONE = ("items", "additionalProperties", "not", "contains")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties")


def schema_of(arguments: type[msgspec.Struct], name: str) -> dict[str, Any]:
    """Return the JSON Schema of a struct of arguments, without references.

    Raises:
        ToolError: If a type has no JSON Schema.
    """
    try:
        whole = msgspec.json.schema(arguments)
    except (TypeError, ValueError, RecursionError) as error:
        raise parameters_error(name, first_line(error)) from None
    schema = inline_references(whole, name)
    schema.pop("additionalProperties", None)
    if not schema.get("required"):
        schema.pop("required", None)
    return schema


def inline_references(whole: Mapping[str, Any], name: str, *, lenient: bool = False) -> dict[str, Any]:
    """Return a schema without references, titles and nulls, which not every model supports.

    Args:
        whole: A JSON Schema; its references may be `#/$defs/…` and `#/definitions/…`.
        name: The tool's name, for errors.
        lenient: Replace recursive and unresolved references by a schema that accepts anything.

    Raises:
        ToolError: If there is such a reference and `lenient` is not set.
    """
    definitions: dict[str, Any] = {}
    bare = dict(whole)
    for place in ("$defs", "definitions"):
        definitions |= {f"#/{place}/{key}": value for key, value in (bare.pop(place, None) or {}).items()}
    if "$ref" in bare:  # msgspec writes a struct as a reference.
        bare = {**definitions.get(bare.pop("$ref"), {}), **bare}

    def inlined(schema: Any, above: tuple[str, ...] = ()) -> Any:
        """Return `schema` with its references inlined; `above`: the references being inlined."""
        if isinstance(schema, list):
            return [inlined(item, above) for item in schema]
        if not isinstance(schema, dict):
            return schema
        schema = dict(schema)
        target = schema.pop("$ref", None)
        if target is not None and target in definitions and target not in above:
            return inlined({**definitions[target], **schema}, (*above, target))
        if target is not None and not lenient:
            if target in above:
                raise parameters_error(name, "a type refers to itself, and a schema here has an end")
            raise parameters_error(name, "its schema refers to something outside of it")
        if isinstance(schema.get("title"), str):
            del schema["title"]
        choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
        if len(choices) == 1:
            del schema["anyOf"]
            return inlined({**choices[0], **schema}, above)
        if schema.get("default", ...) is None:
            del schema["default"]
        if "enum" in schema and all(isinstance(value, str) for value in schema["enum"]):
            schema.setdefault("type", "string")
        fixed = {key: schema.pop(key) for key in ("default", "enum", "required") if key in schema}
        # Their keys are names of the user's, such as "title", rather than keywords.
        named = {key: schema.pop(key) for key in _NAMED if isinstance(schema.get(key), dict)}
        schema = {key: inlined(value, above) for key, value in schema.items()} | fixed
        for key, properties in named.items():
            schema[key] = {label: inlined(one, above) for label, one in properties.items()}
        return schema

    schema: dict[str, Any] = inlined(bare)
    for comment in ("$schema", "$id", "$comment"):
        schema.pop(comment, None)
    return schema


def check_declaration(declaration: Mapping[str, Any]) -> None:
    """Validate a hand-written declaration, which the service would otherwise reject by closing with 1007.

    Raises:
        ToolError: If no model accepts it; the message says where the error is.
    """
    name = declaration.get("name")
    if not isinstance(name, str) or not name:
        raise ToolError("A declaration of a tool is a dict with a name and parameters.")
    check_name(name)
    if "description" in declaration and not isinstance(declaration["description"], str | None):
        raise ToolError(f"The description of the tool {name} must be text.")
    given = [
        (key, value)
        for key in ("parameters", "parametersJsonSchema", "parameters_json_schema")
        if (value := declaration.get(key)) is not None
    ]
    if len(given) > 1:
        raise ToolError(f"The tool {name} has {given[0][0]} and {given[1][0]}; give it one of them.")
    for key, schema in given:
        if not isinstance(schema, Mapping) or str(schema.get("type", "object")).lower() != "object":
            raise parameters_error(name, f'{key} must be a schema of the type "object"')
        _check(schema, name, key, strict=key == "parameters")


def check_name(name: str) -> None:
    """Check the name of a function.

    Raises:
        ToolError: If the service does not accept it.
    """
    if not NAME.fullmatch(name):
        raise ToolError(
            f"A tool's name has letters, digits and underscores, unlike {name[:40]!r}: give it one, "
            'as in Tool.of(function, name="weather").'
        )


def _check(schema: Any, name: str, place: str, *, strict: bool) -> None:
    """Check a schema and its subschemas; `strict`: as the OpenAPI subset of `parameters`."""
    if not isinstance(schema, Mapping):
        if strict or not isinstance(schema, bool):
            raise parameters_error(name, f"{place} is not a schema")
        return
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(kinds, list) or any(str(kind).lower() not in _TYPES for kind in kinds):
        raise parameters_error(name, f"the type of {place} is none of {', '.join(sorted(_TYPES))}")
    if strict and "array" in [str(kind).lower() for kind in kinds] and "items" not in schema:
        raise parameters_error(name, f"{place} is an array, and nothing says of what: give it items")
    enum = schema.get("enum")
    if enum is not None and (not isinstance(enum, list) or not enum):
        raise parameters_error(name, f"the enum of {place} must be a list of values")
    if strict and enum is not None and any(not isinstance(value, str) for value in enum):
        raise parameters_error(name, f"the enum of {place} may hold text alone; use parametersJsonSchema")
    properties = schema.get("properties") or {}
    required = schema.get("required") or []
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        raise parameters_error(name, f"{place} must have properties by name, and required as a list")
    missing = [str(one)[:40] for one in required if one not in properties]
    if missing:
        raise parameters_error(name, f"{place} requires {missing[0]}, which it does not have")
    # The subset lacks the others; decoding the declaration reports them.
    for key in _ONE[:1] if strict else _ONE:
        if key in schema:
            _check(schema[key], name, f"{place}.{key}", strict=strict)
    for key in _MANY:
        for number, one in enumerate(schema.get(key) or ()):
            _check(one, name, f"{place}.{key}[{number}]", strict=strict)
    for key, one in properties.items():
        _check(one, name, f"{place}.{str(key)[:40]}", strict=strict)


def parameters_error(name: str, why: str) -> ToolError:
    """Return the error for parameters that cannot be declared to a model."""
    return ToolError(f"The parameters of the tool {name} cannot be told to a model: {why}.")
