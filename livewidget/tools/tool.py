"""`Tool`: a Python function that a model may call."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import msgspec

from livewidget.errors import ToolError
from livewidget.tools import docstring, signature
from livewidget.tools.result import RESULT_LIMIT, Scheduling, checked_scheduling
from livewidget.tools.schema import check_declaration, check_name, schema_of
from livewidget.tools.words import a, first_line

#: Seconds that a call may take.
TIMEOUT: Final = 30.0
#: Seconds that a person has to allow a call.
CONFIRM_TIMEOUT: Final = 30.0

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
        confirm: Seconds that a person has to allow a call; 0: nobody is asked.
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
    confirm: float = 0.0
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
        confirm: bool | float = False,
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
            confirm: Whether a person is asked before each call, for 30 s; a number: for so many seconds.
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
        name = str(name or signature.name_of(function))
        check_name(name)
        summary, described = docstring.read(docstring.docstring_of(function))
        arguments = signature.arguments_of(function, name, described)
        return cls(
            name=name,
            function=function,
            description=summary or name.replace("_", " "),
            schema=schema_of(arguments, name),
            arguments=arguments,
            timeout=_seconds(timeout, "timeout", name),
            result_limit=result_limit,
            confirm=_patience(confirm, name),
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
        asked = self.confirm == CONFIRM_TIMEOUT or self.confirm
        said = {
            "name": (self.name, signature.name_of(self.function)),
            "timeout": (self.timeout, TIMEOUT),
            "result_limit": (self.result_limit, RESULT_LIMIT),
            "confirm": (asked, False),
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


def _patience(confirm: Any, name: str) -> float:
    if isinstance(confirm, bool):
        return CONFIRM_TIMEOUT if confirm else 0.0
    return _seconds(confirm, "confirm", name)


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
