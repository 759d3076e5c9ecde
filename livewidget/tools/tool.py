"""`Tool`: a Python function that a model may call, declared by its signature and docstring."""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Protocol, TypeGuard, get_args, runtime_checkable

import msgspec

from livewidget.errors import ToolError
from livewidget.tools.result import RESULT_LIMIT, Scheduling, check_scheduling, first_line, with_article
from livewidget.tools.schema import check_declaration, check_name, parameters_error, schema_of

#: Seconds that a call may take. Chosen: longer, and people think that the model has hung.
TIMEOUT: Final = 30.0
#: Seconds that a person has to approve a call. Chosen: enough to read a question and decide.
APPROVAL_TIMEOUT: Final = 30.0

Behavior = Literal["BLOCKING", "NON_BLOCKING"]


def docstring_of(function: Callable[..., Any]) -> str:
    """Return the docstring of a function, of the function in a partial, or of a callable object."""
    function = _unwrapped(function)
    if inspect.isroutine(function) or inspect.isclass(function):
        return inspect.getdoc(function) or ""
    return inspect.getdoc(type(function).__call__) or inspect.getdoc(function) or ""


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return the first paragraph of a docstring as one line, and the description of each parameter.

    Google, NumPy and Sphinx (reST) styles are read: the one that describes most parameters counts.
    """
    # Imported here: only sessions with tools need it.
    from docstring_parser import DocstringMeta, google, numpydoc, rest

    class Google(google.GoogleParser):
        def _build_meta(self, text: str, title: str) -> DocstringMeta:
            # An entry without a colon describes nothing, and must not hide the others.
            return super()._build_meta(text, title) if ":" in text else DocstringMeta([title], text)

    # Google's section for parameters alone, since the parser rejects free text in others, such as Raises.
    titles = ("Args", "Arguments", "Parameters", "Params")
    sections = [google.Section(title, "param", google.SectionType.MULTIPLE) for title in titles]
    summary = text.strip()
    described: dict[str, str] = {}
    for parse in (Google(sections).parse, numpydoc.parse, rest.parse):
        try:
            parsed = parse(f"\n{text}")  # A section in the first line would lose its indentation.
        except Exception:  # malformed in this style: a ParseError, or whatever the parser stumbles over
            continue
        found = {
            name.strip(): one.description or ""
            for one in parsed.params
            for name in one.arg_name.split(",")  # NumPy style: "x, y : int"
        }
        if len(found) > len(described):
            summary, described = parsed.description or "", found
    lines = {name: " ".join(description.split()) for name, description in described.items()}
    return " ".join(summary.split("\n\n")[0].split()), lines


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function, of the function in a partial, or of a callable's class."""
    function = _unwrapped(function)
    return str(getattr(function, "__name__", type(function).__name__))


def _unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def arguments_of(
    function: Callable[..., Any], name: str, described: Mapping[str, str]
) -> type[msgspec.Struct]:
    """Return a struct with a field for each parameter that is not bound by a partial.

    `name` is the tool's, for errors; `described` has the descriptions of the parameters.

    Raises:
        ToolError: If the parameters cannot be declared to a model.
    """
    try:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    except (TypeError, ValueError, NameError, SyntaxError, AttributeError) as error:
        raise ToolError(f"The signature of the tool {name} cannot be read: {first_line(error)}.") from None
    _require_bound_method(function, parameters, name)
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
        kind, default = _kind(parameter, name), parameter.default
        text = _annotated_text(kind) or described.get(parameter.name)
        if text:
            kind = Annotated[kind, msgspec.Meta(description=text)]
        if isinstance(default, list | dict | set):  # msgspec requires a factory for mutable defaults.
            default = msgspec.field(default_factory=default.copy)
        fields.append(
            (parameter.name, kind) if default is parameter.empty else (parameter.name, kind, default)
        )
    title = re.sub(r"\W", "_", name)
    try:
        return msgspec.defstruct(title, fields, kw_only=True, forbid_unknown_fields=True)
    except (TypeError, ValueError) as error:
        raise parameters_error(name, first_line(error)) from None


def _require_bound_method(
    function: Callable[..., Any], parameters: list[inspect.Parameter], name: str
) -> None:
    """Reject a method taken from its class instead of an object: it would ask the model for `self`."""
    path = getattr(function, "__qualname__", "").rpartition(".")[0]
    if parameters and parameters[0].name in ("self", "cls") and path and not path.endswith("<locals>"):
        raise ToolError(
            f"The tool {name} is a method without its object; give the method of an object, "
            f"as in {path.rpartition('.')[2].lower()}.{name}."
        )


