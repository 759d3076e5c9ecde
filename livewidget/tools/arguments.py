"""The parameters of a function: what a model is told of them, and the values that its calls bring.

They are read off the signature and the docstring.
"""

from __future__ import annotations

import collections
import copy
import functools
import importlib
import inspect
import pathlib
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, get_args, get_origin

from livewidget.errors import ToolError
from livewidget.text import plain_line
from livewidget.tools.kinds import (
    Kind,
    Untellable,
    anything,
    by_pydantic,
    description_of,
    field_info,
    fields_of,
    form_name,
    is_pydantic,
    read_kind,
    resolved,
    with_default,
)
from livewidget.tools.schema import (
    Misfit,
    fit,
    inline_references,
    means_nothing,
    parameters_error,
    takes_null,
    told,
    within,
)

#: Faults of one call that its error names. Chosen: a model mends them at once, and a sentence stays one.
_FAULTS: Final = 3
#: Longest description of a tool, in characters. Chosen: a page, which every setup message repeats.
DESCRIPTION_LENGTH: Final = 2000
_PARAMETERS: Final = (
    *("Args", "Arguments", "Parameters", "Params", "Attributes"),
    *("Keyword Args", "Keyword Arguments", "Other Parameters"),
)
#: A line that begins something else than the description, in any style.
_SECTION: Final = re.compile(
    r"""(?mx) ^[ \t]* (?:
        (?: Args | Arguments | Attributes | Examples? | Keyword\ Arg(?:ument)?s | Methods | Other\ Parameters
          | Param(?:eter)?s | Raises | References | Returns? | See\ Also | Todo | Warns | Yields? | Receives
        ) [ \t]* : [ \t]* $
      | [A-Z][\w \t]* \n [ \t]* -{3,} [ \t]* $
      | [:@] (?: arg | argument | ivar | key | keyword | kwarg | param | parameter | raises? | returns?
               | rtype | type | yields? ) \b [^\n:]* :
      | >>>
    )"""
)
#: What docstrings call types.
_DOCUMENTED_TYPES: Final[dict[str, Any]] = {
    **dict.fromkeys(("str", "string", "text"), str),
    **dict.fromkeys(("int", "integer"), int),
    **dict.fromkeys(("float", "number", "double"), float),
    **dict.fromkeys(("bool", "boolean"), bool),
    **dict.fromkeys(("list", "sequence"), list),
    **dict.fromkeys(("dict", "dictionary", "mapping"), dict),
}


class Docstring(typing.NamedTuple):
    """What a docstring says.

    Attributes:
        description: All before its first section, one line a paragraph.
        parameters: The description of each parameter.
        types: The type of each parameter that it names one for.
    """

    description: str
    parameters: dict[str, str]
    types: dict[str, str]


def docstring_of(function: Callable[..., Any]) -> str:
    """Return the docstring of a function, of the function in a partial, or of a callable object."""
    function = unwrapped(function)
    if inspect.isroutine(function) or inspect.isclass(function):
        text = inspect.getdoc(function) or ""
        written_by_dataclass = inspect.isclass(function) and text.startswith(f"{function.__name__}(")
        return "" if written_by_dataclass else text
    called = inspect.getdoc(type(function).__call__)
    if called == object.__call__.__doc__:  # What Python writes where nobody did.
        called = None
    return called or inspect.getdoc(function) or ""


def documentation_of(function: Callable[..., Any]) -> Docstring:
    """Return what the docstring of a function says; that of a class, together with its `__init__`'s."""
    documented = parse_docstring(docstring_of(function))
    if not inspect.isclass(function) or function.__init__ is object.__init__:
        return documented
    made = parse_docstring(inspect.getdoc(function.__init__) or "")
    return Docstring(
        documented.description, made.parameters | documented.parameters, made.types | documented.types
    )


def describe(text: str) -> dict[str, str]:
    """Return the description of each field in the docstring of a class."""
    return parse_docstring(inspect.cleandoc(text)).parameters


