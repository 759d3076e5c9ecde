"""Write the public surface of the library to `docs/public-surface.txt`: every public name with its signature.

Public is what CHANGELOG names: `livewidget.__all__`, the modules below, and the command line. Each object is
described once, where it is found first; elsewhere a line refers to that place. For a class, its constructor
and its public attributes, properties and methods are listed, including those inherited within the library; an
attribute of a dataclass or struct appears as the constructor's parameter. The file is the same on every
supported Python.

    python tools/surface.py [--check]
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import difflib
import enum
import inspect
import re
import sys
import textwrap
import types
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

#: The generated file.
SURFACE = ROOT / "docs" / "public-surface.txt"
COMMAND = "python tools/surface.py"
PACKAGE = "livewidget"
#: In the order in which an object that stands in several is looked for; the package itself comes last.
MODULES = (
    "livewidget.errors",
    "livewidget.events",
    "livewidget.models",
    "livewidget.config",
    "livewidget.tools",
    "livewidget.pictures",
    "livewidget.turns",
    "livewidget.connection",
    "livewidget.session",
    "livewidget.integrations.mcp",
    "livewidget.web",
    "livewidget",
)
#: Special methods that are called by syntax; the others follow from what a class is.
SYNTAX = {
    "__aenter__",
    "__aexit__",
    "__aiter__",
    "__anext__",
    "__await__",
    "__call__",
    "__contains__",
    "__enter__",
    "__exit__",
    "__getitem__",
    "__iter__",
    "__len__",
    "__next__",
}
INDENT = "    "
#: A longer list of parameters takes one line for each, so that a diff shows the one that changed.
WIDTH = 100


def names(module: types.ModuleType) -> list[str]:
    """Return the public names of a module: its `__all__`, else what it defines without an underscore."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    tree = ast.parse(inspect.getsource(module))
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return sorted(name for name in found if not name.startswith("_"))


# --- Values and annotations ---------------------------------------------------------------------------------


def value(x: Any) -> str:
    """Return a default or a constant as text without addresses, private names or a version's own spelling."""
    if isinstance(x, enum.Enum):
        return f"{type(x).__name__}.{x.name}"
    if isinstance(x, type) or callable(x):
        return getattr(x, "__qualname__", type(x).__name__)
    text = repr(x)
    return "…" if " at 0x" in text or len(text) > 200 else text


def annotation(x: Any) -> str:
    """Return an annotation as it is written, without the library's own module names."""
    text = x if isinstance(x, str) else inspect.formatannotation(x)
    for prefix in ("collections.abc.", "typing."):
        text = text.replace(prefix, "")
    return re.sub(r"\blivewidget(?:\.\w+)*\.(\w+)", r"\1", text)


def signature(function: Any, *, bound: bool = False) -> str:
    """Return parameters with defaults and annotations, and what is returned; `bound` leaves the first out."""
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):
        return "(…)"
    parameters = list(found.parameters.values())[1 if bound else 0 :]
    parts, star, slash = [], False, False
    for parameter in parameters:
        if parameter.kind is parameter.POSITIONAL_ONLY:
            slash = True
        elif slash:
            parts.append("/")
            slash = False
        if parameter.kind is parameter.VAR_POSITIONAL:
            star = True
        elif parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        parts.append(one(parameter))
    if slash:
        parts.append("/")
    returned = found.return_annotation
    after = "" if returned is found.empty or inspect.isclass(function) else f" -> {annotation(returned)}"
    text = ", ".join(parts)
    if len(text) > WIDTH:
        text = "".join(f"\n{2 * INDENT}{part}," for part in parts) + f"\n{INDENT}"
    return f"({text}){after}"


def one(parameter: inspect.Parameter) -> str:
    """Return one parameter."""
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    text = stars + parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        text += f" = {value(parameter.default)}"
    return text


# --- Classes ------------------------------------------------------------------------------------------------


def described(cls: type) -> Iterator[str]:
    """Yield the lines on one class, without indentation for the first."""
    head, listed = "", members(cls)
    if issubclass(cls, Exception | enum.Enum):
        head = f"({', '.join(base.__name__ for base in cls.__bases__)})"
    elif not getattr(cls, "_is_protocol", False):
        head = signature(cls)
        if dataclasses.is_dataclass(cls) or hasattr(cls, "__struct_fields__"):
            listed = {name: line for name, line in listed.items() if name not in fields_of(cls)}
    yield f"class {cls.__name__}{head}"
    if issubclass(cls, enum.Enum):
        yield from (f"{INDENT}{member.name} = {member.value!r}" for member in cls)
        listed = {name: line for name, line in listed.items() if name not in cls.__members__}
    elif issubclass(cls, Exception) and "__init__" in vars(cls):
        yield f"{INDENT}__init__{signature(vars(cls)['__init__'], bound=True)}"
    yield from (INDENT + listed[name] for name in sorted(listed))


def fields_of(cls: type) -> set[str]:
    """Return the names of the fields of a dataclass or struct, all of which are parameters."""
    return set(getattr(cls, "__struct_fields__", ())) | set(getattr(cls, "__dataclass_fields__", ()))


