"""What the saved transcript costs per turn in a long talk: bytes that are published, and time.

`python benchmarks/transcript.py`. A turn every five seconds, by a clock that is set; the last ten turns
before 10, 100 and 1,000 are counted. "every turn" publishes the whole transcript with each turn, which is
what the bound is there to prevent.
"""

from __future__ import annotations

import time

from livewidget.clock import ManualClock
from livewidget.turns import Span, Turn
from livewidget.ui.transcript import Transcript

EVERY_S = 5.0
WORDS = "Twelve is what you get when you add five to seven, and you may count on your fingers to make sure."
#: Turns over which costs are averaged: several times as long as the longest wait between two publications.
OVER = 100


def measure(count: int, *, every_turn: bool) -> tuple[float, float]:
    """Return bytes and milliseconds per turn, around turn `count`."""
    clock = ManualClock()
    published: list[int] = []
    transcript = Transcript(
        "model", lambda data, *_: published.append(sum(map(len, data.values()))), clock=clock
    )
    turns = [turn(index) for index in range(max(0, count - OVER))]
    transcript.display(turns)
    published.clear()
    spent = 0.0
    added = count - len(turns)
    for index in range(len(turns), count):
        turns.append(turn(index))
        clock.advance(EVERY_S * 1000)
        began = time.perf_counter()
        transcript.update(list(turns))
        if every_turn:
            transcript.flush()
        spent += time.perf_counter() - began
    return sum(published) / added, spent / added * 1000


def turn(index: int) -> Turn:
    """Return a turn as people and models make them."""
    return Turn(index=index, speaker=("user", "model")[index % 2], spans=(Span(WORDS),), final=True)


def main() -> None:
    """Print the table."""
    print(f"{'turns':>6}  {'every turn':>24}  {'as it is':>24}")
    for count in (10, 100, 1000):
        cells = [measure(count, every_turn=every_turn) for every_turn in (True, False)]
        print(f"{count:>6}  " + "  ".join(f"{size / 1000:9.1f} kB {ms:8.2f} ms" for size, ms in cells))


if __name__ == "__main__":
    main()