def parse_docstring(text: str) -> Docstring:
    """Return what a docstring says, in Google, NumPy, Sphinx (reST) or Epydoc style.

    The style that describes most parameters counts.
    """
    # Imported here: only sessions with tools need it.
    from docstring_parser import DocstringMeta, epydoc, google, numpydoc, rest

    class Google(google.GoogleParser):
        def _build_meta(self, text: str, title: str) -> DocstringMeta:
            # An entry without a colon describes nothing, and must not hide the others.
            return super()._build_meta(text, title) if ":" in text else DocstringMeta([title], text)

    # Google's sections for parameters alone, since the parser rejects free text in others, such as Raises.
    sections = [google.Section(title, "param", google.SectionType.MULTIPLE) for title in _PARAMETERS]
    described: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for parse in (Google(sections).parse, numpydoc.parse, rest.parse, epydoc.parse):
        try:
            parsed = parse(f"\n{text}")  # A section in the first line would lose its indentation.
        except Exception:  # malformed in this style: a ParseError, or whatever the parser stumbles over
            continue
        found = {
            name.strip(" *`"): one
            for one in parsed.params
            for name in one.arg_name.split(",")  # NumPy style: "x, y : int"
        }
        if len(found) > len(described):
            described = {name: " ".join((one.description or "").split()) for name, one in found.items()}
            kinds = {name: one.type_name for name, one in found.items() if one.type_name}
    first = _SECTION.search(text)
    prose = text[: first.start()] if first else text
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", prose))
    description = "\n".join(paragraph for paragraph in paragraphs if paragraph)
    return Docstring(description[:DESCRIPTION_LENGTH], described, kinds)


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function in a partial, or the function itself."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that a model is told.

    Attributes:
        name: Its name.
        kind: What a model sends for it.
        required: Whether a call must have it.
        default: Passed where a call leaves it out; empty: the function's own default is.
        is_typed: Whether an annotation, a default or the docstring says what it takes.
    """

    name: str
    kind: Kind
    required: bool
    default: Any = inspect.Parameter.empty
    is_typed: bool = True

    def fallback(self) -> Any:
        """Return what the function gets when a call leaves it out, fresh for each call."""
        if callable(getattr(self.default, "get_default", None)):  # pydantic's Field(…)
            return self.default.get_default(call_default_factory=True)
        return copy.copy(self.default)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The parameters of a function, and what its calls bring.

    Attributes:
        schema: JSON Schema of all arguments, as a model is told it.
        parameters: Those that a model is told, by name.
        more: The kind of what `**kwargs` takes; None: no others are taken.
        order: Names and defaults of the parameters that may be passed by position.
        by_position: How many of these must be.
        spread: Name of the `*args` parameter, if a model is told it.
        whole: The kind of all arguments together, of a class that pydantic validates.
    """

    schema: Mapping[str, Any]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    more: Kind | None = None
    order: Sequence[tuple[str, Any]] = ()
    by_position: int = 0
    spread: str | None = None
    whole: Kind | None = None

    @property
    def untyped(self) -> list[str]:
        """Names of the parameters that nothing says the type of."""
        return [name for name, one in self.parameters.items() if not one.is_typed]

    def convert(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a call by the names of their parameters.

        Raises:
            Misfit: If some do not fit, with what is wrong with the first few.
        """
        if self.whole is not None:
            fitted: dict[str, Any] = fit(dict(args), self.whole.schema, "")
            self.whole.built(fitted, "")
            return fitted
        found: dict[str, Any] = {}
        faults: list[str] = []
        for name, value in args.items():
            one = self.parameters.get(name)
            kind = self.more if one is None else one.kind
            if (one is None or not one.required) and _is_left_out(value, kind):
                continue
            if kind is None:
                names = ", ".join(self.parameters) or "none"
                faults.append(f"there is no parameter {plain_line(name[:40])}; the parameters are {names}")
                continue
            try:
                found[name] = kind.convert(value, within("", name))
            except Misfit as misfit:
                faults.append(str(misfit))
        for name, parameter in self.parameters.items():
            if parameter.required and name not in args:
                faults.append(f"{name} is missing")
            elif name not in found and parameter.default is not inspect.Parameter.empty:
                found[name] = parameter.fallback()
        if faults:
            raise Misfit("; ".join(faults[:_FAULTS]))
        return found

    def split(self, values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return converted values as the positional and the keyword arguments of a call."""
        keywords = dict(values)
        spread = keywords.pop(self.spread, None) or [] if self.spread else []
        count = len(self.order) if spread else self.by_position
        if not spread:  # What is left out at the end stays left out.
            while count and self.order[count - 1][0] not in keywords:
                count -= 1
        positional = [keywords.pop(name, default) for name, default in self.order[:count]]
        return [*positional, *spread], keywords


def _is_left_out(value: Any, kind: Kind | None) -> bool:
    """Whether a model leaves out what it may: by null, or by "null" or "" where no text fits."""
    if value is None or kind is None or not means_nothing(value):
        return value is None
    try:
        fit(value, kind.schema, "", exactly=True)
    except Misfit:
        return True
    return False


def arguments_of(function: Callable[..., Any], name: str, documented: Docstring) -> Arguments:
    """Return the parameters of a function that are not bound by a partial.

    A parameter whose type a model cannot send is left out if it has a default.

    Args:
        function: Any callable.
        name: The tool's, for errors.
        documented: What its docstring says.

    Raises:
        ToolError: If the parameters cannot be declared to a model.
    """
    read = _ParameterReader(name, documented)
    if inspect.isclass(function) and is_pydantic(function):
        try:
            whole = by_pydantic(function)
        except Untellable as error:
            raise read.error(function.__name__, error) from None
        return Arguments(schema=_declared(whole.schema, name), whole=whole)
    parameters = _signature(function, name)
    _require_bound_method(function, parameters, name)
    bound = function.keywords if isinstance(function, functools.partial) else {}
    names = _namespaces(function)
    order: list[tuple[str, Any]] = []
    by_position = 0
    more: Kind | None = None
    spread: str | None = None
    starred: list[str] = []
    for one in parameters:
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD):
            order.append((one.name, bound.get(one.name, one.default)))
            by_position += one.kind is one.POSITIONAL_ONLY
        if one.name in bound:
            continue
        hint = _resolved(one.annotation, names)
        if one.kind is one.VAR_KEYWORD and form_name(get_origin(hint)) == "Unpack":
            for each in fields_of(get_args(hint)[0], {}) or ():
                read.add(each.name, each.hint, one.empty if each.required else None)
        elif one.kind is one.VAR_KEYWORD:
            starred.append(f"**{one.name}")
            more = _more(hint)
        elif one.kind is not one.VAR_POSITIONAL:
            read.add(one.name, hint, one.default)
        elif _is_untyped(hint):
            starred.append(f"*{one.name}")
        else:
            read.add(one.name, types.GenericAlias(list, (hint,)), one.empty, may_be_empty=True)
            spread = one.name
    found = read.parameters
    # What stands behind *args alone says little of what the function is for, as in print.
    named = [one for one, _ in order] if starred[:1] and starred[0][1] != "*" else list(found)
    if starred and not any(one.required or one.name in named for one in found.values()):
        raise ToolError(
            f"The tool {name} takes {' and '.join(starred)} only, and a model calls by name; give it named "
            "parameters, or, if it is decorated, let the decorator use functools.wraps."
        )
    required = [each for each, one in found.items() if one.required]
    schema = _declared({"type": "object", "properties": read.properties, "required": required}, name)
    return Arguments(schema, found, more, tuple(order), by_position, spread)


