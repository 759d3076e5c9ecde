"""Phone calls: a caller in VoxEngine's place over real sockets, the server, and a real stand-in behind it."""

import asyncio
import contextlib
import gc
import json
import logging
import os
import shutil
import sys
import tracemalloc
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livewidget import Gemini, LiveWidget, StandIn
from livewidget.errors import KeyMissing, StateError, UsageError
from livewidget.integrations import voximplant, voximplant_stream
from livewidget.integrations.voximplant import answer_calls, scenario
from livewidget.standin.script import Script, When
from livewidget.turns import Floor
from livewidget.ui import messages as m
from livewidget.widget.background import background
from tests.speech import spoken
from tests.widget.jupyter import WidgetPage, comms, end, threads
from tools import setup

from .voxengine import VoxEngine

__all__ = ["comms"]
pytestmark = pytest.mark.usefixtures("comms")
RATE = 24_000
#: They wait for time to pass; `make clients` runs them.
slow = pytest.mark.long
#: A tone of 440 Hz, 0.1 s, and of 4 s.
SHORT, LONG = (
    (np.sin(np.arange(int(RATE * seconds)) * 2 * np.pi * 440 / RATE) * 12_000).astype("<i2").tobytes()
    for seconds in (0.1, 4)
)
#: A word begins every 0.4 s.
WORDS = [
    (f"{number} ", at * 9_600)
    for at, number in enumerate(["one", "two", "three", "four", "five", "six", "seven"])
]


class Counted(StandIn):
    """Counts how often it is dialed."""

    dialed = 0

    async def dial(self):
        self.dialed += 1
        return await super().dial()


def answering(sound=SHORT, words=(("Hello.", 0),), *, samples=3_200, more=()):
    """A stand-in that answers as soon as the caller was on the line for 0.2 s."""
    steps = [When("audio", [Script.input_transcript("hello"), *Script.answer(sound, words)], samples=samples)]
    script = Script([*steps, *more])
    return Counted(script=script), script


def typed(script):
    """What the model was given to read."""
    texts = []
    for message in script.received:
        turns = (message.client_content.turns if message.client_content else None) or ()
        texts += [part.text for turn in turns for part in turn.parts]
        texts.append(message.realtime_input.text if message.realtime_input else None)
    return [text for text in texts if text]


