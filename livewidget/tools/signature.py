"""A function's signature as a struct, which its arguments are checked with."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec

from livewidget.errors import ToolError
from livewidget.tools.schema import untellable
from livewidget.tools.words import first_line


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function, or of what wraps one or is called like one."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def arguments_of(
    function: Callable[..., Any], name: str, described: Mapping[str, str]
) -> type[msgspec.Struct]:
    """Return a struct with one field for each parameter that is not bound already.

    Args:
        function: With named parameters only.
        name: The tool, for errors.
        described: What its docstring says of each parameter.

    Raises:
        ToolError: If a model cannot call it, or be told how.
    """
    try:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    except (TypeError, ValueError, NameError, SyntaxError, AttributeError) as error:
        raise ToolError(f"The signature of the tool {name} cannot be read: {first_line(error)}.") from None
    _has_its_object(function, parameters, name)
    bound = function.keywords if isinstance(function, functools.partial) else {}
    fields: list[Any] = []
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ToolError(
                f"The tool {name} has the parameter {parameter.name}, which has no fixed name to a model; "
                "use parameters without * and /."
            )
        if parameter.name in bound:
            continue
        kind = _kind(parameter, name)
        text = _annotated_text(kind) or described.get(parameter.name)
        if text:
            kind = Annotated[kind, msgspec.Meta(description=text)]
        default: Any = () if parameter.default is parameter.empty else (_default(parameter.default),)
        fields.append((parameter.name, kind, *default))
    title = re.sub(r"\W", "_", name)
    try:
        return msgspec.defstruct(title, fields, kw_only=True, forbid_unknown_fields=True)
    except (TypeError, ValueError) as error:
        raise untellable(name, first_line(error)) from None


def _has_its_object(function: Callable[..., Any], parameters: list[inspect.Parameter], name: str) -> None:
    """A function taken from a class, and not from an object, would ask the model for `self`."""
    path = getattr(function, "__qualname__", "").rpartition(".")[0]
    if parameters and parameters[0].name in ("self", "cls") and path and not path.endswith("<locals>"):
        raise ToolError(
            f"The tool {name} is a method without its object; give the method of an object, "
            f"as in {path.rpartition('.')[2].lower()}.{name}."
        )


def _kind(parameter: inspect.Parameter, name: str) -> Any:
    """Return the type of a parameter: as annotated, else that of its default, else text."""
    kind = parameter.annotation
    if kind is parameter.empty:
        kind = type(parameter.default)
        return kind if kind in (bool, int, float, str) else str
    try:
        schema = str(msgspec.json.schema(kind))
    except (TypeError, ValueError, RecursionError) as error:
        said = first_line(error)
        odd = "custom types" in said
        why = f"{parameter.name} is of a type that is no JSON" if odd else said.partition(" - ")[0]
        raise untellable(name, f"{why}; use str, numbers, bool, lists, dicts or a dataclass") from None
    if "contentEncoding" in schema:
        raise untellable(name, f"{parameter.name} holds bytes, and a model calls with text and numbers")
    return kind


def _annotated_text(kind: Any) -> str | None:
    """Return the description in `Annotated[int, "how many"]`."""
    for extra in getattr(kind, "__metadata__", ()):
        if isinstance(extra, str):
            return extra
        if isinstance(extra, msgspec.Meta) and extra.description:
            return extra.description
    return None


def _default(value: Any) -> Any:
    # msgspec wants what can change to be made anew for each call.
    if isinstance(value, list | dict | set):
        return msgspec.field(default_factory=value.copy)
    return value
