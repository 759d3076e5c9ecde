"""What one message, or one turn, of very many parts costs: seconds to decode, and to fold into turns.

The cost should follow the bytes: four times the parts should take about four times as long.

    python benchmarks/large_messages.py [--parts 8000]
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from livewidget.models import find
from livewidget.protocol import ServerDecoder
from livewidget.turns import tracker_for

MODEL = find("gemini-3.8-live", "gemini")


def messages(parts: int) -> dict[str, list[dict[str, Any]]]:
    """Return frames by what there is much of in them."""

    def calls(prefix: str) -> list[dict[str, Any]]:
        return [{"id": f"{prefix}{number}", "name": "f", "args": {}} for number in range(parts)]

    def turn(part: dict[str, Any]) -> dict[str, Any]:
        return {"serverContent": {"modelTurn": {"parts": [part] * parts}}}

    in_parts = {"modelTurn": {"parts": [{"functionCall": call} for call in calls("a")]}}
    return {
        "text in one message": [turn({"text": "word "})],
        "thoughts in one message": [turn({"text": "word ", "thought": True})],
        "calls in one message": [{"toolCall": {"functionCalls": calls("a")}}],
        "calls both ways": [{"serverContent": in_parts, "toolCall": {"functionCalls": calls("b")}}],
        "transcripts of an answer": [{"serverContent": {"outputTranscription": {"text": "word "}}}] * parts,
        "transcripts of a question": [{"serverContent": {"inputTranscription": {"text": "word "}}}] * parts,
    }


def seconds(frames: list[dict[str, Any]]) -> tuple[float, float]:
    """Return how long it takes to decode frames, and to fold what they say."""
    texts, decoder, tracker = [json.dumps(frame) for frame in frames], ServerDecoder(), tracker_for(MODEL)
    begun = time.perf_counter()
    events = [event for text in texts for event in decoder.decode(text)]
    decoded = time.perf_counter()
    for at_ms, event in enumerate(events):
        tracker.fold(event, float(at_ms))
    return decoded - begun, time.perf_counter() - decoded


def main() -> None:
    """Print a line for each kind: at a number of parts, and at four times as many."""
    parser = argparse.ArgumentParser(description="What messages of very many parts cost.")
    parser.add_argument("--parts", type=int, default=8_000)
    parts = parser.parse_args().parts
    for name, few in messages(parts).items():
        one, four = sum(seconds(few)), sum(seconds(messages(4 * parts)[name]))
        print(f"{name:28} {parts:6} {one:.3f} s   {4 * parts:6} {four:.3f} s   {four / one:4.1f} times")


if __name__ == "__main__":
    main()
