"""How long `import livewidget` takes beyond `import anywidget`, and how large the bundle is.

The two imports run in turn, each in a fresh interpreter, so that what else the machine does falls on both
alike; the difference is taken pair by pair. Usage: `python benchmarks/import_time.py [pairs]`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 15
AIM_MS = 100
AIM_KB = 100

# Attributes are imported lazily: what a user writes first has to be named.
OURS = "from livewidget import LiveWidget"
THEIRS = "import anywidget"


def import_ms(statement: str) -> float:
    """Return how long `statement` takes in a fresh interpreter, in milliseconds."""
    code = (
        f"import time\nstart = time.perf_counter()\n{statement}\nprint((time.perf_counter() - start) * 1000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return float(done.stdout)


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    import_ms(OURS)  # writes the compiled files
    import_ms(THEIRS)
    times = [(import_ms(OURS), import_ms(THEIRS)) for _ in range(pairs)]
    ours, theirs = (sorted(column) for column in zip(*times, strict=True))
    beyond = sorted(one - other for one, other in times)
    print(f"{OURS}: {statistics.median(ours):.0f} ms; {THEIRS}: {statistics.median(theirs):.0f} ms")
    print(
        f"beyond anywidget, {pairs} pairs: median {statistics.median(beyond):.0f} ms, "
        f"{beyond[0]:.0f} to {beyond[-1]:.0f} ms (aim: at most {AIM_MS} ms)"
    )
    for name in ("widget.js", "widget.css"):
        data = (ROOT / "livewidget" / "static" / name).read_bytes()
        print(f"{name}: {len(data) / 1024:.1f} KB, {len(zlib.compress(data, 9)) / 1024:.1f} KB compressed")
    total = sum(path.stat().st_size for path in (ROOT / "livewidget" / "static").glob("widget.*")) / 1024
    print(f"bundle: {total:.1f} KB (aim: at most {AIM_KB} KB)")


if __name__ == "__main__":
    main()