def hertz(sound, rate):
    """The loudest frequency."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return np.argmax(spectrum) * rate / len(sound)


async def happens(test, within_s=10.0):
    """Wait for what nothing tells of."""
    async with asyncio.timeout(within_s):
        while not test():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.fixture
def live():
    made = []

    def make(provider, **more):
        made.append(LiveWidget(provider, **more))
        return made[-1]

    yield make
    for widget in made:
        end(widget)


# --- What is said ---


@pytest.mark.parametrize(
    ("encoding", "rate"),
    [
        ("PCM16", 16_000),
        ("ULAW", 8_000),
        pytest.param("PCM8", 8_000, marks=slow),
        pytest.param("ALAW", 8_000, marks=slow),
    ],
)
async def test_a_call_in_each_encoding(encoding, rate):
    provider, script = answering(LONG[:RATE], WORDS[:2])
    with answer_calls(provider, port=0) as calls:
        async with VoxEngine(calls.url, encoding, rate) as vox:
            vox.say(0.3 * np.sin(np.arange(rate // 4) * 2 * np.pi * 1_000 / rate).astype(np.float32), rate)
            await vox.until(lambda: len(vox.heard) >= rate // 2)
            (call,) = calls.calls
        await happens(lambda: calls.ended)
    assert vox.violations == []
    assert [(turn.speaker, turn.text) for turn in call.turns] == [
        ("user", "hello"),
        ("model", "one two "),
    ]
    heard = vox.heard[: rate // 2]
    assert hertz(heard, rate) == pytest.approx(440, abs=3)
    assert np.sqrt(np.mean(heard[200:-200] ** 2)) == pytest.approx(12_000 / 32_768 / np.sqrt(2), rel=0.03)
    sent = [message.realtime_input.audio for message in script.received if message.realtime_input]
    audio = b"".join(blob.data for blob in sent if blob is not None)
    assert {blob.mime_type for blob in sent if blob is not None} == {"audio/pcm;rate=16000"}
    assert hertz(np.frombuffer(audio, "<i2").astype(np.float32), 16_000) == pytest.approx(1_000, abs=5)
    assert (call.stats.lost, call.stats.late, call.stats.unreadable) == (0, 0, 0)
    assert (call.ending, call.number, call.caller) == ("The caller hung up.", "+4915112345678", "+49 … 56 78")


@slow
async def test_lost_chunks_are_counted_and_the_call_goes_on():
    provider, _ = answering()
    with answer_calls(provider, port=0) as calls:
        async with VoxEngine(calls.url, keep=lambda chunk: chunk % 10) as vox:
            await vox.until(lambda: vox.heard.any())
            await happens(lambda: calls.calls[0].stats.lost >= 2)
    assert vox.violations == []


async def test_where_the_caller_interrupts_the_sound_stops_and_the_text_is_cut_where_it_was_heard():
    more = [When("audio", Script.interrupted(), samples=16_000)]
    provider, _ = answering(LONG, WORDS, more=more)
    with answer_calls(provider, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.has("clear_media_buffer"))
            (call,) = calls.calls
            await happens(lambda: call.turns[-1].heard_sample is not None)
            heard, turn = len(vox.heard) / 16_000, call.turns[-1]
            await asyncio.sleep(0.2)
            assert len(vox.heard) / 16_000 == heard
    assert vox.violations == []
    assert turn.interrupted
    assert 0.5 < heard < 3.5
    # The caller's end and this one agree on what was heard, but for what lies between two threads.
    assert turn.heard_sample / RATE == pytest.approx(heard, abs=0.2)
    assert turn.text == "".join(word for word, at in WORDS if at < turn.heard_sample).strip()


@slow
async def test_a_scenario_that_clears_nothing_falls_silent_within_a_second():
    more = [When("audio", Script.interrupted(), samples=16_000)]
    provider, _ = answering(LONG, more=more)
    with answer_calls(provider, port=0) as calls:
        async with VoxEngine(calls.url, clears=False) as vox:
            await vox.until(lambda: vox.has("clear_media_buffer"))
            heard = len(vox.heard)
            await asyncio.sleep(1.0)
            assert len(vox.heard) - heard <= 16_000
    assert vox.violations == []


async def test_a_hang_up_in_mid_answer_cuts_the_text_and_ends_the_session(live):
    provider, _script = answering(LONG, WORDS)
    widget = live(provider)
    with answer_calls(widget, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: len(vox.heard) > 16_000)
        heard = len(vox.heard) / 16_000
        await happens(lambda: calls.ended and widget.phase == "ended")
        turn = widget.turns[-1]
    assert (turn.interrupted, calls.ended[0].turns[-1]) == (True, turn)
    assert turn.heard_sample / RATE == pytest.approx(heard, abs=0.3)
    assert turn.text == "".join(word for word, at in WORDS if at < turn.heard_sample).strip()
    assert turn.heard_sample < 2 * RATE
    assert vox.violations == []


async def test_hanging_up_here_tells_the_scenario_and_ends_the_stream():
    provider, _ = answering(LONG)
    with answer_calls(provider, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: len(vox.heard) > 1_600)
            call = calls.calls[0]
            call.hang_up()
            await vox.until(lambda: vox.is_over)
        await happens(lambda: calls.ended)
    assert [event.get("event") or event.get("customEvent") for event in vox.events[:-1]] == [
        "ready",
        "start",
        "stop",
        "hang_up",
    ]
    assert vox.events[-1] == {"close": 1000, "reason": "The call was hung up here."}
    assert (vox.violations, call.is_on, call.ending) == ([], False, "The call was hung up here.")


async def test_a_tool_hangs_up_once_the_caller_has_heard_the_answer(live):
    steps = [
        When("audio", [Script.tool_call("say_goodbye")], samples=1_600),
        When("tool_result", Script.answer(LONG[:RATE], [("Goodbye.", 0)])),
    ]
    widget = live(StandIn(script=Script(steps)))

    @widget.tool
    def say_goodbye() -> str:
        """End the call."""
        calls.calls[0].hang_up(after_answer=True)
        return "say goodbye"

    with answer_calls(widget, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.is_over)
        await happens(lambda: calls.ended)
    assert len(vox.heard) == 8_000
    turn = calls.ended[0].turns[-1]
    assert (turn.text, turn.interrupted, calls.ended[0].ending) == (
        "Goodbye.",
        False,
        "The call was hung up here.",
    )
    assert vox.violations == []


async def test_keys_reach_the_model_as_text(monkeypatch):
    monkeypatch.setattr(voximplant_stream, "DIGITS_MS", 200.0)
    script = Script([When("text", Script.answer(SHORT))], repeat=True)
    with answer_calls(StandIn(script=script), port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.press("12#x")
            await vox.until(lambda: vox.heard.any())
            await vox.press("*")
            await happens(lambda: len(typed(script)) == 2)
    assert typed(script) == ["The caller pressed 1 2.", "The caller pressed *."]
    assert (vox.violations, calls.ended[0].stats.unreadable) == ([], 0)


async def test_the_model_speaks_first_where_it_is_told_to():
    script = Script([When("text", Script.answer(SHORT))])
    with answer_calls(StandIn(script=script), port=0, greeting="Greet the caller.") as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.heard.any())
    assert typed(script) == ["Greet the caller."]


@slow
async def test_a_stream_that_leaves_silence_out_counts_as_a_pause():
    script = Script([When("audio_end", Script.answer(SHORT))])
    with answer_calls(StandIn(script=script), port=0) as calls:
        async with VoxEngine(calls.url, keep=lambda chunk: chunk < 20) as vox:
            await vox.until(lambda: vox.heard.any())
    assert vox.violations == []


@slow
@pytest.mark.voice
@pytest.mark.parametrize(
    ("encoding", "rate"), [("PCM16", 16_000), ("PCM8", 8_000), ("ULAW", 8_000), ("ALAW", 8_000)]
)
async def test_a_spoken_question_is_understood_and_the_answer_can_be_interrupted(encoding, rate):
    # Of "seven" and "time" the tutor mishears some through 8 kHz, with or without a phone.
    questions = ("how many legs does a spider have", "tell me a story")
    legs, story = [0.6 * await asyncio.to_thread(spoken, question) for question in questions]

    def answered(times):
        return sum("eight legs" in turn.text and turn.final for turn in calls.calls[0].turns) == times

    with answer_calls("offline-tutor", port=0) as calls:
        async with VoxEngine(calls.url, encoding, rate) as vox:
            await happens(lambda: calls.calls)
            vox.say(legs, 48_000)
            await vox.until(lambda: answered(1), 30)
            await vox.until(lambda: vox.is_quiet)
            heard = len(vox.heard)
            assert heard > 0.3 * rate
            vox.say(story, 48_000)
            await vox.until(lambda: len(vox.heard) > heard + rate, 30)
            assert not vox.has("clear_media_buffer")
            vox.say(legs, 48_000)
            await vox.until(lambda: vox.has("clear_media_buffer"), 30)
            await vox.until(lambda: answered(2), 30)
            turns = calls.calls[0].turns
    assert vox.violations == []
    said = [turn.text for turn in turns if turn.speaker == "user"]
    assert said == [questions[0], questions[1], questions[0]]
    cut = next(turn for turn in turns if turn.interrupted)
    assert 0 < cut.heard_sample < cut.audio_samples


# --- Several calls ---


async def test_two_calls_have_conversations_of_their_own(live):
    provider, _ = answering(samples=1_600)
    widget = live(provider)
    with answer_calls(widget, port=0) as calls:
        async with VoxEngine(calls.url, number="+4930111111") as one:
            await happens(lambda: widget.phase == "live")
            async with VoxEngine(calls.url, "ULAW", 8_000, number="+4930222222") as two:
                await asyncio.gather(*(vox.until(lambda vox=vox: vox.heard.any()) for vox in (one, two)))
                await happens(lambda: all(call.turns[-1].final for call in calls.calls))
                first, second = calls.calls
                assert [call.caller for call in calls.calls] == ["+49 … 11 11", "+49 … 22 22"]
                assert (first.turns, len(second.turns)) == (widget.turns, 2)
                assert first.turns is not second.turns
            await happens(lambda: len(calls.calls) == 1)
            assert widget.phase == "live"
    assert one.violations + two.violations == []
    assert provider.dialed == 2


async def test_a_further_call_is_refused_in_one_sentence_and_the_others_go_on(live):
    provider, _ = answering(LONG)
    with answer_calls(live(provider), port=0, calls=1) as calls:
        async with VoxEngine(calls.url) as one:
            async with VoxEngine(calls.url) as two:
                assert two.refused == "All lines are taken; call again later."
                await two.until(lambda: two.is_over)
            heard = len(one.heard)
            await one.until(lambda: len(one.heard) > heard + 3_200)
        await happens(lambda: not calls.calls)
        async with VoxEngine(calls.url) as three:
            assert three.refused == ""
    assert one.violations == []


async def test_the_next_caller_is_told_nothing_of_the_one_before(live):
    provider, script = answering()
    widget = live(provider, history=[("user", "My name is Ada."), ("model", "Hello Ada.")])
    with answer_calls(widget, port=0) as calls:
        for count in (1, 2):
            async with VoxEngine(calls.url) as vox:
                await vox.until(lambda vox=vox: vox.heard.any())
            await happens(lambda count=count: len(calls.ended) == count and widget.phase == "ended")
    assert [text for text in typed(script) if text not in ("My name is Ada.", "Hello Ada.")] == []
    assert len(typed(script)) == 4
    assert [len(call.turns) for call in calls.ended] == [2, 2]


async def test_a_function_says_for_each_call_whom_it_is_with():
    given = []

    async def make(call):
        given.append(call.number)
        return {"provider_or_model": answering()[0], "system_instruction": "Be brief.", "explorer": True}

    with answer_calls(make, port=0) as calls:
        async with VoxEngine(calls.url, number="+331") as vox:
            await vox.until(lambda: vox.heard.any())
    assert given == ["+331"]


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (KeyMissing("No key was found."), "No key was found."),
        (RuntimeError("secret words"), "The conversation could not be prepared (RuntimeError)."),
    ],
)
async def test_a_function_that_fails_refuses_that_call_alone(raised, sentence, caplog):
    def make(call):
        if call.number == "+1":
            raise raised
        return answering()[0]

    caplog.set_level(logging.CRITICAL, "livewidget.integrations.voximplant")
    with answer_calls(make, port=0) as calls:
        async with VoxEngine(calls.url, number="+1") as bad:
            await bad.until(lambda: bad.is_over)
        assert bad.refused == sentence
        async with VoxEngine(calls.url, number="+2") as good:
            await good.until(lambda: good.heard.any())


async def test_a_session_that_cannot_be_opened_ends_the_call_with_its_sentence(live):
    widget = live(StandIn(script=Script([])))

    async def refuse():
        raise KeyMissing("There is no key for this.")

    widget._controller.provider.dial = refuse
    with answer_calls(widget, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.is_over)
    assert vox.events[-2] == {"customEvent": "hang_up", "reason": "There is no key for this."}


# --- The card ---


async def test_a_page_looks_on_during_the_first_call_and_has_microphone_and_voice_again(live):
    provider, _ = answering(LONG, WORDS)
    widget = live(provider)
    page = await asyncio.to_thread(WidgetPage, widget)
    try:
        await asyncio.to_thread(page.wait_for, m.Welcome)
        page.send(m.TakeAudio())
        await happens(lambda: page.owns)
        with answer_calls(widget, port=0) as calls:
            async with VoxEngine(calls.url) as vox:
                await vox.until(lambda: len(vox.heard) > 8_000)
                call = calls.calls[0]
                state = [seen for seen in page.seen if isinstance(seen, m.State)][-1]
                assert (state.owner, page.owns) == (call.id, False)
                assert [(view.id, view.caller, view.muted) for view in state.calls] == [
                    (call.id, "+49 … 56 78", False)
                ]
                assert any(isinstance(seen, m.TurnView) and seen.speaker == "model" for seen in page.seen)
                levels = [seen for seen, _ in page.insights if isinstance(seen, m.CallLevels)]
                assert max(peak for seen in levels for peak in seen.model) == pytest.approx(0.366, abs=0.02)
                assert 0 < max(peak for seen in levels for peak in seen.user) < 0.05
                assert page.heard == []
                page.send(m.TakeAudio())  # refused: the caller would be on a silent line
                page.send(m.Interrupt())
                await vox.until(lambda: vox.has("clear_media_buffer"))
                await happens(lambda: call.turns[-1].heard_sample is not None)
                assert not page.owns
            await happens(lambda: page.owns)
            state = [seen for seen in page.seen if isinstance(seen, m.State)][-1]
            assert (state.calls, state.phase) == ((), "ended")
    finally:
        await asyncio.to_thread(page.leave)
    assert vox.violations == []


async def test_the_page_mutes_and_hangs_up(live):
    script = Script([When("audio_end", Script.answer(SHORT))])
    widget = live(StandIn(script=script))
    page = await asyncio.to_thread(WidgetPage, widget)
    try:
        await asyncio.to_thread(page.wait_for, m.Welcome)
        with answer_calls(widget, port=0) as calls:
            async with VoxEngine(calls.url) as vox:
                await happens(lambda: calls.calls and widget.phase == "live")
                await happens(lambda: calls.calls[0].stats.received > 10)
                call = calls.calls[0]
                page.send(m.CallAction(id="call-of-nobody", action="hang_up"))
                page.send(m.CallAction(id=call.id, action="mute"))
                await vox.until(lambda: vox.heard.any())  # the model was told that the microphone pauses
                assert call.muted
                state = [seen for seen in page.seen if isinstance(seen, m.State)][-1]
                assert state.calls[0].muted
                audio = sum(
                    bool(sent.realtime_input and sent.realtime_input.audio) for sent in script.received
                )
                received = call.stats.received
                await happens(lambda: call.stats.received > received + 10)
                assert audio == sum(
                    bool(sent.realtime_input and sent.realtime_input.audio) for sent in script.received
                )
                page.send(m.CallAction(id=call.id, action="unmute"))
                await happens(
                    lambda: (
                        audio
                        < sum(
                            bool(sent.realtime_input and sent.realtime_input.audio)
                            for sent in script.received
                        )
                    )
                )
                page.send(m.CallAction(id=call.id, action="hang_up"))
                await vox.until(lambda: vox.is_over)
    finally:
        await asyncio.to_thread(page.leave)
    assert vox.events[-1]["reason"] == "The call was hung up here."


async def test_the_page_allows_a_tool_that_asks_and_without_a_page_it_is_denied(live):
    ran = []

    def open_door() -> str:
        """Open the door."""
        ran.append(True)
        return "open"

    steps = [
        When("audio", [Script.tool_call("open_door")], samples=1_600),
        When("tool_result", Script.answer(SHORT, [("Done.", 0)])),
    ]
    widget = live(StandIn(script=Script(steps)))
    widget.tool(require_approval=True)(open_door)
    with answer_calls(widget, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.heard.any())
        await happens(lambda: widget.phase == "ended")
        assert (ran, widget.turns[-1].tools[0].error is None) == ([], False)
        page = await asyncio.to_thread(WidgetPage, widget)
        try:
            await asyncio.to_thread(page.wait_for, m.Welcome)
            async with VoxEngine(calls.url) as vox:
                await happens(lambda: widget.floor is Floor.TOOL)
                page.send(m.Approve(id="fc_1", allowed=True))
                await vox.until(lambda: vox.heard.any())
        finally:
            await asyncio.to_thread(page.leave)
    assert ran == [True]


async def test_a_conversation_that_is_going_on_goes_on_after_the_call(live):
    provider = Counted(script=Script([When("text", Script.answer(SHORT))], repeat=True))
    widget = live(provider)
    await asyncio.to_thread(widget.ask, "hello", 10)
    with answer_calls(widget, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.press("1#")
            await vox.until(lambda: vox.heard.any())
            assert [turn.text for turn in calls.calls[0].turns if turn.speaker == "user"] == [
                "The caller pressed 1."
            ]
        await happens(lambda: not calls.calls)
    assert widget.phase == "live"
    assert (await asyncio.to_thread(widget.ask, "again", 10)).final
    assert provider.dialed == 1


async def test_stopping_the_conversation_hangs_up(live):
    provider, _ = answering()
    widget = live(provider)
    with answer_calls(widget, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.heard.any())
            widget.stop()
            await vox.until(lambda: vox.is_over)
    assert vox.events[-1]["reason"] == "The conversation was ended."


async def test_closing_the_widget_hangs_up_and_refuses_later_calls():
    provider, _ = answering()
    widget = LiveWidget(provider)
    with answer_calls(widget, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.heard.any())
            widget.close()
            await vox.until(lambda: vox.is_over)
        await happens(lambda: widget._controller.is_closed)
        async with VoxEngine(calls.url) as late:
            assert late.refused == "The widget of this line was closed."
        with pytest.raises(StateError, match="was closed"):
            answer_calls(widget, port=0)
        with answer_calls(provider, port=0):  # another port, and this one is of no use any more
            assert repr(calls) == "<CallServer, stopped>"


# --- What may go wrong ---

START = {"event": "start", "start": {"mediaFormat": {"encoding": "PCM16", "sampleRate": 16_000}}}
MEDIA = {"event": "media", "media": {"payload": "AAAA" * 160}}


async def refused(url, *frames):
    """Send these, and return the last sentence and the code of the close."""
    said = ""
    async with connect(url, compression=None, proxy=None) as socket:
        assert json.loads(await socket.recv()) == {"customEvent": "ready"}
        for frame in frames:
            await socket.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(10):
                while True:
                    said = json.loads(await socket.recv()).get("reason", said)
    return said, socket.close_code


NO_STREAM = "A message was not one of a media stream: JSON with event or customEvent."
BROKEN = [
    (["hello"], NO_STREAM),
    ([b"\x00\x01"], NO_STREAM),
    ([{"event": "stop"}], NO_STREAM),
    ([MEDIA], "Media came before a start message: call.sendMediaTo(webSocket) sends both."),
    (
        [{"event": "start", "start": {"mediaFormat": {"encoding": "PCM16", "sampleRate": 8_000}}}],
        "The stream is PCM16 at 8000 Hz; use PCM16 at 16000 Hz, or PCM8, ULAW or ALAW at 8000 Hz.",
    ),
    ([START, START], "A second start message came without a stop message in between."),
    ([START, *["hello"] * 50], "Too many messages could not be read."),
]


async def test_a_stream_that_breaks_the_rules_gets_one_sentence_and_disturbs_no_other(caplog):
    provider, _ = answering(LONG)
    with answer_calls(lambda call: provider, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.heard.any())
            for frames, sentence in BROKEN:
                said, code = await refused(calls.url, *frames)
                assert (said, code in (1000, 1008)) == (sentence, True)
            heard = len(vox.heard)
            await vox.until(lambda: len(vox.heard) > heard + 1_600)
            assert len(calls.calls) == 1
    assert vox.violations == []
    assert "secret=" not in caplog.text


async def test_bad_messages_in_a_call_are_counted_and_survived():
    provider, _ = answering(samples=8_000)
    bad = ["hello", *({"event": "media", "media": {"payload": payload}} for payload in ("AAAA", "?"))]
    with answer_calls(provider, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            for frame in bad:
                await vox.send(frame)
            await vox.until(lambda: vox.heard.any())
            assert calls.calls[0].stats.unreadable == 3
    warnings = [event for event in vox.events if event.get("customEvent") == "warning"]
    assert warnings == [{"customEvent": "warning", "reason": NO_STREAM}]
    assert vox.violations == []


@slow
async def test_media_between_a_stop_and_another_start_is_left_out():
    provider, _ = answering(samples=16_000)
    with answer_calls(provider, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.send({"event": "stop", "stop": {}})
            await happens(lambda: calls.calls and calls.calls[0].stats.unreadable > 2)
            await vox.send(START)
            await vox.until(lambda: vox.heard.any())


async def large(url, *frames):
    """Send these and the beginning of a message of ten megabytes, and wait for the close of that, without a library.

    asyncio 3.11 loses its way where a client still writes while the other side has closed.
    """
    host, _, path = url.removeprefix("ws://").partition("/")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    lines = [f"GET /{path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13", "", ""]
    writer.write("\r\n".join(lines).encode())
    await reader.readuntil(b"ready")
    for frame in frames:
        data = json.dumps(frame).encode()
        writer.write(b"\x81" + bytes([0x80 | 126]) + len(data).to_bytes(2, "big") + bytes(4) + data)
    writer.write(b"\x81" + bytes([0x80 | 127]) + (10_000_000).to_bytes(8, "big") + bytes(4) + b"x" * 1_000)
    await reader.readuntil((1009).to_bytes(2, "big"))
    writer.close()


@slow
async def test_a_message_of_ten_megabytes_ends_that_call_alone():
    provider, _ = answering(LONG)
    with answer_calls(lambda call: provider, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.heard.any())
            await large(calls.url)
            await large(calls.url, START)
            await happens(lambda: calls.ended)
            assert calls.ended[0].ending == "A message was larger than 128 KB."
            heard = len(vox.heard)
            await vox.until(lambda: len(vox.heard) > heard + 1_600)
    assert vox.violations == []


async def test_a_socket_that_says_nothing_is_refused_after_a_time(monkeypatch):
    monkeypatch.setattr(voximplant, "START_S", 0.2)
    with answer_calls("offline-tutor", port=0, calls=1) as calls:
        said, code = await refused(calls.url)
        assert (said, code) == ("No start message came within 0.2 s.", 1008)


@slow
async def test_a_half_open_socket_is_noticed(monkeypatch):
    monkeypatch.setattr(voximplant, "PING_S", 0.1)
    monkeypatch.setattr(voximplant, "PONG_S", 0.2)
    provider, _ = answering()
    with answer_calls(provider, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await happens(lambda: calls.calls)
            vox._socket.transport.pause_reading()  # it answers no ping any more
            await happens(lambda: calls.ended)
            assert calls.ended[0].ending == "The connection to the caller broke."
            vox._socket.transport.abort()


@pytest.mark.parametrize("query", ["", "?secret=", "?secret=wrong", "?secret={}&secret={}", "?key={}"])
async def test_a_stranger_is_refused(query, caplog):
    secret = "A-secret-of-this-test-0123456789"
    caplog.set_level(logging.DEBUG)
    with answer_calls("offline-tutor", port=0, secret=secret) as calls:
        address = f"127.0.0.1:{calls.port}/{query.format(secret, secret)}"
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://{address}", proxy=None)
        assert caught.value.response.status_code == 403
        body = caught.value.response.body.decode()
        assert (
            body == "This address lacks the secret: take the whole one that answer_calls gives, in its url.\n"
        )
        assert calls.url == f"ws://127.0.0.1:{calls.port}/?secret={secret}"
        assert secret not in repr(calls) + str(vars(calls))
        own = [record for record in caplog.records if record.name.startswith("livewidget")]
        assert secret not in " ".join(record.getMessage() for record in own)


async def test_who_opens_the_address_without_a_websocket_is_refused():
    with answer_calls("offline-tutor", port=0) as calls:

        def get():
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(calls.url.replace("ws://", "http://"))
            caught.value.close()
            return caught.value.code

        assert await asyncio.to_thread(get) == 426


@slow
async def test_a_flood_of_media_ends_that_call_alone():
    provider, _ = answering(LONG)
    with answer_calls(lambda call: provider, port=0) as calls:
        async with VoxEngine(calls.url) as vox, VoxEngine(calls.url) as flood:
            await vox.until(lambda: vox.heard.any())
            for _ in range(3_000):
                await flood.send(MEDIA)
            await flood.until(lambda: flood.is_over)
            assert flood.events[-1]["reason"].startswith("The stream brought more than a call has")
            heard = len(vox.heard)
            await vox.until(lambda: len(vox.heard) > heard + 1_600)
    # This loop was busy with the flood, and did not read for so long.
    assert set(vox.violations) <= {"More than a second ahead."}


@pytest.mark.parametrize(
    ("code", "ending"),
    [(1013, "The stream brought more than a call has"), (1011, "The connection to the conversation broke.")],
)
async def test_a_link_that_ends_is_not_called_a_flood_unless_it_was_one(code, ending):
    provider, _ = answering()
    with answer_calls(provider, port=0) as calls:
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: calls.calls and calls.calls[0].turns)
            (call,) = calls.calls
            links = call._controller.links
            background().loop.call_soon_threadsafe(lambda: links._links[call.id].end(code))
            await vox.until(lambda: vox.is_over)
        await happens(lambda: calls.ended)
    assert call.ending.startswith(ending)


def test_what_cannot_work_is_said_before_the_first_call(live):
    for wrong, sentence in [
        ({"calls": 0}, "calls must be at least 1"),
        ({"calls": True}, "calls must be at least 1"),
        ({"port": 99_999}, "port is a number"),
        ({"secret": "short"}, "secret is a text of at least 22 characters"),
        ({"secret": 3}, "secret is a text of at least 22 characters"),
        ({"greeting": 3}, "greeting is what to type"),
        ({"live": 3}, "Say whom to talk to"),
        ({"live": {"voice": "Nobody", "provider_or_model": "offline-tutor"}}, "voice"),
        ({"live": Gemini(api_key="made-up", direct=True)}, "leave out direct=True"),
        ({"live": {"api_key": "made-up", "direct": True}}, "leave out direct=True"),
        ({"host": "256.0.0.1"}, "cannot be used"),
    ]:
        with pytest.raises(UsageError, match=sentence):
            answer_calls(**{"live": "offline-tutor", "port": 0} | wrong)

    async def within():
        answer_calls("offline-tutor", port=0)

    with pytest.raises(StateError, match="call it in a cell, not in a coroutine"):
        background().submit(within()).result(5)
    pushed = live(StandIn(), turn_detection={"mode": "push_to_talk"})
    with pytest.raises(UsageError, match="A caller cannot press a key to talk"):
        answer_calls(pushed, port=0)


async def test_a_change_to_push_to_talk_refuses_the_next_call(live):
    widget = live(answering()[0])
    with answer_calls(widget, port=0) as calls:
        widget.configure(turn_detection={"mode": "push_to_talk"})
        async with VoxEngine(calls.url) as vox:
            await vox.until(lambda: vox.is_over)
    assert vox.refused == "A caller cannot press a key to talk: set turn_detection to automatic."
    notices = widget._controller.state.notices
    assert notices["call-refused"].text == f"A call was refused: {vox.refused}"


async def test_a_port_in_use_is_named_and_the_same_port_here_is_taken_over():
    provider, _ = answering(LONG)
    first = answer_calls(provider, port=0)
    async with VoxEngine(first.url) as vox:
        await vox.until(lambda: vox.heard.any())
        # In a thread: this loop answers for the caller meanwhile.
        with await asyncio.to_thread(answer_calls, provider, first.port) as second:
            await vox.until(lambda: vox.is_over)
            assert vox.events[-1]["reason"] == "The line was closed."
            assert (repr(first), second.port) == ("<CallServer, stopped>", first.port)
            async with VoxEngine(second.url) as other:
                await other.until(lambda: other.heard.any())
    first.stop()  # twice is allowed
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UsageError, match=rf"Port {port} cannot be used \(.*\); choose another"):
            answer_calls(provider, port=port)


PROCESS = """
from livewidget import StandIn
from livewidget.integrations.voximplant import answer_calls
from livewidget.standin.script import Script, When

