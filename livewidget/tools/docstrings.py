"""Docstrings of functions: what they say of the function, and of each parameter."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple


class Docstring(NamedTuple):
    """What a docstring says.

    Attributes:
        description: All before its first section, one line a paragraph.
        parameters: The description of each parameter.
        types: The type of each parameter that it names one for.
    """

    description: str
    parameters: dict[str, str]
    types: dict[str, str]


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
