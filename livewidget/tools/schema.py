"""JSON Schemas of arguments: simplified to what every model supports, and checked before they are sent.

When a model calls, what it sends is fitted to them, leniently.
"""

from __future__ import annotations

import datetime
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, Final

import msgspec

from livewidget.errors import ToolError
from livewidget.text import plain_line

#: Function names that the service accepts.
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")

#: Whole numbers from here on need not be exact as a JSON number, and are not written without a point.
_EXACT: Final = 2**53
#: How much of a value or of a list of choices an error shows. Chosen: what a line holds.
_SHOWN_TEXT: Final = 30
_SHOWN_CHOICES: Final = 12
_SHOWN_FORMS: Final = 3

#: The types of any JSON but null.
ANYTHING: Final = ("string", "number", "boolean", "array", "object")

_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
#: Keywords whose value is a schema, a list of schemas, or schemas by name.
_ONE = ("items", "additionalProperties", "not", "contains")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties")


def inline_references(
    whole: Mapping[str, Any], name: str, *, lenient: bool = False, keep_nulls: bool = False
) -> dict[str, Any]:
    """Return a schema without references, titles and nulls, which not every model supports.

    Where the values say what the type is, the type is added: some models refuse a schema without one.

    Args:
        whole: A JSON Schema; its references may be `#/$defs/…` and `#/definitions/…`.
        name: The tool's name, for errors.
        lenient: Replace recursive references by a schema of their type alone, and unresolved ones by one that
            accepts anything.
        keep_nulls: Leave null among what fits, to check arguments by it.

    Raises:
        ToolError: If there is such a reference and `lenient` is not set.
    """
    definitions: dict[str, Any] = {}
    bare = dict(whole)
    for place in ("$defs", "definitions"):
        definitions |= {f"#/{place}/{key}": value for key, value in (bare.pop(place, None) or {}).items()}
    if "$ref" in bare:  # pydantic writes a model that refers to itself as a reference.
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
        if target in above and "type" in definitions[target]:
            schema.setdefault("type", definitions[target]["type"])
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for former in ("oneOf", "allOf"):  # Of several that exclude each other, as of several that may not.
            if former in schema and (former == "oneOf" or len(schema[former]) == 1) and "anyOf" not in schema:
                schema["anyOf"] = schema.pop(former)
                schema.pop("discriminator", None)
        choices = schema.get("anyOf", ())
        if not keep_nulls:
            choices = [choice for choice in choices if choice != {"type": "null"}]
            if choices:
                schema["anyOf"] = choices
            if isinstance(schema.get("type"), list) and (
                kinds := [one for one in schema["type"] if one != "null"]
            ):
                schema["type"] = kinds[0] if len(kinds) == 1 else kinds
        if len(choices) == 1:
            del schema["anyOf"]
            return inlined({**choices[0], **schema}, above)
        if not keep_nulls and schema.get("default", ...) is None:
            del schema["default"]
        if "const" in schema:
            schema["enum"] = [schema.pop("const")]
        if isinstance(schema.get("enum"), list) and schema["enum"] and "type" not in schema:
            schema |= choice_of(schema.pop("enum"))
        if "type" not in schema and isinstance(schema.get("properties"), dict):
            schema["type"] = "object"
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


