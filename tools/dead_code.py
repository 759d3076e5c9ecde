"""Report code of the library that nothing uses, as found by vulture; part of `make check`.

Only `livewidget/` is read, so what is used by tests alone is reported too. Fields of structs that are sent
are skipped, because the other side reads them: the wire, and the messages between kernel and page. Everything
else that vulture cannot see in use has its reason in `ALLOWED`. The exit code is 1 if a finding has no entry
there, or if an entry matches nothing any more.

    python tools/dead_code.py
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).resolve().parent.parent
#: Vulture gives 60 to a name that is used nowhere, 100 to a variable or an import that cannot be used.
CONFIDENCE = 60
#: Modules with structs whose fields the other side reads.
SENT = ("protocol/", "messages")

#: Names that vulture reports, by who uses them.
USERS = {
    "for users, see docs/public-surface.txt": (
        "admits",
        "GenAISession",
        "advance",
        "dropped_frames",
        "is_on",
        "lost_chunks",
        "open_in_browser",
        "playback_gaps_ms",
        "repeated_messages",
        "save_wire",
        "send_image",
        "send_tool_result",
        "simulate",
        "stale_chunks",
        "to_jsonl",
        "unplayed_audio_ms",
        "unreadable_messages",
    ),
    "called or passed by this name: by Python": (
        "__context__",
        "__dir__",
        "__getattr__",
        "__signature__",
        "_print_message",
        "memo",
        "trace",
    ),
    "called or passed by this name: by IPython": (
        "_ipython_display_",
        "_render_traceback_",
        "_repr_html_",
        "exclude",
        "include",
    ),
    "read by the Gen AI SDK": ("http_options",),
    "called by this name: by the Agent Development Kit": ("_get_declaration", "run_async", "tool_context"),
    "called or read by this name: by LiveKit": (
        "_in_user_activity",
        "capture_text",
        "clear_buffer",
        "on_attached",
        "on_detached",
    ),
    "called by this name: by urllib and websockets": ("process_redirect", "redirect_request"),
    "read or called by uvicorn, and by the part of websockets that it uses": (
        "access_log",
        "close_timer",
        "debug",
        "handle_parser_exception",
        "loaded_app",
    ),
    "called or passed by this name: by Pipecat, and by bots for Daily": (
        "get_client_id",
        "on_push_frame",
        "pipeline_idle_timeout_secs",
        "write_audio_frame",
    ),
    "read by ctypes": ("argtypes", "restype"),
    "looked up by name, as a row of the table of features asks": (
        "manual_activity",
        "thinks_by_budget",
        "thinks_by_level",
        "transcript_hints",
    ),
    "summed by name with the other counts of a usage report": ("cached_tokens",),
}
ALLOWED = {name: reason for reason, names in USERS.items() for name in names}


def fields(path: Path) -> set[int]:
    """Return the lines of a module on which classes annotate their fields."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {node.lineno for one in classes for node in one.body if isinstance(node, ast.AnnAssign)}


def unused(package: Path) -> list[tuple[str, str]]:
    """Return what nothing in a package uses: each name, and a line that says where it stands."""
    finder = Vulture()
    finder.scavenge([str(package)])
    found = []
    for item in finder.get_unused_code(min_confidence=CONFIDENCE):
        path = Path(item.filename)
        where = path.relative_to(package).as_posix()
        sent = any(part in where for part in SENT) and item.first_lineno in fields(path)
        if not sent:
            found.append(
                (item.name, f"{package.name}/{where}:{item.first_lineno}: unused {item.typ} {item.name}")
            )
    return found


def report(found: Iterable[tuple[str, str]], allowed: dict[str, str]) -> list[str]:
    """Return a line for each finding that is not allowed, and for each entry that matches none."""
    found = list(found)
    lines = [line for name, line in found if name not in allowed]
    stale = sorted(set(allowed) - {name for name, _ in found})
    return lines + [f"{name}: is used now, or is gone; take it off ALLOWED" for name in stale]


def main() -> int:
    """Print the report."""
    lines = report(unused(ROOT / "livewidget"), ALLOWED)
    print("\n".join(lines) or "No unused code.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
