"""Cells that several tests and benchmarks run in the kernel."""

from pathlib import Path

#: A talk with the tutor.
FIRST = "from livewidget import LiveWidget\nlive = LiveWidget()\nlive"

#: Before it: a talk that has only the comm, through the notebook's server and the kernel's queue.
NO_SOCKET = "import os; os.environ['LIVEWIDGET_SOCKET'] = '0'\n"

#: Notes each packet of a page's microphone when the kernel takes it in, whichever way it came:
#: [captured_ms, wall clock in ms, length in ms, stale] in `arrived`, its number in `numbers`.
WATCH = """
import time
from livewidget.ui.channels import JitterBuffer
arrived, numbers = [], []
def watched(self, seq, message, data, now_ms, receive=JitterBuffer.receive):
    arrived.append((message.captured_ms, time.time() * 1000, len(data) / 32, message.stale))
    numbers.append(seq)
    return receive(self, seq, message, data, now_ms)
JitterBuffer.receive = watched
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