def choice_of(values: Sequence[Any]) -> dict[str, Any]:
    """Return the schema for one of these values, by their type; of several types, for any of these."""
    groups: dict[str, list[Any]] = {}
    for value in values:
        groups.setdefault(_TYPE_NAMES.get(type(value), "object"), []).append(value)
    if "number" in groups:
        groups["number"] = [value for value in values if type(value) in (int, float)]
        groups.pop("integer", None)
    schemas = [
        {"type": kind} if kind == "null" else {"type": kind, "enum": each} for kind, each in groups.items()
    ]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def told(schema: Any) -> Any:
    """Return a schema as a model is told it: without marks of our own, and what models do not support."""
    if isinstance(schema, list):
        return [told(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: value for key, value in schema.items() if not key.startswith("_")}
    if isinstance(found.get("additionalProperties"), bool):
        del found["additionalProperties"]
    if found.keys().isdisjoint(("type", "anyOf", "allOf", "oneOf", "not", "$ref")):
        found["type"] = list(ANYTHING)
    if found.get("type") == "array" and found.keys().isdisjoint(("items", "prefixItems")):
        found["items"] = {}
    if found.get("type") == "integer":  # Some models know only limits that are included.
        for keyword, step in (("Minimum", 1), ("Maximum", -1)):
            if isinstance(found.get(f"exclusive{keyword}"), int):
                found[keyword.lower()] = found.pop(f"exclusive{keyword}") + step
    for key, value in found.items():
        if key in _NAMED and isinstance(value, dict):
            found[key] = {name: told(one) for name, one in value.items()}
        elif key not in ("default", "enum", "required", "examples"):
            found[key] = told(value)
    if not found.get("required", True):
        del found["required"]
    return found


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


class Misfit(ValueError):
    """An argument that a parameter cannot take; the message is a sentence for the model, without its end."""


def fit(value: Any, schema: Mapping[str, Any], place: str, *, exactly: bool = False) -> Any:
    """Return a JSON value as its schema wants it.

    Models do not send what they are told to the letter. A whole number that is written 2.0, a number or a
    truth value written as text, a number where text is wanted, a date with or without its time, a list or an
    object written as JSON text, and null for what may be left out, are taken for what they mean.

    Args:
        value: The value.
        schema: A JSON Schema without references.
        place: Where the value stands, for errors, such as `steps[2].name`.
        exactly: Take only values of the type that the schema names, for the choice among several schemas.

    Raises:
        Misfit: If it does not fit.
    """
    if "anyOf" in schema:
        names = schema.get("_names", {})
        value = names.get(value, value) if isinstance(value, str) else value
        return _fit_any(value, schema["anyOf"], place, exactly)
    if "enum" in schema:
        return _fit_enum(value, schema, place, exactly)
    kind = schema.get("type")
    if isinstance(kind, list):
        if _TYPE_NAMES.get(type(value)) in kind or (type(value) is int and "number" in kind):
            return value
        return _fit_any(value, [{**schema, "type": one} for one in kind], place, exactly)
    fitting = _FITTING.get(str(kind).lower())
    return value if fitting is None else fitting(value, schema, place, exactly)


def _misfit(value: Any, schema: Mapping[str, Any], place: str) -> Misfit:
    return Misfit(f"{place} must be {expectation(schema)}, got {shown(value)}")


def expectation(schema: Mapping[str, Any]) -> str:
    """Return what a schema wants, as in "a whole number"."""
    if "anyOf" in schema:
        kinds = dict.fromkeys(expectation(one) for one in schema["anyOf"] if one.get("type") != "null")
        return _either(list(kinds))
    if "enum" in schema:
        few = [shown(one) for one in schema["enum"][:_SHOWN_CHOICES]]
        return _either([*few, "another of its choices"] if len(schema["enum"]) > len(few) else few)
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]][1]
    return _EXPECTATIONS.get(str(schema.get("type")).lower(), "something else")


def _either(words: list[str]) -> str:
    *rest, last = words or ["something else"]
    return f"{', '.join(rest)} or {last}" if rest else last


def shown(value: Any) -> str:
    """Return a value as an error shows it: cut short, and lists and objects by their kind only."""
    if isinstance(value, str):
        text = plain_line(value[: 4 * _SHOWN_TEXT])
        return f'"{text}"' if len(text) <= _SHOWN_TEXT else f'"{text[:_SHOWN_TEXT]}…"'
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return spelled(value)[:_SHOWN_TEXT]


def spelled(value: Any) -> str:
    """Return a single JSON value as text, whole numbers without a point."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value)


def within(place: str, key: str | int) -> str:
    """Return the place of a member."""
    if isinstance(key, int):
        return f"{place}[{key}]"
    name = plain_line(key[:40])
    return f"{place}.{name}" if place else name


def _fit_any(value: Any, options: Sequence[Mapping[str, Any]], place: str, exactly: bool) -> Any:
    if value is None and any(one.get("type") == "null" for one in options):
        return None
    real = [one for one in options if one.get("type") != "null"]
    misfits: list[Misfit] = []
    # The first that it fits as it is, before the first that it can be made to fit.
    for strictly in (True,) if exactly else (True, False):
        misfits = []
        for one in real:
            try:
                return fit(value, one, place, exactly=strictly)
            except Misfit as misfit:
                misfits.append(misfit)
    if not exactly and means_nothing(value) and len(real) < len(options):
        return None
    # Where one of them is of the value's own type, what it lacks is the reason.
    kind = _TYPE_NAMES.get(type(value))
    near = [misfit for one, misfit in zip(real, misfits, strict=True) if one.get("type") == kind]
    if len(real) == 1 or near:
        reasons = dict.fromkeys(str(misfit) for misfit in near or misfits)
        raise Misfit("; or ".join(list(reasons)[:_SHOWN_FORMS]))
    raise _misfit(value, {"anyOf": real}, place)


def means_nothing(value: Any) -> bool:
    """Return whether a value is one that models write for none at all."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "null", "none"))