def _declared(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    declared: dict[str, Any] = told(inline_references(schema, name, lenient=True))
    declared.pop("description", None)  # The tool has it.
    return declared


class _ParameterReader:
    """Reads the parameters of one tool.

    Attributes:
        parameters: Those that a model is told.
        properties: Their schemas.
    """

    def __init__(self, tool: str, documented: Docstring) -> None:
        """Prepare for the parameters of the function of that docstring; `tool` is its name, for errors."""
        self.parameters: dict[str, Parameter] = {}
        self.properties: dict[str, Any] = {}
        self._tool = tool
        self._documented = documented

    def add(self, name: str, hint: Any, default: Any, *, may_be_empty: bool = False) -> None:
        """Add a parameter, unless a model cannot send such values and its default will do.

        `may_be_empty`: It has no default, and a call may leave it out all the same.
        """
        empty: Any = inspect.Parameter.empty
        info = field_info(hint, default)
        if info is not None and default is not empty and info is not default:
            info = None  # Python's own default counts, and the rest of it stands in the annotation.
        has_default = default is not empty if info is None else not info.is_required()
        if info is not None and info is default:
            hint = Annotated[self._type_of(name, hint, info.get_default() if has_default else None), info]
        is_typed = not _is_untyped(hint) or self._is_known(name, default)
        try:
            kind = read_kind(self._type_of(name, hint, default if has_default else None), describe)
        except Untellable as error:
            if has_default or may_be_empty:
                return
            raise self.error(name, error) from None
        text = description_of(getattr(hint, "__metadata__", ())) or self._documented.parameters.get(name)
        # Of what nothing is known, a model is told that it is text, and what it sends is passed on as it is.
        schema = kind.schema if is_typed else {"type": "string"}
        schema = {**schema, "description": text} if text else schema
        if info is None and has_default:
            schema = {key: value for key, value in schema.items() if key != "default"}
        self.properties[name] = with_default(schema, default if info is None else empty)
        required = not has_default and not may_be_empty and not takes_null(kind.schema)
        passed = empty
        if has_default and info is not None:
            passed = info
        elif isinstance(default, list | dict | set):  # One call must not see what another did to it.
            passed = default
        elif not has_default and not required and not may_be_empty:
            passed = None
        self.parameters[name] = Parameter(name, kind, required, passed, is_typed)

    def error(self, name: str, error: Untellable) -> ToolError:
        """Return the error for a parameter of a type that a model cannot send."""
        return parameters_error(
            self._tool, f"{name} {error}; use str, numbers, bool, lists, dicts or a dataclass"
        )

    def _is_known(self, name: str, default: Any) -> bool:
        has_example = default is not None and default is not inspect.Parameter.empty
        return has_example or self._documented_type(name) is not Any

    def _documented_type(self, name: str) -> Any:
        words = re.split(r"[ ,\[(]", self._documented.types.get(name, ""))
        return _DOCUMENTED_TYPES.get(words[0].lower(), Any)

    def _type_of(self, name: str, hint: Any, default: Any) -> Any:
        """Return the annotation of a parameter, else its default's type, else what the docstring says."""
        if not _is_untyped(hint):
            return hint
        documented = self._documented_type(name)
        if default is None or (documented is float and type(default) is int):
            return documented
        return _hint_of(default)


def _more(hint: Any) -> Kind:
    try:
        return anything() if _is_untyped(hint) else read_kind(hint, describe)
    except Untellable:
        return anything()


def _is_untyped(hint: Any) -> bool:
    # P.args and P.kwargs of a decorator say nothing of their own.
    return hint is inspect.Parameter.empty or isinstance(hint, typing.ParamSpecArgs | typing.ParamSpecKwargs)


def _hint_of(default: Any) -> Any:
    """Return the type that a default is an example of."""
    kind = type(default)
    if isinstance(default, list | tuple | set | frozenset | collections.deque) and not hasattr(
        kind, "_fields"
    ):
        hints = list({_hint_key(one): _hint_of(one) for one in default}.values())
        if set(hints) == {int, float}:
            hints = [float]
        if isinstance(default, tuple):
            return (
                kind[hints[0], ...]
                if len(hints) == 1
                else kind[tuple(map(_hint_of, default))]
                if hints
                else kind
            )
        base = next(one for one in (list, set, frozenset, collections.deque) if isinstance(default, one))
        return base[hints[0]] if len(hints) == 1 else base
    if kind is object:  # It marks what was left out, and is no value.
        raise Untellable("has no type")
    if default is None:
        return Any
    if isinstance(default, dict):
        return dict
    if isinstance(default, pathlib.PurePath):
        return pathlib.Path if isinstance(default, pathlib.Path) else pathlib.PurePath
    return kind


def _hint_key(value: Any) -> str:
    return str(_hint_of(value))


def _signature(function: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):  # Else a name that is not defined would be an error here.
        options["annotation_format"] = importlib.import_module("annotationlib").Format.FORWARDREF
    try:
        return list(inspect.signature(function, **options).parameters.values())
    except (TypeError, ValueError, NameError, SyntaxError, AttributeError):
        raise ToolError(
            f"The parameters of the tool {name} cannot be read; write a function with named parameters that "
            "calls it."
        ) from None


def _namespaces(function: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the globals and locals that the annotations of a callable are written in."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif inspect.ismethod(function):
            function = function.__func__
        elif inspect.isclass(function) or inspect.isroutine(function):
            break
        else:
            function = type(function).__call__
    if inspect.isclass(function):
        module = sys.modules.get(function.__module__)
        return vars(module) if module else {}, {function.__name__: function, **vars(function)}
    closure = getattr(function, "__closure__", None) or ()
    local = {}
    for free, cell in zip(
        getattr(getattr(function, "__code__", None), "co_freevars", ()), closure, strict=False
    ):
        try:
            local[free] = cell.cell_contents
        except ValueError:  # Not assigned yet.
            continue
    for one in getattr(function, "__type_params__", ()):
        local[one.__name__] = one
    return getattr(function, "__globals__", {}), local


def _resolved(annotation: Any, names: tuple[dict[str, Any], dict[str, Any]]) -> Any:
    """Return an annotation with the names in it looked up, or as it is if one is not defined."""
    if _is_untyped(annotation):
        return annotation
    known, local = names
    found = resolved(annotation, known, local)
    if found is not annotation or isinstance(annotation, type):
        return found
    return resolved(annotation, known, {**_callers_names(), **local})


def _callers_names() -> dict[str, Any]:
    """Return the names in the functions that made the tool: a class among them is known nowhere else."""
    names: dict[str, Any] = {}
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        ours = str(frame.f_globals.get("__name__")).startswith("livewidget.")
        if not ours and frame.f_locals is not frame.f_globals:
            names = {**frame.f_locals, **names}
        frame = frame.f_back
    return names


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
