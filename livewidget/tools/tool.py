"""`Tool`: a Python function that a model may call, declared by its signature and docstring."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeGuard, get_args, runtime_checkable

from livewidget.errors import ToolError
from livewidget.tools.arguments import Arguments, arguments_of, documentation_of, unwrapped
from livewidget.tools.result import RESULT_LIMIT, Scheduling, check_scheduling, with_article
from livewidget.tools.schema import Misfit, check_declaration, check_name

#: Seconds that a call may take. Chosen: longer, and people think that the model has hung.
TIMEOUT: Final = 30.0
#: Seconds that a person has to approve a call. Chosen: enough to read a question and decide.
APPROVAL_TIMEOUT: Final = 30.0

Behavior = Literal["BLOCKING", "NON_BLOCKING"]


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function, of the function in a partial, or of a callable's class."""
    function = unwrapped(function)
    return str(getattr(function, "__name__", type(function).__name__))


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call.

    A generator gives several results. A model that supports this (`Model.will_continue`) receives each value
    when it is yielded (`willContinue`) and the return value last; any other receives only the return value,
    or the last value yielded, at the end. The page shows each value in both cases.

    Attributes:
        name: The name for the model.
        function: A function, coroutine function, or generator function of either kind.
        description: What the docstring says before its first section.
        schema: JSON Schema of the arguments.
        arguments: The parameters, which validate arguments; None: the function validates them itself.
        timeout, result_limit, behavior, scheduling: As in `Tool.of`.
        approval_timeout: Seconds that a person has to approve a call; 0: no approval is required.
    """

    name: str
    function: Callable[..., Any]
    description: str
    schema: Mapping[str, Any]
    arguments: Arguments | None = None
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

        Parameters may be str, int, float, bool, Literal, Enum, lists, dicts, Optional and other unions,
        dataclasses, TypedDicts, named tuples, pydantic models, dates, paths, NumPy's numbers and arrays, and
        `Annotated` with a description or limits. A parameter without annotation has the type of its default
        or of the docstring, or str. One whose type a model cannot send is left out if it has a default. The
        docstring describes the tool up to its first section, and its section about parameters (Google, NumPy,
        Sphinx or Epydoc style) describes these.

        Args:
            function: Any callable. Its `*args` are told as a list if they are annotated, and else left out;
                `**kwargs` take what else a model sends.
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
        documented = documentation_of(function)
        arguments = arguments_of(function, name, documented)
        return cls(
            name=name,
            function=function,
            description=documented.description or name.replace("_", " "),
            schema=arguments.schema,
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
        """Whether the function runs on an event loop: a coroutine or async generator function."""
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

    @property
    def gaps(self) -> list[str]:
        """What a model would want to know of the function and is not told, a sentence each."""
        if self.arguments is None:
            return []
        gaps = []
        if self.description == self.name.replace("_", " "):
            gaps.append(
                f"The tool {self.name} has no docstring, so the model knows only its name: "
                "say in a sentence what it does."
            )
        untyped = self.arguments.untyped
        if untyped:
            has, are = ("has", "it is") if len(untyped) == 1 else ("have", "they are")
            names = " and ".join([", ".join(untyped[:-1]), untyped[-1]] if len(untyped) > 1 else untyped)
            gaps.append(
                f"{names} of the tool {self.name} {has} no type, so the model is told that {are} text: "
                "add annotations."
            )
        return gaps

    def bind(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the validated and converted arguments of a call, by name.

        They are taken as models send them: null for what may be left out, 2.0 for a whole number, "true" for
        True, a date without its time. What is left out stays left out where the function has a default.

        Raises:
            ToolError: If one is missing, unknown or of the wrong type; the message is meant for the model.
        """
        if self.arguments is None:
            return dict(args)
        try:
            return self.arguments.convert(args)
        except Misfit as misfit:
            raise ToolError(str(misfit)) from None

    def invoke(self, bound: Mapping[str, Any]) -> Any:
        """Call the function with what `bind` returned; a coroutine function returns a coroutine."""
        positional, keywords = ([], dict(bound)) if self.arguments is None else self.arguments.split(bound)
        return self.function(*positional, **keywords)

    def call(self, args: Mapping[str, Any]) -> Any:
        """Call the function with validated arguments; a coroutine function returns a coroutine.

        Raises:
            ToolError: If the arguments are invalid.
        """
        return self.invoke(self.bind(args))

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
    """Provides tools during a session: opened at its start and closed at its end.

    A source that has an attribute `starting`, a sentence, has it shown while `open` takes long.
    """

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