def _fit_enum(value: Any, schema: Mapping[str, Any], place: str, exactly: bool) -> Any:
    choices = schema["enum"]
    for one in choices:
        if one == value and isinstance(one, bool) is isinstance(value, bool):
            return one
    if not exactly and not isinstance(value, list | dict | None):
        names = schema.get("_names", {})
        if isinstance(value, str) and (number := _as_number(value)) is not None and number in choices:
            return next(one for one in choices if one == number)
        written = [*((spelled(one), one) for one in choices), *names.items()]
        for same in (str.strip, _bare):
            found = [one for word, one in written if same(word) == same(spelled(value))]
            if found and all(one == found[0] for one in found):
                return found[0]
    raise _misfit(value, schema, place)


def _as_number(text: str) -> int | float | None:
    """Return the number that a text is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return int(text) if number.is_integer() and text.strip().lstrip("+-").isdecimal() else number


def _bare(word: str) -> str:
    """Return a word without what people write differently: its case, spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", word).casefold()


def _fit_null(value: Any, schema: Mapping[str, Any], place: str, exactly: bool) -> None:
    if value is not None:
        raise Misfit(f"{place} must be null, got {shown(value)}")


def _fit_boolean(value: Any, schema: Mapping[str, Any], place: str, exactly: bool) -> bool:
    if isinstance(value, bool):
        return value
    if not exactly and not isinstance(value, list | dict | None):
        word = spelled(value).strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    raise _misfit(value, schema, place)


def _fit_number(value: Any, schema: Mapping[str, Any], place: str, exactly: bool) -> Any:
    number: Any = value
    if isinstance(value, str) and not exactly:
        number = _as_number(value)
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise _misfit(value, schema, place)
    if str(schema["type"]).lower() == "integer":
        if number != int(number):
            raise _misfit(value, schema, place)
        number = int(number)
    for keyword, (holds, words) in _NUMBER_BOUNDS.items():
        if (bound := schema.get(keyword)) is not None and not holds(number, bound):
            raise Misfit(f"{place} must be {words} {spelled(bound)}, got {spelled(number)}")
    return number


def _fit_string(value: Any, schema: Mapping[str, Any], place: str, exactly: bool) -> str:
    known = _FORMATS.get(schema.get("format", ""))
    if known is not None and isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return known[0](value)
        except (ValueError, OverflowError, msgspec.ValidationError):
            raise _misfit(value, schema, place) from None
    if isinstance(value, list | dict | None) or (exactly and not isinstance(value, str)):
        raise _misfit(value, schema, place)
    text = spelled(value)
    _check_size(text, "Length", "character", schema, place)
    pattern = schema.get("pattern")
    try:
        matches = pattern is None or re.search(pattern, text)
    except re.error:  # Of another dialect: whoever declared it checks it.
        matches = True
    if not matches:
        raise Misfit(f"{place} must match the pattern {pattern}, got {shown(text)}")
    return text


def _fit_array(value: Any, schema: Mapping[str, Any], place: str, exactly: bool) -> list[Any]:
    items = _from_text(value, list, exactly)
    if not isinstance(items, list | tuple):
        raise _misfit(value, schema, place)
    _check_size(items, "Items", "item", schema, place)
    first = schema.get("prefixItems") or ()
    rest = schema.get("items")
    rest = rest if isinstance(rest, Mapping) else {}
    return [
        fit(item, first[number] if number < len(first) else rest, within(place, number), exactly=exactly)
        for number, item in enumerate(items)
    ]


def _fit_object(value: Any, schema: Mapping[str, Any], place: str, exactly: bool) -> dict[str, Any]:
    given = _from_text(value, dict, exactly)
    if not isinstance(given, Mapping):
        raise _misfit(value, schema, place)
    properties: Mapping[str, Any] = schema.get("properties") or {}
    required = schema.get("required") or ()
    more = schema.get("additionalProperties", True)
    found: dict[str, Any] = {}
    for key, one in given.items():
        if key in properties:
            if one is not None or key in required:  # Null stands for what is left out.
                found[key] = fit(one, properties[key], within(place, key), exactly=exactly)
        elif more is False:
            names = ", ".join(properties) or "none"
            raise Misfit(f"there is no {within(place, key)}; the names there are {names}")
        else:
            rest = more if isinstance(more, Mapping) else {}
            found[key] = fit(one, rest, within(place, key), exactly=exactly)
    for key in required:
        if key not in found:
            if not takes_null(properties.get(key) or {}):
                raise Misfit(f"{within(place, key)} is missing")
            found[key] = None
    _check_size(found, "Properties", "entry", schema, place)
    return found


