"""How long `import livewidget` takes beyond `import anywidget`, and how large the bundle is.

The two imports run in turn, each in a fresh interpreter, so that what else the machine does falls on both
alike; the difference is taken pair by pair. All are compiled before, as pip does when it installs, into a
folder of the benchmark's own: a checkout may be kept free of compiled files, and would be compiled anew each
time. Usage: `python benchmarks/import_time.py [pairs]`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 15
AIM_MS = 100
AIM_KB = 100

# Names are imported when they are first used: the bare import says little, what a user writes first counts.
OURS = ("import livewidget", "from livewidget import LiveWidget")
THEIRS = "import anywidget"


def import_ms(statement: str, compiled: str) -> float:
    """Return how long `statement` takes in a fresh interpreter, in milliseconds.

    Args:
        statement: What is run and timed.
        compiled: Folder of the compiled files, read and written.
    """
    code = (
        f"import time\nstart = time.perf_counter()\n{statement}\nprint((time.perf_counter() - start) * 1000)"
    )
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    return float(done.stdout)


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    with tempfile.TemporaryDirectory() as compiled:
        for statement in (*OURS, THEIRS):
            import_ms(statement, compiled)  # writes the compiled files
        rounds = [[import_ms(statement, compiled) for statement in (*OURS, THEIRS)] for _ in range(pairs)]
    bare, ours, theirs = (list(column) for column in zip(*rounds, strict=True))
    for statement, times in zip((*OURS, THEIRS), (bare, ours, theirs), strict=True):
        print(
            f"{statement}: median {statistics.median(times):.0f} ms, {min(times):.0f} to {max(times):.0f} ms"
        )
    beyond = sorted(one - other for one, other in zip(ours, theirs, strict=True))
    print(
        f"LiveWidget beyond anywidget, {pairs} pairs: median {statistics.median(beyond):.0f} ms, "
        f"{beyond[0]:.0f} to {beyond[-1]:.0f} ms (aim: at most {AIM_MS} ms)"
    )
    for name in ("widget.js", "widget.css"):
        data = (ROOT / "livewidget" / "static" / name).read_bytes()
        print(f"{name}: {len(data) / 1024:.1f} KB, {len(zlib.compress(data, 9)) / 1024:.1f} KB compressed")
    total = sum(path.stat().st_size for path in (ROOT / "livewidget" / "static").glob("widget.*")) / 1024
    print(f"bundle: {total:.1f} KB (aim: at most {AIM_KB} KB)")


if __name__ == "__main__":
    main()
