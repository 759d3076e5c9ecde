"""`Tool`: a Python function that a model may call.

What a docstring says: of a function, and of each of its parameters.

A function's signature as a struct, which its arguments are checked with.

Where tools come from that are known only once somebody has been asked.
"""

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
from livewidget.tools.result import RESULT_LIMIT, Scheduling, a, checked_scheduling, first_line
from livewidget.tools.schema import check_declaration, check_name, schema_of, untellable

_SECTION = re.compile(r"^(Args|Arguments|Parameters):\s*$", re.MULTILINE)
_ENTRY = re.compile(r"^\s{2,8}\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.+)$")


def docstring_of(function: Callable[..., Any]) -> str:
    """Return the docstring of a function; of what wraps one, or is called like one, that of the inner one."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return inspect.getdoc(function) or ""
    return inspect.getdoc(type(function).__call__) or inspect.getdoc(function) or ""


def read(text: str) -> tuple[str, dict[str, str]]:
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


#: Seconds that a call may take.
TIMEOUT: Final = 30.0
#: Seconds that a person has to allow a call.
APPROVAL_TIMEOUT: Final = 30.0

Behavior = Literal["BLOCKING", "NON_BLOCKING"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call.

    A generator answers more than once: where the model takes that (`Model.will_continue`), it is told each
    value as it comes (`willContinue`), and what the generator returns as the last. Other models are told what
    it returns, or the last of its values, when it ends. Either way the page shows each value.

    Attributes:
        name: As the model knows it.
        function: What is called: a plain function, a coroutine function, or a generator of either kind.
        description: The first paragraph of its docstring.
        schema: JSON Schema of its arguments.
        arguments: The struct that arguments are checked with; None: whoever is called checks them.
        timeout: Seconds that a call may take; of a generator, each of its values.
        result_limit: Largest result, in bytes of JSON.
        approval_timeout: Seconds that a person has to allow a call; 0: nobody is asked.
        behavior: Whether the model waits for the result; None: as it does by itself.
        scheduling: When the model speaks of a result; None: as it does by itself.
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
        """Make a tool of a function.

        Parameters may be str, int, float, bool, Literal, Enum, list, dict, Optional, dataclasses, dates, and
        `Annotated` with a description; one without annotation has the type of its default, or is a str. The
        first paragraph of the docstring describes the tool, its `Args:` section the parameters.

        Args:
            function: With named parameters only: no `*args`, no `**kwargs`, none that are positional only.
            name: As the model shall know it; None: the function's own name.
            timeout: Seconds that a call may take; of a generator, each of its values.
            result_limit: Largest result, in bytes of JSON.
            require_approval: Whether a person must approve each call, within 30 s; a number:
                within so many seconds.
            behavior: "BLOCKING": the model waits for the result and says nothing; "NON_BLOCKING": it goes on
                talking. None: the model's own, or NON_BLOCKING where a generator or `scheduling` needs it.
            scheduling: When the model speaks of a result of a call that does not block: "INTERRUPT",
                "WHEN_IDLE" or "SILENT"; a `Result` says it for itself.

        Raises:
            ToolError: If the signature cannot be told to a model, or an option makes no sense.
        """
        if isinstance(function, Tool):
            return function
        if not callable(function):
            raise ToolError(f"A tool is a function, not {a(type(function).__name__)}.")
        name = str(name or name_of(function))
        check_name(name)
        summary, described = read(docstring_of(function))
        arguments = arguments_of(function, name, described)
        return cls(
            name=name,
            function=function,
            description=summary or name.replace("_", " "),
            schema=schema_of(arguments, name),
            arguments=arguments,
            timeout=_seconds(timeout, "timeout", name),
            result_limit=result_limit,
            approval_timeout=_patience(require_approval, name),
            **_manners(behavior, scheduling, name),
        )

    @property
    def is_async(self) -> bool:
        """Whether the function runs on the loop: a coroutine function, or an asynchronous generator."""
        called = type(self.function).__call__
        return any(
            kind(function)
            for kind in (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
            for function in (self.function, called)
        )

    @property
    def is_generator(self) -> bool:
        """Whether it may answer more than once."""
        called = type(self.function).__call__
        return any(
            kind(function)
            for kind in (inspect.isgeneratorfunction, inspect.isasyncgenfunction)
            for function in (self.function, called)
        )

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of `Tool.of` that make it what it is, where they are not the usual ones."""
        asked = self.approval_timeout == APPROVAL_TIMEOUT or self.approval_timeout
        said = {
            "name": (self.name, name_of(self.function)),
            "timeout": (self.timeout, TIMEOUT),
            "result_limit": (self.result_limit, RESULT_LIMIT),
            "require_approval": (asked, False),
            "behavior": (self.behavior, None),
            "scheduling": (self.scheduling, None),
        }
        return {name: value for name, (value, usual) in said.items() if value != usual}

    @property
    def declaration(self) -> dict[str, Any]:
        """What a model is told: name, description, JSON Schema of the parameters, behaviour if one is set."""
        declared: dict[str, Any] = {"name": self.name, "description": self.description}
        if self.schema.get("properties"):
            declared["parametersJsonSchema"] = dict(self.schema)
        if self.behavior is not None:
            declared["behavior"] = self.behavior
        return declared

    def bind(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call, checked and converted.

        Raises:
            ToolError: If one is missing, unknown, or of another type; the message is for the model.
        """
        if self.arguments is None:
            return dict(args)
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


Offered = Tool | Callable[..., Any] | Mapping[str, Any]
"""What can be a tool by itself: one, a function, or a declaration that somebody else answers."""


def as_tools(offered: Sequence[Offered]) -> list[Tool | Mapping[str, Any]]:
    """Return tools, and declarations as they are.

    Raises:
        ToolError: If something can be neither, or two have one name.
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


def _patience(require_approval: Any, name: str) -> float:
    if isinstance(require_approval, bool):
        return APPROVAL_TIMEOUT if require_approval else 0.0
    return _seconds(require_approval, "require_approval", name)


def _manners(behavior: Any, scheduling: Any, name: str) -> dict[str, Any]:
    behavior = behavior.upper() if isinstance(behavior, str) else behavior
    if behavior is not None and behavior not in get_args(Behavior):
        raise ToolError(f'The behavior of the tool {name} is "BLOCKING", "NON_BLOCKING" or None.')
    if scheduling is not None:
        scheduling = checked_scheduling(scheduling, f"The tool {name}")
        if behavior == "BLOCKING":
            raise ToolError(
                f"The tool {name} blocks, and the model speaks of its result at once; scheduling is for "
                'behavior="NON_BLOCKING".'
            )
    return {"behavior": behavior, "scheduling": scheduling}


@runtime_checkable
class ToolSource(Protocol):
    """Something that is opened for a talk, says then which tools it has, and is closed with the talk."""

    async def open(self) -> Sequence[Tool]:
        """Return its tools; each `open` that returned is followed by one `close`.

        Raises:
            LiveError: Why it has none, in one sentence.
        """

    async def close(self) -> None:
        """The tools are not needed any more."""


def sorted_out(
    offered: Sequence[Any],
) -> tuple[list[Tool | Mapping[str, Any]], list[ToolSource]]:
    """Return the tools that are known already, and the sources of others.

    Raises:
        ToolError: If something is nothing of these, or two tools have one name.
    """
    sources: list[ToolSource] = []
    others: list[Offered] = []
    for item in offered:
        if is_source(item):
            sources.append(item)
        else:
            others.append(item)
    return as_tools(others), sources


def is_source(item: Any) -> TypeGuard[ToolSource]:
    """Tell whether something is a source, and not the class of one."""
    return isinstance(item, ToolSource) and not isinstance(item, type)
