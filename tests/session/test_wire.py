"""The log of the wire."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.clock import ManualClock
from livewidget.protocol import audio_message
from livewidget.session.wire import BYTES, FRAMES, LARGE, WireLog

CANARY = "canary-0123456789-canary"


@pytest.fixture
def clock():
    return ManualClock()


def test_frames_have_number_time_and_gap(clock):
    log = WireLog(clock)
    clock.advance(1000)
    log.frame(True, '{"setup": {"model": "m"}}')
    clock.advance(40)
    log.frame(False, b'{"setupComplete": {}}')
    clock.advance(2)
    log.closed(False, 1011, "Internal error encountered.")
    seen = [(f.number, f.at_ms, f.gap_ms, f.outgoing, f.kind, f.size) for f in log.frames]
    assert seen == [
        (1, 0, None, True, "setup", 25),
        (2, 40, 40, False, "setupComplete", 21),
        (3, 42, 2, False, "close", 27),
    ]
    assert log.frames[-1].json == {"code": 1011, "reason": "Internal error encountered."}
    lines = [json.loads(line) for line in log.to_jsonl().splitlines()]
    assert [line["way"] for line in lines] == ["out", "in", "in"]
    assert lines[0]["json"] == {"setup": {"model": "m"}}


def test_the_oldest_frames_give_way(clock):
    log = WireLog(clock)
    for number in range(FRAMES + 10):
        log.frame(True, f'{{"number": {number}}}')
    assert (len(log), log.lost, log.frames[0].number) == (FRAMES, 10, 11)


def test_bytes_are_bounded_too(clock):
    log = WireLog(clock)
    frame = json.dumps({"realtimeInput": {"text": "x" * 100_000}})
    for _ in range(100):
        log.frame(True, frame)
    assert len(log) == BYTES // len(frame)
    assert log.lost == 100 - len(log)
    huge = json.dumps({"realtimeInput": {"text": "x" * (2 * BYTES)}})
    for _ in range(BYTES // LARGE + 1):
        log.frame(True, huge)
    assert len(log) == BYTES // LARGE


def test_who_looks_is_told_and_may_fail(clock):
    failures, seen = [], []
    log = WireLog(clock, failed=failures.extend)
    log.frame(True, "{}")
    leave = log.subscribe(seen.append)
    log.subscribe(lambda frame: 1 / 0)
    log.frame(True, "{}")
    leave()
    log.frame(True, "{}")
    assert [frame.number for frame in seen] == [2]
    assert [type(error) for error in failures] == [ZeroDivisionError] * 2


def test_nothing_is_worked_out_before_somebody_looks(clock):
    """The hot path: what a frame costs that nobody looks at does not depend on what it holds."""
    looked = []
    log = WireLog(clock, hide=lambda text: looked.append(text) or text)
    log.frame(True, audio_message(bytes(3200)))
    assert looked == []
    assert log.frames[0].json["realtimeInput"]["audio"]["audio"]["ms"] == 100
    assert looked


@given(
    st.lists(
        st.sampled_from(
            [
                json.dumps({"setup": {"sessionResumption": {"handle": CANARY}}}),
                json.dumps({"setup": {"session_resumption": {"handle": CANARY}}}),
                json.dumps({"sessionResumptionUpdate": {"newHandle": CANARY, "resumable": True}}).encode(),
                json.dumps({"error": {"message": f"key {CANARY} is bad"}}),
                json.dumps({CANARY: CANARY}),
                json.dumps({"toolCall": {"functionCalls": [{"args": {"access_token": [CANARY]}}]}}),
                CANARY,
                CANARY.encode() + b"\xff",
                (1007, f"API key {CANARY} not valid."),
            ]
        ),
        min_size=1,
        max_size=20,
    )
)
def test_no_secret_is_shown_or_saved(frames):
    log = WireLog(ManualClock(), hide=lambda text: text.replace(CANARY, "…"))
    for frame in frames:
        if isinstance(frame, tuple):
            log.closed(False, *frame)
        else:
            log.frame(False, frame)
    shown = log.to_jsonl() + repr(log) + repr(log.frames) + "".join(frame.text for frame in log.frames)
    assert CANARY not in shown


def test_a_frame_cannot_be_saved_as_it_is(clock):
    log = WireLog(clock)
    log.frame(True, json.dumps({"setup": {"sessionResumption": {"handle": CANARY}}}))
    for save in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not saved"):
            save(log.frames[0])
