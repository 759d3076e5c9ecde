"""Write `js/src/messages.gen.ts`, the TypeScript types of the messages between kernel and page.

The source is the msgspec structs that the kernel encodes and decodes. Usage: `tools/messages.py` writes the
file; `tools/messages.py --check` fails where it is stale. The suffix `View`, which tells a struct from the
kernel's own class of that name, is dropped; what a struct means is said in its docstring there.
"""

from __future__ import annotations

import argparse
import enum
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import inspect as types

from livewidget.ui import messages

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "js" / "src" / "messages.gen.ts"

#: Longest line that is generated, as in js/biome.json.
WIDTH = 110

_KINDS = """\
/** The kinds of message that the kernel sends, by lane. */
export const KERNEL_KINDS: Record<string, readonly string[]> = {
"""

Kinds = Mapping[tuple[str, str], type[msgspec.Struct]]


class Generator:
    """Turns structs into TypeScript declarations, each once and after those that it uses."""

    def __init__(self) -> None:
        self.declarations: dict[str, str] = {}
        # Only what the page sends may leave out fields with a default: the kernel encodes every field.
        self._optional = False
        self._literals = {
            frozenset(get_args(value)): name
            for name, value in vars(messages).items()
            if get_origin(value) is Literal
        }
        self._unions = {
            frozenset(get_args(value)): name
            for name, value in vars(messages).items()
            if isinstance(value, UnionType)
        }

    def message_types(self, name: str, kinds: Kinds, *, optional: bool) -> None:
        """Declare the union `name` of all `kinds`; `optional` leaves out what has a default."""
        self._optional = optional
        members = [
            f'{{ lane: "{lane}"; kind: "{kind}"; body: {self.type_of(types.type_info(cls))} }}'
            for (lane, kind), cls in kinds.items()
        ]
        self.declarations[name] = f"export type {name} =\n  | " + "\n  | ".join(members) + ";"

    def type_of(self, info: types.Type) -> str:
        """Return the TypeScript of a type, and declare what it refers to."""
        match info:
            case types.AnyType():
                return "unknown"
            case types.BoolType():
                return "boolean"
            case types.IntType() | types.FloatType():
                return "number"
            case types.StrType():
                return "string"
            case types.NoneType():
                return "null"
            case types.LiteralType():
                return self._literal(info.values)
            case types.EnumType():
                return self._enum(info.cls)
            case types.UnionType():
                return self._union(info)
            case types.VarTupleType() | types.ListType():
                item = self.type_of(info.item_type)
                return f"({item})[]" if " " in item else f"{item}[]"
            case types.DictType():
                return f"Record<{self.type_of(info.key_type)}, {self.type_of(info.value_type)}>"
            case types.StructType():
                return self._struct(info)
            case _:
                raise TypeError(f"no TypeScript for {info}")

    def _literal(self, values: tuple[Any, ...]) -> str:
        text = " | ".join(f'"{value}"' for value in values)
        name = self._literals.get(frozenset(values))
        if name is None:
            return text
        self.declarations[name] = f"export type {name} = {text};"
        return name

    def _union(self, info: types.UnionType) -> str:
        text = " | ".join(self.type_of(member) for member in info.types)
        name = self._unions.get(frozenset(getattr(member, "cls", None) for member in info.types))
        if name is None:
            return text
        self.declarations[name] = f"export type {name} = {text};"
        return name

    def _enum(self, cls: type[enum.Enum]) -> str:
        text = " | ".join(f'"{member.value}"' for member in cls)
        self.declarations[cls.__name__] = f"export type {cls.__name__} = {text};"
        return cls.__name__

    def _struct(self, info: types.StructType) -> str:
        if not info.fields:
            return "Record<string, never>"
        name = info.cls.__name__.removesuffix("View")
        if name not in self.declarations:
            tag = [f'{info.tag_field}: "{info.tag}";'] if info.tag_field else []
            fields = tag + [
                f"{field.encode_name}{self._mark(field)}: {self.type_of(field.type)};"
                for field in info.fields
            ]
            text = f"export type {name} = {{ {' '.join(fields).removesuffix(';')} }};"
            if len(text) > WIDTH:
                text = f"export interface {name} {{\n  " + "\n  ".join(fields) + "\n}"
            self.declarations[name] = text
        return name

    def _mark(self, field: types.Field) -> str:
        return "" if field.required or not self._optional else "?"


def _wrapped(declaration: str) -> Iterator[str]:
    """Break unions that are too long for one line, as Biome does."""
    for line in declaration.splitlines():
        if line.startswith("export type") and len(line) > WIDTH:
            name, _, members = line.removesuffix(";").partition(" = ")
            yield f"{name} =\n  | " + "\n  | ".join(members.split(" | ")) + ";"
        else:
            yield line


def generate() -> str:
    """Return the content of `messages.gen.ts`."""
    generator = Generator()
    generator.message_types("KernelMessage", messages.FROM_KERNEL, optional=False)
    generator.message_types("PageMessage", messages.FROM_PAGE, optional=True)
    kinds: dict[str, list[str]] = {}
    for lane, kind in messages.FROM_KERNEL:
        kinds.setdefault(lane, []).append(f'"{kind}"')
    table = "".join(f"  {lane}: [{', '.join(names)}],\n" for lane, names in kinds.items())
    head = f"// Written by tools/messages.py from {messages.__name__}, which says what the messages mean."
    body = ""
    for text in generator.declarations.values():
        lines = list(_wrapped(text))
        # Declarations of one line stand together.
        body += "\n".join(lines) + "\n" if len(lines) == 1 else "\n" + "\n".join(lines) + "\n\n"
    return f"{head}\n\n{body}\n{_KINDS}{table}}};\n".replace("\n\n\n", "\n\n")


def main() -> None:
    """Write the file, or check that it is fresh."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="fail where the file is stale, and write nothing"
    )
    text = generate()
    if not parser.parse_args().check:
        OUTPUT.write_text(text)
    elif not OUTPUT.exists() or OUTPUT.read_text() != text:
        sys.exit(f"{OUTPUT.relative_to(ROOT)} is stale: run tools/messages.py")


if __name__ == "__main__":
    main()