def _kind(parameter: inspect.Parameter, name: str) -> Any:
    """Return the type of a parameter: its annotation, else the type of its default, else str."""
    kind = parameter.annotation
    if kind is parameter.empty:
        kind = type(parameter.default)
        return kind if kind in (bool, int, float, str) else str
    try:
        schema = str(msgspec.json.schema(kind))
    except (TypeError, ValueError, RecursionError) as error:
        message = first_line(error)
        why = message.partition(" - ")[0]
        if "custom types" in message:
            why = f"{parameter.name} is of a type that is not JSON"
        raise parameters_error(name, f"{why}; use str, numbers, bool, lists, dicts or a dataclass") from None
    if "contentEncoding" in schema:
        raise parameters_error(name, f"{parameter.name} holds bytes, and a model calls with text and numbers")
    return kind


def _annotated_text(kind: Any) -> str | None:
    """Return the description in `Annotated[int, "how many"]`."""
    for extra in getattr(kind, "__metadata__", ()):
        if isinstance(extra, str):
            return extra
        if isinstance(extra, msgspec.Meta) and extra.description:
            return extra.description
    return None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call.

    A generator gives several results. A model that supports this (`Model.will_continue`) receives each value
    when it is yielded (`willContinue`) and the return value last; any other receives only the return value,
    or the last value yielded, at the end. The page shows each value in both cases.

    Attributes:
        name: The name for the model.
        function: A function, coroutine function, or generator function of either kind.
        description: The first paragraph of the docstring.
        schema: JSON Schema of the arguments.
        arguments: The struct that validates arguments; None: the function validates them itself.
        timeout, result_limit, behavior, scheduling: As in `Tool.of`.
        approval_timeout: Seconds that a person has to approve a call; 0: no approval is required.
    """

    name: str
    function: Callable[..., Any]
    description: str
    schema: Mapping[str, Any]
    arguments: type[msgspec.Struct] | None = None
    timeout: float = TIMEOUT
    result_limit: int = RESULT_LIMIT
    approval_timeout: float = 0.0
    behavior: Behavior | None = None
    scheduling: Scheduling | None = None

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        timeout: float = TIMEOUT,
        result_limit: int = RESULT_LIMIT,
        require_approval: bool | float = False,
        behavior: Behavior | None = None,
        scheduling: Scheduling | None = None,
    ) -> Tool:
        """Make a tool from a function.

        Parameters may be str, int, float, bool, Literal, Enum, list, dict, Optional, dataclasses, dates, and
        `Annotated` with a description. A parameter without annotation has the type of its default, or str.
        The first paragraph of the docstring describes the tool, and its section about parameters (Google,
        NumPy or Sphinx style) describes these.

        Args:
            function: With named parameters only: no `*args`, no `**kwargs`, no positional-only ones.
            name: The name for the model; None: the function's own.
            timeout: Seconds that a call may take; for a generator, each of its values.
            result_limit: The largest result, in bytes of JSON.
            require_approval: Whether a person must approve each call, within 30 s; a number: within so many
                seconds.
            behavior: "BLOCKING": the model waits for the result and says nothing; "NON_BLOCKING": it goes on
                talking. None: the model's default, or NON_BLOCKING if a generator or `scheduling` needs it.
            scheduling: When the model mentions the result of a non-blocking call: "INTERRUPT", "WHEN_IDLE" or
                "SILENT". A `Result` overrides it.

        Raises:
            ToolError: If the signature cannot be declared to a model, or an option is invalid.
        """
        if isinstance(function, Tool):
            return function
        if not callable(function):
            raise ToolError(f"A tool is a function, not {with_article(type(function).__name__)}.")
        name = str(name or name_of(function))
        check_name(name)
        summary, described = parse_docstring(docstring_of(function))
        arguments = arguments_of(function, name, described)
        return cls(
            name=name,
            function=function,
            description=summary or name.replace("_", " "),
            schema=schema_of(arguments, name),
            arguments=arguments,
            timeout=_seconds(timeout, "timeout", name),
            result_limit=result_limit,
            approval_timeout=(
                APPROVAL_TIMEOUT * require_approval
                if isinstance(require_approval, bool)
                else _seconds(require_approval, "require_approval", name)
            ),
            **_behavior_options(behavior, scheduling, name),
        )

    @property
    def is_async(self) -> bool:
        """Whether the function runs on the loop: a coroutine function or an async generator function."""
        return self._is_any(inspect.iscoroutinefunction, inspect.isasyncgenfunction)

    @property
    def is_generator(self) -> bool:
        """Whether the function is a generator function, which gives several results."""
        return self._is_any(inspect.isgeneratorfunction, inspect.isasyncgenfunction)

    def _is_any(self, *kinds: Callable[[object], bool]) -> bool:
        called = type(self.function).__call__
        return any(kind(function) for kind in kinds for function in (self.function, called))

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of `Tool.of` that reproduce this tool, without those at their defaults."""
        require_approval = self.approval_timeout == APPROVAL_TIMEOUT or self.approval_timeout
        options = {
            "name": (self.name, name_of(self.function)),
            "timeout": (self.timeout, TIMEOUT),
            "result_limit": (self.result_limit, RESULT_LIMIT),
            "require_approval": (require_approval, False),
            "behavior": (self.behavior, None),
            "scheduling": (self.scheduling, None),
        }
        return {name: value for name, (value, default) in options.items() if value != default}

    @property
    def declaration(self) -> dict[str, Any]:
        """The function declaration: name, description, parameters, and behavior if one is set."""
        declared: dict[str, Any] = {"name": self.name, "description": self.description}
        if self.schema.get("properties"):
            declared["parametersJsonSchema"] = dict(self.schema)
        if self.behavior is not None:
            declared["behavior"] = self.behavior
        return declared

    def bind(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the validated and converted arguments of a call.

        Raises:
            ToolError: If one is missing, unknown or of the wrong type; the message is meant for the model.
        """
        if self.arguments is None:
            return dict(args)
        try:
            bound = msgspec.convert(dict(args), self.arguments, strict=False)
        except msgspec.ValidationError as error:
            raise ToolError(f"The arguments of {self.name} do not fit: {first_line(error)}") from None
        return {field: getattr(bound, field) for field in self.arguments.__struct_fields__}

    def call(self, args: Mapping[str, Any]) -> Any:
        """Call the function with validated arguments; a coroutine function returns a coroutine.

        Raises:
            ToolError: If the arguments are invalid.
        """
        return self.function(**self.bind(args))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function directly: a decorated function stays usable."""
        return self.function(*args, **kwargs)


#: A tool, a function to make one from, or a declaration whose calls the user answers.
ToolLike = Tool | Callable[..., Any] | Mapping[str, Any]


def as_tools(offered: Sequence[ToolLike]) -> list[Tool | Mapping[str, Any]]:
    """Return functions as tools, and tools and declarations as they are.

    Raises:
        ToolError: If something is none of these, or two have the same name.
    """
    found: dict[str, Tool | Mapping[str, Any]] = {}
    for item in offered:
        if isinstance(item, Mapping):
            check_declaration(item)
        tool = item if isinstance(item, Mapping) else Tool.of(item)
        name = tool.name if isinstance(tool, Tool) else str(tool["name"])
        if name in found:
            raise ToolError(f"Two tools are called {name}; give one of them another name.")
        found[name] = tool
    return list(found.values())


def _seconds(value: Any, what: str, name: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise ToolError(f"The {what} of the tool {name} must be a number of seconds above 0.")
    return float(value)


def _behavior_options(behavior: Any, scheduling: Any, name: str) -> dict[str, Any]:
    behavior = behavior.upper() if isinstance(behavior, str) else behavior
    if behavior is not None and behavior not in get_args(Behavior):
        raise ToolError(f'The behavior of the tool {name} is "BLOCKING", "NON_BLOCKING" or None.')
    if scheduling is not None:
        scheduling = check_scheduling(scheduling, f"The tool {name}")
        if behavior == "BLOCKING":
            raise ToolError(
                f"The tool {name} blocks, and the model speaks of its result at once; scheduling is for "
                'behavior="NON_BLOCKING".'
            )
    return {"behavior": behavior, "scheduling": scheduling}


@runtime_checkable
class ToolSource(Protocol):
    """Provides tools during a session: opened at its start and closed at its end."""

    async def open(self) -> Sequence[Tool]:
        """Return its tools. Each successful `open` is followed by one `close`.

        Raises:
            LiveError: If it has none to offer, with the reason in one sentence.
        """

    async def close(self) -> None:
        """Release the tools."""


def is_source(item: Any) -> TypeGuard[ToolSource]:
    """Return whether `item` is a source, rather than the class of one."""
    return isinstance(item, ToolSource) and not isinstance(item, type)