def takes_null(schema: Mapping[str, Any]) -> bool:
    """Return whether null is among what a schema names; where anything fits, nothing is named."""
    kind = schema.get("type")
    return (
        kind == "null"
        or (isinstance(kind, list) and "null" in kind and not set(ANYTHING) <= set(kind))
        or None in schema.get("enum", ())
        or any(takes_null(one) for one in schema.get("anyOf", ()))
    )


def _from_text(value: Any, kind: type, exactly: bool) -> Any:
    """Return the list or object that a text holds as JSON, or `value` itself."""
    if exactly or not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        read = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value
    return read if isinstance(read, kind) else value


def _check_size(value: Sized, keyword: str, noun: str, schema: Mapping[str, Any], place: str) -> None:
    count = len(value)
    for bound, words, fits in (
        (schema.get(f"min{keyword}"), "at least", operator.ge),
        (schema.get(f"max{keyword}"), "at most", operator.le),
    ):
        if isinstance(bound, int) and not fits(count, bound):
            plural = noun.replace("entry", "entrie") + "s" if bound != 1 else noun
            raise Misfit(f"{place} must have {words} {bound} {plural}, got {count}")


def _date(value: str | float) -> str:
    return _parsed(value, datetime.date.fromisoformat, lambda text: _moment(text).date())


def _date_time(value: str | float) -> str:
    return _parsed(value, _moment)


def _time(value: str | float) -> str:
    return _parsed(value, datetime.time.fromisoformat, lambda text: _moment(text).timetz())


def _parsed(value: str | float, *readers: Callable[[str], Any]) -> str:
    if not isinstance(value, str):
        raise ValueError
    text = value.strip().upper()
    # 2026/1/2 and 9:30, as people write them.
    text = re.sub(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", _padded, text)
    text = re.sub(r"(^|[T ])(\d):", r"\g<1>0\2:", text)
    for reader in readers[:-1]:
        try:
            return str(reader(text).isoformat())
        except ValueError:
            continue
    return str(readers[-1](text).isoformat())


def _padded(found: re.Match[str]) -> str:
    return f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}"


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def _duration(value: str | float) -> str:
    """Return ISO 8601; a number is one of seconds, and 1:30:00 is hours, minutes and seconds."""
    if isinstance(value, str):
        clock = re.fullmatch(r"\s*(-?)(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?\s*", value)
        if clock:
            seconds = int(clock[2]) * 3600 + int(clock[3]) * 60 + float(clock[4] or 0)
            value = -seconds if clock[1] else seconds
        else:
            try:
                value = float(value)
            except ValueError:
                text = str(value).strip().upper()
                value = msgspec.convert(text, datetime.timedelta).total_seconds()
    return str(msgspec.to_builtins(datetime.timedelta(seconds=value)))


#: Formats that are read, and what an error calls them.
_FORMATS: Final[dict[str, tuple[Callable[[str | float], str], str]]] = {
    "date": (_date, "a date such as 2026-01-31"),
    "date-time": (_date_time, "a date and time such as 2026-01-31T14:30:00"),
    "time": (_time, "a time such as 14:30:00"),
    "duration": (_duration, "a duration such as PT1H30M, or a number of seconds"),
}
_FITTING: Final[dict[str, Callable[[Any, Mapping[str, Any], str, bool], Any]]] = {
    "null": _fit_null,
    "boolean": _fit_boolean,
    "integer": _fit_number,
    "number": _fit_number,
    "string": _fit_string,
    "array": _fit_array,
    "object": _fit_object,
}
_EXPECTATIONS: Final = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
}
_TYPE_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_NUMBER_BOUNDS: Final[dict[str, tuple[Callable[[Any, Any], bool], str]]] = {
    "minimum": (operator.ge, "at least"),
    "maximum": (operator.le, "at most"),
    "exclusiveMinimum": (operator.gt, "more than"),
    "exclusiveMaximum": (operator.lt, "less than"),
    "multipleOf": (lambda number, step: math.isclose(number / step, round(number / step)), "a multiple of"),
}
_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")
