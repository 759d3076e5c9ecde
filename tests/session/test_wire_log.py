"""The log of the wire."""

import asyncio
import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.clock import ManualClock
from livewidget.connection import Gemini
from livewidget.errors import ServerFault
from livewidget.events import TurnComplete
from livewidget.protocol import audio_message
from livewidget.protocol.messages import SessionResumptionUpdate
from livewidget.session import LiveSession, ReconnectPolicy
from livewidget.session.wire_log import BYTES, FRAMES, LARGE, WireLog
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from tests.peer import Peer, until

CANARY = "canary-0123456789-canary"


@pytest.fixture
def clock():
    return ManualClock()


def test_frames_have_number_time_and_gap(clock):
    log = WireLog(clock)
    clock.advance(1000)
    log.on_frame(True, '{"setup": {"model": "m"}}')
    clock.advance(40)
    log.on_frame(False, b'{"setupComplete": {}}')
    clock.advance(2)
    log.on_close(False, 1011, "Internal error encountered.")
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
        log.on_frame(True, f'{{"number": {number}}}')
    assert (len(log), log.lost, log.frames[0].number) == (FRAMES, 10, 11)


def test_a_frame_that_a_page_has_dated_stands_at_its_time(clock):
    log = WireLog(clock)
    clock.advance(1000)
    log.on_frame(True, "{}")
    clock.advance(60_000)
    log.on_frame(False, "{}", 1250.0)
    log.on_frame(True, "{}", 1200.0)  # of another clock, told later
    assert [(frame.at_ms, frame.gap_ms) for frame in log.frames] == [
        (0.0, None),
        (250.0, 250.0),
        (200.0, 0.0),
    ]


def test_bytes_are_bounded_too(clock):
    log = WireLog(clock)
    frame = json.dumps({"realtimeInput": {"text": "x" * 100_000}})
    for _ in range(100):
        log.on_frame(True, frame)
    assert len(log) == BYTES // len(frame)
    assert log.lost == 100 - len(log)
    huge = json.dumps({"realtimeInput": {"text": "x" * (2 * BYTES)}})
    for _ in range(BYTES // LARGE + 1):
        log.on_frame(True, huge)
    assert len(log) == BYTES // LARGE


def test_who_looks_is_told_and_may_fail(clock):
    failures, seen = [], []
    log = WireLog(clock, on_error=failures.extend)
    log.on_frame(True, "{}")
    leave = log.subscribe(seen.append)
    log.subscribe(lambda frame: 1 / 0)
    log.on_frame(True, "{}")
    leave()
    log.on_frame(True, "{}")
    assert [frame.number for frame in seen] == [2]
    assert [type(error) for error in failures] == [ZeroDivisionError] * 2


def test_nothing_is_worked_out_before_somebody_looks(clock):
    """The hot path: what a frame costs that nobody looks at does not depend on what it holds."""
    looked = []
    log = WireLog(clock, redact=lambda text: looked.append(text) or text)
    log.on_frame(True, audio_message(bytes(3200)))
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
    log = WireLog(ManualClock(), redact=lambda text: text.replace(CANARY, "…"))
    for frame in frames:
        if isinstance(frame, tuple):
            log.on_close(False, *frame)
        else:
            log.on_frame(False, frame)
    shown = log.to_jsonl() + repr(log) + repr(log.frames) + "".join(frame.text for frame in log.frames)
    assert CANARY not in shown


def test_a_frame_cannot_be_saved_as_it_is(clock):
    log = WireLog(clock)
    log.on_frame(True, json.dumps({"setup": {"sessionResumption": {"handle": CANARY}}}))
    for save in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not saved"):
            save(log.frames[0])


# --- In a session -------------------------------------------------------------------------------------------


async def test_the_log_has_every_frame_from_the_setup_to_the_close():
    peer = Peer()
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await session.send_text("Hello")
        await session.send_audio(bytes(3200))
        await peer.send(session_resumption_update=SessionResumptionUpdate(new_handle=CANARY, resumable=True))
        await peer.answer("Hi.")
        await until(stream, TurnComplete)
    kinds = [(frame.outgoing, frame.kind) for frame in session.wire.frames]
    assert kinds == [
        (True, "setup"),
        (False, "setupComplete"),
        (True, "clientContent"),
        (True, "realtimeInput.audio"),
        (False, "sessionResumptionUpdate"),
        (False, "serverContent.modelTurn+outputTranscription"),
        (False, "serverContent.turnComplete"),
        (True, "close"),
    ]
    assert session.handle == CANARY
    assert CANARY not in session.wire.to_jsonl() + repr(session.wire.frames) + repr(session)


async def test_how_the_server_closed_is_in_the_log_without_the_key(tmp_path):
    tutor = StandIn(ears=lambda sound: "hello", brain=lambda text: text, voice=lambda text: np.zeros(480))
    async with Server(tutor, key=CANARY) as server:
        gemini = Gemini(base_url=server.ws, api_key=CANARY)
        session = LiveSession(gemini, reconnect=ReconnectPolicy(enabled=False))
        async with session:
            assert await session.ask("hello")
            async with asyncio.timeout(5):
                while session.link_ms is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            tutor.simulate("internal")
            with pytest.raises(ServerFault):
                async for _ in session:
                    pass
    (end,) = (frame for frame in session.wire.frames if frame.kind == "close")
    assert (end.outgoing, end.json["code"]) == (False, 1011)
    assert CANARY not in session.wire.to_jsonl()


def test_what_is_saved_of_a_frame_acts_on_nothing_and_says_the_same(clock):
    text = "a\x1b[2J\x9b31mb\u202ec\u200bd\u2028e\x7f\U000e0041"
    log = WireLog(clock)
    log.on_frame(False, json.dumps({"serverContent": {"outputTranscription": {"text": text}}}))
    (frame,) = log.frames
    assert frame.line().isprintable()
    assert json.loads(frame.line())["json"]["serverContent"]["outputTranscription"]["text"] == text