def members(cls: type) -> dict[str, str]:
    """Return a line for each public member that the library gives a class; of an exception, its own only."""
    found: dict[str, str] = {}
    for base in [cls] if issubclass(cls, Exception) else reversed(cls.__mro__):
        if base.__module__.partition(".")[0] != PACKAGE:
            continue
        found |= fields(base)
        for name, member in vars(base).items():
            if (name.startswith("_") and name not in SYNTAX) or isinstance(
                member, types.MemberDescriptorType
            ):
                continue
            found[name] = line_of(name, member, base)
    return found


def fields(cls: type) -> dict[str, str]:
    """Return the attributes that a class annotates or its constructor assigns."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    except (OSError, TypeError):
        return {}
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = f"{node.target.id}: {ast.unparse(node.annotation)}"
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            for inner in ast.walk(node):
                targets = inner.targets if isinstance(inner, ast.Assign) else []
                if isinstance(inner, ast.AnnAssign):
                    targets = [inner.target]
                flat = [one for target in targets for one in getattr(target, "elts", [target])]
                for target in flat:
                    if isinstance(target, ast.Attribute) and getattr(target.value, "id", "") == "self":
                        found[target.attr] = target.attr
                        if isinstance(inner, ast.AnnAssign):
                            found[target.attr] += f": {ast.unparse(inner.annotation)}"
    return {name: line for name, line in found.items() if not name.startswith("_")}


def line_of(name: str, member: Any, cls: type) -> str:
    """Return the line for one member of a class's namespace."""
    if isinstance(member, property):
        returned = inspect.signature(member.fget).return_annotation if member.fget else ""
        settable = ", settable" if member.fset else ""
        return f"{name}: {annotation(returned)} (property{settable})"
    if isinstance(member, staticmethod):
        return f"static {name}{signature(member.__func__)}"
    if isinstance(member, classmethod):
        return f"classmethod {prefix(member.__func__)}{name}{signature(member.__func__, bound=True)}"
    if inspect.isfunction(member):
        return f"{prefix(member)}{name}{signature(member, bound=True)}"
    annotated = fields(cls).get(name, name)
    return f"{annotated} = {value(member)}"


def prefix(function: Any) -> str:
    """Return "async " for what must be awaited."""
    return "async " if inspect.iscoroutinefunction(function) else ""


# --- Modules and the command line ---------------------------------------------------------------------------


def surface() -> str:
    """Return the whole file."""
    lines = [f"# The public surface. Generated: renew it with `{COMMAND}`.", ""]
    seen: dict[int, str] = {}
    for path in MODULES:
        module = import_module(path)
        lines += [f"## {path}", ""]
        for name in names(module):
            member = getattr(module, name)
            place = f"{path}.{name}"
            if isinstance(member, types.ModuleType):
                lines.append(f"module {name}")
            elif inspect.isclass(member) or inspect.isfunction(member):
                if (first := seen.setdefault(id(member), place)) != place:
                    lines.append(f"{name}: see {first}")
                elif inspect.isclass(member):
                    lines += described(member)
                else:
                    lines.append(f"{prefix(member)}def {name}{signature(member)}")
            else:
                lines.append(f"{name} = {constant(member)}")
        lines.append("")
    lines += command_line()
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def constant(x: Any) -> str:
    """Return a constant; of a long one its type alone, because tables of models grow."""
    if isinstance(x, str | int | float | bool | tuple | frozenset | type(None)) and len(repr(x)) <= 100:
        return value(sorted(x)) if isinstance(x, frozenset) else value(x)
    if hasattr(x, "__origin__") or isinstance(x, types.UnionType):
        return annotation(x)
    return f"<{type(x).__name__}>"


def command_line() -> Iterator[str]:
    """Yield the commands with their arguments, as argparse has them."""
    from livewidget.cli.main import parser

    yield "## Command line"
    top = parser()
    yield ""
    yield top.prog
    yield from options(top)
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in sorted(action.choices.items()):
                yield ""
                yield f"{top.prog} {name}"
                yield from options(command)


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield one line for each argument of a command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction):
            continue
        words = [", ".join(action.option_strings) or action.dest]
        if action.nargs != 0 and action.option_strings:
            words.append(str(action.metavar or action.dest.upper()))
        if action.nargs not in (None, 0):
            words.append(f"nargs={action.nargs}")
        if action.choices is not None:
            words.append(f"choices={', '.join(map(str, action.choices))}")
        if action.required and action.option_strings:
            words.append("required")
        if action.nargs != 0 and action.default not in (None, argparse.SUPPRESS):
            words.append(f"default={action.default!r}")
        yield INDENT + " ".join(words)


def check(path: Path) -> int:
    """Compare a file with the surface as it is now; print the difference and return the exit code."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    now = surface()
    if before == now:
        return 0
    print(
        "\n".join(
            difflib.unified_diff(before.split("\n"), now.split("\n"), "committed", "now", lineterm="", n=1)
        )
    )
    print(f"The public surface has changed. If that is intended, run `{COMMAND}` and commit the file.")
    return 1


def main() -> int:
    """Write the file, or with `--check` compare it."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--check", action="store_true", help="fail if the file is not up to date")
    if arguments.parse_args().check:
        return check(SURFACE)
    SURFACE.write_text(surface(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
