"""Report the modules and functions whose size stands out; part of `make check`.

Listed are modules under 60 lines that only one other module imports, files over 800 lines, and functions over
80 lines. These are prompts for a second look, not limits: whatever stays has its reason in `STAYS`. The exit
code is 1 if a finding has no entry there, or if an entry matches nothing any more.

    python tools/report.py
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "livewidget"

#: Chosen: a module this short with one importer usually reads better as part of that importer.
SMALL_LINES = 60
#: Chosen: h11 keeps its largest module at 659 lines, websockets at 1,254, httpx at 2,019.
LARGE_LINES = 800
#: Chosen: about two screens.
LONG_LINES = 80
#: Goals for `livewidget/` as a whole; printed, not enforced here.
MOST_FILES, MEDIAN_LINES = 145, 180

#: What stays as it is, and why: a file, or `file:function`.
STAYS: dict[str, str] = {
    "livewidget/session/session.py": "one class for one session; its parts are modules of their own",
    "livewidget/session/session.py:LiveSession.__init__": "documents the arguments, and makes the parts",
    "livewidget/session/supervisor.py": "one connection after another: a table, and each state's work",
    "livewidget/session/supervisor.py:ConnectionSupervisor.__init__": "documents what it is told and tells",
    "livewidget/ui/controller.py:Controller.__init__": "documents the arguments, and makes the parts",
    "livewidget/ui/bridge.py": "one end of a bridge: whatever passes between kernel and pages",
    "livewidget/ui/messages.py": "every message between kernel and page, a struct each",
    "livewidget/turns/conversation.py": "the two sides of one conversation, which meet in every event",
    "livewidget/integrations/agent.py": "what bridges are made of: run, client, provider, and who calls them",
    "livewidget/integrations/pipecat_pipeline.py": "both ends of a pipeline, which share its interruptions",
    "livewidget/web.py": "what a web server of one's own mounts: the page, its conversations, their tokens",
    "livewidget/web.py:app": "documents the arguments, and how it is mounted",
    "livewidget/web.py:token_app": "documents the arguments, with a whole application as an example",
    "js/src/link.ts": "the ways of one page, which share what is tried, what failed and when to try again",
    "livewidget/session/tool_runner.py": "a call from its admission to its answer",
}


@dataclass(frozen=True)
class Finding:
    """One thing that stands out."""

    where: str
    what: str


def modules(root: Path) -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(tree: ast.Module, names: set[str]) -> set[str]:
    """Return those of `names` that this module imports, at its top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & names


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, int]]:
    """Yield the qualified name and the number of lines of each function."""
    for node in ast.iter_child_nodes(tree):
        name = inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{inside}.{node.name}".lstrip(".")
            if not isinstance(node, ast.ClassDef):
                yield name, (node.end_lineno or node.lineno) - node.lineno + 1
        yield from functions(node, name)


def findings(root: Path) -> list[Finding]:
    """Return what stands out in the tree at `root`."""
    paths = modules(root)
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    lines = {name: count_lines(path) for name, path in paths.items()}
    uses = {name: imported(tree, set(paths) - {name}) for name, tree in trees.items()}
    found = []
    for name, path in paths.items():
        importers = [other for other, used in uses.items() if name in used]
        if path.stem != "__init__" and lines[name] < SMALL_LINES and len(importers) == 1:
            where = path.relative_to(root).as_posix()
            found.append(Finding(where, f"{lines[name]} lines, imported by {importers[0]} only"))
    page = [path for path in sorted((root / "js" / "src").rglob("*")) if path.suffix in (".ts", ".css")]
    for path in [*paths.values(), *page]:
        if (count := count_lines(path)) > LARGE_LINES:
            found.append(Finding(path.relative_to(root).as_posix(), f"{count} lines"))
    for name, tree in trees.items():
        where = paths[name].relative_to(root).as_posix()
        for function, count in functions(tree):
            if count > LONG_LINES:
                found.append(Finding(f"{where}:{function}", f"{count} lines"))
    return found


def count_lines(path: Path) -> int:
    """Return how many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


def report(root: Path, stays: dict[str, str]) -> tuple[list[str], bool]:
    """Return the report's lines, and whether everything found has its reason."""
    found = findings(root)
    lines = [f"{one.where}: {one.what}: {stays.get(one.where, 'NO REASON in STAYS')}" for one in found]
    places = {one.where for one in found}
    stale = sorted(set(stays) - places)
    lines += [f"{where}: no longer stands out; take it off STAYS" for where in stale]
    sizes = [count_lines(path) for path in modules(root).values()]
    lines.append(
        f"{PACKAGE}: {len(sizes)} files (at most {MOST_FILES}), "
        f"median {statistics.median(sizes):g} lines (at least {MEDIAN_LINES})"
    )
    return lines, places <= set(stays) and not stale


def main() -> int:
    """Print the report."""
    lines, good = report(ROOT, STAYS)
    print("\n".join(lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
