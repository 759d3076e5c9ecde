"""Python functions as tools: the declaration comes from the signature, arguments are checked before the call.

Nothing here runs a function in a thread or waits for one: that is the session's part.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from livewidget.errors import ToolError

#: Largest result sent to a model, in bytes of JSON.
RESULT_LIMIT: Final = 64 * 1024
#: Seconds that a call may take.
TIMEOUT: Final = 30.0
#: Longest text of an error, in characters.
ERROR_LENGTH: Final = 200

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call.

    Attributes:
        name: As the model knows it.
        function: What is called: a plain function, or a coroutine function.
        description: The first paragraph of its docstring.
        schema: JSON Schema of its arguments.
        arguments: The struct that arguments are checked with.
        timeout: Seconds that a call may take.
        result_limit: Largest result, in bytes of JSON.
    """

    name: str
    function: Callable[..., Any]
    description: str
    schema: Mapping[str, Any]
    arguments: type[msgspec.Struct]
    timeout: float = TIMEOUT
    result_limit: int = RESULT_LIMIT

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        timeout: float = TIMEOUT,
        result_limit: int = RESULT_LIMIT,
    ) -> Tool:
        """Make a tool of a function.

        Parameters may be str, int, float, bool, Literal, Enum, list, dict, Optional, dataclasses, and
        `Annotated` with a description; one without annotation has the type of its default, or is a str. The
        first paragraph of the docstring describes the tool, its `Args:` section the parameters.

        Args:
            function: With named parameters only: no `*args`, no `**kwargs`, none that are positional only.
            name: As the model shall know it; None: the function's own name.
            timeout: Seconds that a call may take.
            result_limit: Largest result, in bytes of JSON.

        Raises:
            ToolError: If the signature cannot be told to a model.
        """
        if isinstance(function, Tool):
            return function
        if not callable(function):
            raise ToolError(f"A tool is a function, not {_a(type(function).__name__)}.")
        name = str(name or getattr(function, "__name__", type(function).__name__))
        if not _NAME.fullmatch(name):
            raise ToolError(
                f"A tool's name has letters, digits and underscores, unlike {name[:40]!r}: give it one, "
                'as in Tool.of(function, name="weather").'
            )
        if not (isinstance(timeout, int | float) and math.isfinite(timeout) and timeout > 0):
            raise ToolError(f"The timeout of the tool {name} must be a number of seconds above 0.")
        summary, described = _read_docstring(inspect.getdoc(function) or "")
        arguments = _arguments(function, name, described)
        return cls(
            name=name,
            function=function,
            description=summary or name.replace("_", " "),
            schema=_schema(arguments, name),
            arguments=arguments,
            timeout=timeout,
            result_limit=result_limit,
        )

    @property
    def is_async(self) -> bool:
        """Whether calling the function gives a coroutine."""
        return inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(
            type(self.function).__call__
        )

    @property
    def declaration(self) -> dict[str, Any]:
        """What the model is told: name, description and JSON Schema of the parameters."""
        declared: dict[str, Any] = {"name": self.name, "description": self.description}
        if self.schema.get("properties"):
            declared["parametersJsonSchema"] = dict(self.schema)
        return declared

    def bind(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call, checked and converted.

        Raises:
            ToolError: If one is missing, unknown, or of another type; the message is for the model.
        """
        try:
            bound = msgspec.convert(dict(args), self.arguments, strict=False)
        except msgspec.ValidationError as error:
            raise ToolError(f"The arguments of {self.name} do not fit: {first_line(error)}") from None
        return {field: getattr(bound, field) for field in self.arguments.__struct_fields__}

    def call(self, args: Mapping[str, Any]) -> Any:
        """Call the function with checked arguments; a coroutine function gives a coroutine.

        Raises:
            ToolError: If the arguments do not fit.
        """
        return self.function(**self.bind(args))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function as it is: a decorated function stays usable."""
        return self.function(*args, **kwargs)


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
    return f"it returned {_a(type(value).__name__)} that is not JSON: return text, numbers, lists or dicts"


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


def _a(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


# --- Signatures ---------------------------------------------------------------------------------------------


def _arguments(function: Callable[..., Any], name: str, described: Mapping[str, str]) -> type[msgspec.Struct]:
    """Return a struct with one field for each parameter."""
    try:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
    except (TypeError, ValueError, NameError, SyntaxError, AttributeError) as error:
        raise ToolError(f"The signature of the tool {name} cannot be read: {first_line(error)}") from None
    fields: list[Any] = []
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ToolError(
                f"The tool {name} has the parameter {parameter.name}, which has no fixed name to a model; "
                "use parameters without * and /."
            )
        kind = _kind(parameter)
        text = _annotated_text(kind) or described.get(parameter.name)
        if text:
            kind = Annotated[kind, msgspec.Meta(description=text)]
        default: Any = () if parameter.default is parameter.empty else (_default(parameter.default),)
        fields.append((parameter.name, kind, *default))
    title = re.sub(r"\W", "_", name)
    try:
        return msgspec.defstruct(title, fields, kw_only=True, forbid_unknown_fields=True)
    except (TypeError, ValueError) as error:
        raise _untellable(name, error) from None


def _kind(parameter: inspect.Parameter) -> Any:
    """Return the type of a parameter: as annotated, else that of its default, else text."""
    if parameter.annotation is not parameter.empty:
        return parameter.annotation
    kind = type(parameter.default)
    return kind if kind in (bool, int, float, str) else str


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


def _schema(arguments: type[msgspec.Struct], name: str) -> dict[str, Any]:
    """Return the JSON Schema of the arguments, with every definition in its place."""
    try:
        whole = msgspec.json.schema(arguments)
    except (TypeError, ValueError) as error:
        raise _untellable(name, error) from None
    try:
        schema: dict[str, Any] = _inlined(whole, whole.pop("$defs", {}))
    except RecursionError as error:
        raise _untellable(name, error) from None
    schema.pop("additionalProperties", None)
    return schema


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return `schema` without references, titles and nulls, which not every model follows."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = dict(schema)
    if "$ref" in schema:
        schema = {**definitions[schema.pop("$ref").rpartition("/")[2]], **schema}
    schema.pop("title", None)
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del schema["anyOf"]
        schema = {**choices[0], **schema}
        return _inlined(schema, definitions)
    if schema.get("default", ...) is None:
        del schema["default"]
    if "enum" in schema and all(isinstance(value, str) for value in schema["enum"]):
        schema.setdefault("type", "string")
    fixed = {key: schema.pop(key) for key in ("default", "enum", "required") if key in schema}
    properties = schema.pop("properties", None)
    schema = {key: _inlined(value, definitions) for key, value in schema.items()} | fixed
    if properties is not None:  # Its keys are the user's names, "title" may be one of them.
        schema["properties"] = {key: _inlined(value, definitions) for key, value in properties.items()}
    return schema


def _untellable(name: str, error: Exception) -> ToolError:
    return ToolError(f"The parameters of the tool {name} cannot be told to a model: {first_line(error)}")


# --- Docstrings ---------------------------------------------------------------------------------------------

_SECTION = re.compile(r"^(Args|Arguments|Parameters):\s*$", re.MULTILINE)
_ENTRY = re.compile(r"^\s{2,8}\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.+)$")


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return the first paragraph as one line, and what the `Args:` section says of each parameter."""
    summary = " ".join(text.strip().split("\n\n")[0].split())
    section = _SECTION.search(text)
    described: dict[str, str] = {}
    if section is None:
        return summary, described
    if text.strip().startswith(section.group(0)):
        summary = ""
    current, indent = None, 0
    for line in text[section.end() :].splitlines():
        if line.strip() and not line[0].isspace():
            break
        entry = _ENTRY.match(line)
        depth = len(line) - len(line.lstrip())
        if entry is not None and (current is None or depth <= indent):
            current, indent = entry.group(1), depth
            described[current] = entry.group(2).strip()
        elif current is not None and line.strip():
            described[current] += f" {line.strip()}"
    return summary, described
