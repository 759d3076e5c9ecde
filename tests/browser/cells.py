"""Cells that several tests and benchmarks run in the kernel."""

from pathlib import Path

#: A talk with the tutor.
FIRST = "from livewidget import LiveWidget\nlive = LiveWidget()\nlive"

#: Notes each microphone chunk of the page as it comes in: (seq, captured_ms, wall clock in ms) in `arrived`.
WATCH = """
import time
arrived = []
inner = live._handle_msg
def watch(message):
    content = message.get("content", {}).get("data", {}).get("content", {})
    if isinstance(content, dict) and content.get("lane") == "microphone":
        arrived.append((content["seq"], content["body"]["captured_ms"], time.time() * 1000))
    inner(message)
live._handle_msg = watch
live.comm.on_msg(watch)
"""


def busy(kind: str, seconds: float) -> str:
    """A cell that keeps the kernel busy: "sleep", a loop in "python", or one in "numpy"."""
    return {
        "sleep": f"import time; time.sleep({seconds})",
        "python": f"import time\nend = time.time() + {seconds}\nx = 0\nwhile time.time() < end: x += 1",
        "numpy": (
            f"import time, numpy as np\nend = time.time() + {seconds}\na = np.random.rand(400, 400)\n"
            "while time.time() < end:\n    a = a @ a\n    a /= a.max()"
        ),
    }[kind]


def busy_until(kind: str, over: Path) -> str:
    """Such a cell that ends soon after there is a file `over`, which it looks for a few times a second."""
    work = {
        "sleep": "time.sleep(0.2)",
        "python": "for x in range(3_000_000): x += 1",
        "numpy": "for _ in range(100):\n        a = a @ a\n        a /= a.max()",
    }[kind]
    return (
        "import os, time, numpy as np\na = np.random.rand(400, 400)\n"
        f"while not os.path.exists({str(over)!r}):\n    {work}"
    )