calls = answer_calls(StandIn(script=Script([When("audio", Script.answer(bytes(960)))])), port=0)
print(calls.url, flush=True)
input()
"""


async def test_the_end_of_the_process_hangs_up_and_complains_of_nothing():
    piped = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
    process = await asyncio.create_subprocess_exec(sys.executable, "-W", "error", "-c", PROCESS, **piped)
    url = (await process.stdout.readline()).decode().strip()
    async with VoxEngine(url) as vox:
        await vox.until(lambda: any(event.get("event") == "start" for event in vox.events))
        process.stdin.write(b"\n")
        await vox.until(lambda: vox.is_over)
        assert await process.stderr.read() == b""
        assert await process.wait() == 0
        process._transport.close()
    assert vox.events[-1] == {"close": 1000, "reason": "The line was closed."}


def counts():
    """Threads, tasks and open files of this process."""
    gc.collect()
    tasks = background().submit(count_tasks()).result(5)
    return threads(), tasks, len(os.listdir("/proc/self/fd"))


async def count_tasks():
    return len(asyncio.all_tasks())


@pytest.mark.parametrize("calls_at_once", [pytest.param(1, marks=slow), 2])
async def test_twenty_calls_leave_nothing_behind(live, calls_at_once, monkeypatch):
    provider, _ = answering(samples=640)
    widget = live(provider)
    own, make = [], voximplant._controller
    monkeypatch.setattr(voximplant, "_controller", lambda *args: own.append(make(*args)) or own[-1])

    async def call(url):
        async with VoxEngine(url) as vox:
            await vox.until(lambda: vox.heard.any())
        return vox.violations

    with answer_calls(widget, port=0) as calls:
        found = []
        for number in range(20 // calls_at_once):
            found += await asyncio.gather(*(call(calls.url) for _ in range(calls_at_once)))
            await happens(lambda: not calls.calls)
            if number == 4:
                before, _ = counts(), tracemalloc.start()
                memory, _ = tracemalloc.get_traced_memory()
        await happens(lambda: all(now <= then for now, then in zip(counts(), before, strict=True)))
        grown = tracemalloc.get_traced_memory()[0] - memory
        tracemalloc.stop()
    assert found == [[]] * 20
    assert [controller.is_closed for controller in own] == [True] * (
        20 // calls_at_once * (calls_at_once - 1)
    )
    # What was said stays, and the calls' own entries: some 20 KB a call, and no sound.
    assert grown < 1_500_000


# --- The scenario ---


def test_the_scenario_holds_the_address_and_nothing_else_changes():
    code = scenario('wss://phone.example/calls?secret=a"b')
    assert 'const ADDRESS = "wss://phone.example/calls?secret=a\\"b";' in code
    assert "secret=…" not in code
    with answer_calls("offline-tutor", port=0) as calls:
        query = calls.url.partition("?")[2]
        assert f'"wss://phone.example/calls?{query}"' in calls.scenario("wss://phone.example/calls")
        assert f'"wss://phone.example/?a=b&{query}"' in calls.scenario("wss://phone.example/?a=b")
    for wrong in ("https://phone.example", "phone.example", "", None):
        with pytest.raises(UsageError, match="url is where the cloud finds"):
            scenario(wrong)


class Node:
    """A process that runs the scenario; see voxengine_scenario.mjs."""

    def __init__(self, code, folder, number="+4915112345678"):
        self._file = folder / "scenario.js"
        self._file.write_text(code, encoding="utf-8")
        self._number = number
        self.did = []

    async def __aenter__(self):
        node = shutil.which("node", path=os.pathsep.join([str(setup.BIN), os.environ["PATH"]]))
        # Node 20 has a WebSocket only if it is told to.
        command = [node, "--experimental-websocket", Path(__file__).with_name("voxengine_scenario.mjs")]
        self._process = await asyncio.create_subprocess_exec(
            *command, self._file, self._number, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()
        await self._reading

    async def _read(self):
        async for line in self._process.stdout:
            self.did.append(json.loads(line))

    def say(self, line):
        self._process.stdin.write(f"{line}\n".encode())

    def names(self):
        return [one["did"] for one in self.did if one["did"] not in ("log", "received", "media")]

    def find(self, did):
        return next((one for one in self.did if one["did"] == did), None)


BEGINNING = ["createWebSocket", "answer", "handleTones", "sendMediaTo", "play"]


async def test_the_scenario_passes_a_call_on_and_hangs_up_when_it_is_hung_up_here(tmp_path):
    script = Script(
        [When("text", Script.answer(LONG)), When("text", [*Script.interrupted(), *Script.answer(SHORT)])]
    )
    with answer_calls(StandIn(script=script), port=0) as calls:
        async with Node(scenario(calls.url), tmp_path) as node:
            await happens(lambda: calls.calls and calls.calls[0].stats.received > 5)
            call = calls.calls[0]
            node.say("tone 5")
            node.say("tone #")
            await happens(lambda: node.find("media"))
            node.say("tone #")
            await happens(lambda: node.find("clearMediaBuffer"))
            call.hang_up()
            await happens(lambda: node.find("terminate"))
            await happens(lambda: calls.ended)
    assert node.names() == [*BEGINNING, "clearMediaBuffer", "hangup", "terminate"]
    assert node.find("createWebSocket")["parameters"] == {"privacy": True}
    assert node.find("sendMediaTo") == {
        "did": "sendMediaTo",
        "encoding": "PCM16_16KHZ",
        "tag": "call",
        "customParameters": {"caller": "+4915112345678"},
    }
    assert node.find("clearMediaBuffer")["parameters"] == {"tag": "call"}
    assert {"did": "log", "text": "livewidget: The call was hung up here."} in node.did
    assert typed(script) == ["The caller pressed 5.", "The caller pressed #."]
    assert (call.number, call.stats.unreadable) == ("+4915112345678", 0)


async def test_the_scenario_ends_the_call_here_when_the_caller_hangs_up(tmp_path):
    with answer_calls(answering()[0], port=0) as calls:
        async with Node(scenario(calls.url), tmp_path) as node:
            await happens(lambda: node.find("media"))
            node.say("hangup")
            await happens(lambda: calls.ended)
            await happens(lambda: node.find("terminate"))
    assert (calls.ended[0].ending, node.names()) == ("The caller hung up.", [*BEGINNING, "terminate"])


async def test_the_scenario_rejects_as_busy_what_is_refused_or_finds_nobody(tmp_path):
    with answer_calls(answering(LONG)[0], port=0, calls=1) as calls:
        async with VoxEngine(calls.url) as vox, Node(scenario(calls.url), tmp_path) as node:
            await happens(lambda: node.find("terminate"))
            assert vox.refused == ""
    assert node.names() == ["createWebSocket", "reject", "terminate"]
    assert node.find("reject")["code"] == 486
    assert {"did": "log", "text": "livewidget: All lines are taken; call again later."} in node.did
    async with Node(scenario(calls.url), tmp_path) as node:
        await happens(lambda: node.find("terminate"))
    assert node.names() == ["createWebSocket", "reject", "terminate"]
    assert {"did": "log", "text": "livewidget: the other end cannot be reached"} in node.did
