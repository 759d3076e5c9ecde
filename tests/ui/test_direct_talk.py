"""A conversation whose page holds the socket to the service: a real controller, a real socket, the real stand-in."""

import asyncio
import contextlib
import json
import logging
import time

import numpy as np
import pytest

from livewidget import Gemini, StandIn
from livewidget.errors import LiveError
from livewidget.pictures import Picture
from livewidget.session import ReconnectPolicy
from livewidget.session.client import prepare
from livewidget.standin.serve import Server
from livewidget.tools import Tool
from livewidget.ui import messages as m
from livewidget.ui.controller import Controller, Question
from livewidget.ui.direct import CAUSES, NO_PAGE
from tests.standin.puppets import LOUD, QUIET, Brain, Ears

from .direct_page import ServicePage, words

KEY = "the-key-of-this-test-000000000000000000"
PHRASE = QUIET * 2 + LOUD * 5 + QUIET * 8
JPEG = b"\xff\xd8\xff" + bytes(200)


def voice(seconds):
    return lambda text: (np.sin(np.arange(int(24_000 * seconds)) / 20) * 8000).astype("int16")


class Talk:
    """A conversation, its pages, and everything that went to them."""

    def __init__(self, server, standin, **options):
        self.standin, self.pages, self.posted, self.callbacks = standin, [], [], []
        tools = options.pop("tools", ())
        self.gemini = Gemini("gemini-3.8-live", base_url=server.ws, api_key=KEY, direct=True)
        self.published = []
        self.controller = Controller(
            prepare(self.gemini, tools, (), options),
            post=self._post,
            publish=lambda *args: self.published.append(args),
            dispatch=self.callbacks.append,
            callback_kinds={object},
            busy=lambda: next((page.busy for page in self.pages if page.busy), ""),
            reconnect=ReconnectPolicy(initial_delay_ms=1, min_interval_ms=1),
        )

    def _post(self, content, buffers):
        self.posted.append(content)
        for page in self.pages:
            page.receive(json.loads(json.dumps(content)), buffers)

    async def page(self, **options):
        page = ServicePage(**options)
        self.pages.append(page)
        return await page.show(self.controller)

    @property
    def session(self):
        return self.controller.sessions.current

    @property
    def wire(self):
        return self.session.wire.frames

    def told(self, kind):
        """What the service lane brought of a kind, to all pages."""
        return [asked for page in self.pages for asked in page.asked if isinstance(asked, kind)]


@contextlib.asynccontextmanager
async def direct(*texts, seconds=0.5, brain=None, **options):
    standin = StandIn(
        ears=Ears(*texts), brain=brain or (lambda text: f"You said {text}"), voice=voice(seconds)
    )
    async with Server(standin, wss_port=None, key=KEY) as server:
        talk = Talk(server, standin, **options)
        try:
            yield talk
        finally:
            await talk.controller.close()
            for page in talk.pages:
                await page.leave()


async def eventually(holds, within_s=15.0):
    async with asyncio.timeout(within_s):
        while not (found := holds()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


# --- What works as ever ----------------------------------------------------------------------------------------


async def test_a_spoken_question_is_answered_and_no_sound_goes_by_the_kernel():
    async with direct("hello there") as talk:
        page = await talk.page()
        await page.start()
        await page.speak(PHRASE)
        turn = await page.answer()
        assert [words(page.turns[index]) for index in (0, 1)] == ["hello there", "You said hello there"]
        sound = b"".join(pcm for _, _, pcm in page.heard)
        assert len(sound) == 24_000  # half a second of PCM16
        assert all(content["lane"] != "speaker" for content in talk.posted)
        assert all('"audio"' not in asked.frame for asked in talk.told(m.ServiceSend))
        assert turn.heard_sample is None
        await eventually(lambda: page.turns[1].timing.heard_ms)
        assert page.turns[1].timing.playback_ms >= 0
        assert page.state.badge.startswith("direct · ")
        assert page.state.direct
        assert page.notices == {}


async def test_the_sound_that_the_page_sent_stands_in_the_wire_with_its_length():
    async with direct("hello there") as talk:
        page = await talk.page()
        await page.start()
        await page.speak(PHRASE)
        await page.answer()
        sent = [frame for frame in talk.wire if frame.outgoing and frame.kind.startswith("realtimeInput")]
        came = [frame for frame in talk.wire if not frame.outgoing and "modelTurn" in frame.kind]
        milliseconds = [frame.json["realtimeInput"]["audio"]["audio"]["ms"] for frame in sent]
        assert sum(milliseconds) == pytest.approx(len(PHRASE) / 32, abs=40)
        assert came


async def test_a_typed_question_and_one_of_a_program_go_through_the_kernel():
    async with direct() as talk:
        page = await talk.page()
        await page.start()
        assert words(await page.ask("two")) == "You said two"
        question = Question("three", 10.0, asyncio.get_running_loop().time() + 10.0)
        turn = await talk.controller.ask(question)
        assert (turn.text, turn.index) == ("You said three", 3)


async def test_a_question_of_a_program_waits_until_the_page_has_played_the_answer_before():
    async with direct(seconds=0.3) as talk:
        page = await talk.page()
        await page.start()
        await page.ask("two")  # "You said two": 0.9 s
        question = Question("three", 10.0, asyncio.get_running_loop().time() + 10.0)
        asked = asyncio.create_task(talk.controller.ask(question))
        await eventually(lambda: question.waits_for == "the answer before to be played", 5)
        await asked
        assert page.hushed == 0
        assert not page.turns[1].interrupted


async def test_a_tool_is_approved_on_the_page_and_its_result_goes_over_its_socket():
    ran = []

    def open_door(city: str) -> str:
        """Open the door."""
        ran.append(1)
        return "open"

    async with direct(
        "call open_door", tools=[Tool.of(open_door, require_approval=True)], brain=Brain()
    ) as talk:
        page = await talk.page()
        await page.start()
        await page.speak(PHRASE)
        call = await page.until(
            lambda: next((tool for turn in page.turns.values() for tool in turn.tools), None)
        )
        assert (call.state, ran) == ("asking", [])
        page.put(m.Approve(id=call.id, allowed=True))
        await page.until(lambda: any(tool.state == "done" for t in page.turns.values() for tool in t.tools))
        assert ran == [1]
        assert any("toolResponse" in asked.frame for asked in talk.told(m.ServiceSend))
        assert talk.told(m.ServiceRelease)


async def test_barge_in_cuts_the_answer_where_the_page_was():
    async with direct("tell me", "stop", seconds=2.0) as talk:
        page = await talk.page()
        await page.start()
        await page.speak(PHRASE)
        await page.until(lambda: page._played[1] > 12_000)
        await page.speak(LOUD * 5 + QUIET * 8)
        cut = await eventually(lambda: page.turns.get(1) and page.turns[1].interrupted and page.turns[1])
        await eventually(lambda: page.turns[1].heard_sample)
        assert page.hushed >= 1
        heard = page.turns[1].heard_sample
        voice_end = max(first + len(pcm) // 2 for of, first, pcm in page.heard if of == 1)
        assert 12_000 < heard < voice_end
        assert cut.speaker == "model"
        assert words(await page.answer({0, 1})) == "You said stop"


async def test_a_program_silences_the_page():
    async with direct(seconds=2.0) as talk:
        page = await talk.page()
        await page.start()
        page.put(m.Text(text="two"))
        await page.until(lambda: page._played[1] > 6_000)
        talk.controller.interrupt()
        await eventually(lambda: page.turns[1].heard_sample)
        flush = next(message for message in page.seen if isinstance(message, m.Flush))
        assert (flush.voice, page.hushed >= 1) == (1, True)
        assert page.turns[1].interrupted


async def test_push_to_talk_is_marked_by_the_page_alone_and_in_order():
    async with direct("hello there", turn_detection="push_to_talk") as talk:
        page = await talk.page()
        await page.start()
        page.put(m.Activity(active=True))  # as the page says it to the kernel as well
        page.press(True)
        await page.speak(LOUD * 5)
        page.press(False)
        page.put(m.Activity(active=False))
        turn = await page.answer()
        assert words(page.turns[turn.index - 1]) == "hello there"
        assert all("activity" not in asked.frame for asked in talk.told(m.ServiceSend))
        kinds = [frame.kind for frame in talk.wire if frame.outgoing and "realtimeInput" in frame.kind]
        assert kinds[0].endswith("activityStart")
        assert kinds[-1].endswith("activityEnd")
        assert len(kinds) > 5


async def test_a_press_ends_with_the_page_that_it_was_made_in():
    async with direct("hello there", turn_detection="push_to_talk") as talk:
        page = await talk.page()
        other = await talk.page()
        await page.start()
        page.press(True)
        await page.speak(LOUD * 5)
        await eventually(lambda: talk.controller._is_pressed)
        await page.leave()
        await eventually(lambda: other.owns)
        assert not talk.controller._is_pressed
        await eventually(lambda: any("activityEnd" in asked.frame for asked in talk.told(m.ServiceSend)))


async def test_a_picture_of_the_camera_goes_straight_and_the_page_learns_that_it_was_sent():
    async with direct() as talk:
        page = await talk.page()
        await page.start()
        page.show_picture(7, JPEG)
        view = await page.until(lambda: page.pictures and page.pictures[-1])
        assert (view.source, view.number, view.sent, view.reason) == ("camera", 7, True, "frame")
        assert view.tokens > 0
        assert all("video" not in asked.frame for asked in talk.told(m.ServiceSend))
        assert any("video" in frame.kind or "video" in frame.text for frame in talk.wire if frame.outgoing)


async def test_a_picture_of_a_program_goes_through_the_kernel():
    async with direct() as talk:
        page = await talk.page()
        await page.start()
        talk.controller.images.reserve()
        talk.controller.show(Picture(JPEG, "image/jpeg", 64, 48), "what is this")
        await page.answer()
        assert [("video" in asked.frame) for asked in talk.told(m.ServiceSend)].count(True) == 1


# --- Sockets come and go ---------------------------------------------------------------------------------------


async def test_a_socket_that_breaks_in_mid_question_is_replaced_and_the_question_answered_once():
    async with direct("hello there") as talk:
        page = await talk.page()
        await page.start()
        await page.ask("two")
        speaking = asyncio.create_task(page.speak(QUIET * 2 + LOUD * 10 + QUIET * 10))
        await asyncio.sleep(0.8)
        page.cut()
        await speaking
        turn = await page.answer({0, 1})
        assert words(turn) == "You said hello there"
        assert talk.told(m.ServiceResend)
        assert len(set(page.urls)) == len(page.urls) == 2
        answers = [turn for turn in page.turns.values() if words(turn) == "You said hello there"]
        assert len(answers) == 1


async def test_two_hand_overs_have_tokens_of_their_own():
    async with direct("hello there", "and again") as talk:
        page = await talk.page(speed=10)
        await page.start()
        for number in (1, 2):
            await page.ask(f"typed {number}")
            talk.standin.simulate("goaway")
            await page.until(lambda number=number: len(page.urls) == number + 1 and page._talks)
            before = set(page.turns)
            await page.speak(PHRASE)
            await page.answer(before)
        assert len(set(page.urls)) == 3
        said = [words(turn) for turn in page.turns.values() if turn.speaker == "model"]
        assert said == ["You said typed 1", "You said hello there", "You said typed 2", "You said and again"]


async def test_the_owner_is_closed_and_another_page_goes_on():
    async with direct("hello there") as talk:
        page, other = await talk.page(), await talk.page()
        await page.start()
        await page.ask("two")
        await page.leave()
        await other.until(lambda: other.owns and other._talks)
        await other.speak(PHRASE)
        assert words(await other.answer({0, 1})) == "You said hello there"
        assert page.urls != other.urls
        assert len(other.urls) == 1


async def test_another_page_takes_over_and_what_was_heard_until_then_is_known():
    async with direct(seconds=2.0) as talk:
        page, other = await talk.page(), await talk.page()
        await page.start()
        page.put(m.Text(text="two"))
        await page.until(lambda: 2 in page.turns or page._played[1] > 24_000)
        await eventually(lambda: other.turns[1].final)
        other.put(m.TakeAudio())
        await other.until(lambda: other.owns and other._talks)
        await eventually(lambda: other.turns[1].heard_sample)
        assert other.turns[1].interrupted
        assert words(await other.ask("three")) == "You said three"


async def test_a_page_that_hangs_up_with_its_stop_is_no_broken_connection():
    async with direct() as talk:
        page = await talk.page()
        await page.start()
        await page.ask("two")
        page.put(m.Stop())
        page.tell(m.ServiceClosed(at_ms=page.now_ms, code=1006))
        page.hang_up()
        await page.until(lambda: page.state.phase == "ended")
        assert page.state.ending == "stopped"
        assert all(content["kind"] != "notice" for content in talk.posted)
        await page.start()
        assert words(await page.ask("three")) == "You said three"
        assert len(page.urls) == 2


async def test_a_page_that_is_loaded_again_goes_on_with_the_conversation():
    async with direct() as talk:
        page = await talk.page()
        await page.start()
        await page.ask("two")
        await page.leave()
        again = await talk.page()
        await again.until(lambda: again.owns and again._talks)
        assert words(await again.ask("three")) == "You said three"
        assert [words(turn) for turn in again.turns.values()][-2:] == ["three", "You said three"]
        assert again.notices == {}


async def test_another_model_is_dialled_over_the_same_page():
    async with direct() as talk:
        page = await talk.page()
        await page.start()
        await page.ask("two")
        page.put(m.Configure(changes=(m.Change(name="model", value="gemini-2.5-flash-native-audio-latest"),)))
        page.put(m.Apply())
        await page.until(lambda: page.state.model.startswith("gemini-2.5"))
        await page.until(lambda: len(page.urls) == 2)
        assert words(await page.ask("three")) == "You said three"


# --- While a cell runs -----------------------------------------------------------------------------------------


async def test_the_talk_goes_on_while_a_cell_holds_the_kernels_messages_up_and_is_dated_by_the_page():
    async with direct("hello there", "and more") as talk:
        page = await talk.page()
        await page.start()
        await page.ask("two")
        await asyncio.sleep(1.2)
        page.hold()
        began = time.monotonic() * 1000
        await page.speak(PHRASE)
        await eventually(lambda: page.voice == 2 and len(page.heard) and page.heard[-1][0] == 2)
        await asyncio.sleep(3.0)
        assert 2 not in page.turns  # the kernel has not heard of it
        page.release()
        turn = await page.answer({0, 1})
        assert words(turn) == "You said hello there"
        frames = [frame for frame in talk.wire if "modelTurn" in frame.kind][-1]
        first = talk.wire[0]
        assert first.at_ms == 0
        # The wire counts from its first frame; the last sound came before the cell had ended by seconds.
        last_ms = frames.at_ms
        now_ms = talk.controller._clock.now_ms() - talk.session.wire._began
        assert now_ms - last_ms > 2_000
        assert now_ms - last_ms < time.monotonic() * 1000 - began
        assert turn.timing.wait_ms < 1_500
        assert page.notices == {}


# --- What cannot be --------------------------------------------------------------------------------------------


async def test_without_a_page_a_program_is_told_what_is_needed(monkeypatch):
    monkeypatch.setattr("livewidget.ui.direct.PAGE_S", 0.2)
    async with direct() as talk:
        question = Question("two", 10.0, asyncio.get_running_loop().time() + 10.0)
        with pytest.raises(LiveError) as caught:
            await talk.controller.ask(question)
        assert str(caught.value) == NO_PAGE
        assert NO_PAGE in [notice.text for notice in talk.controller.state.notices.values()]


@pytest.mark.parametrize("cause", sorted(CAUSES))
async def test_a_page_that_may_not_connect_shows_why(cause):
    async with direct() as talk:
        page = await talk.page(refuses=m.ServiceClosed(at_ms=0.0, code=1006, cause=cause))
        page.put(m.Start(microphone=True))
        await page.until(lambda: page.state.phase == "ended")
        (text,) = page.notices.values()
        assert text.startswith(CAUSES[cause].split("{")[0])


async def test_what_the_page_sends_to_the_kernel_of_microphone_and_camera_does_not_reach_the_model():
    async with direct() as talk:
        page = await talk.page()
        await page.start()
        page.put(m.ExplorerState(open=True, wire=False, tuner=True))
        frame = m.CameraFrame(
            source="file", mime_type="image/jpeg", width=64, height=48, captured_ms=page.now_ms
        )
        page.put_lane(1, frame, JPEG)
        for number in range(1, 60):
            # The last of them are old: they waited for a cell, and the service has them long since.
            captured_ms = page.now_ms - (10_000 if number > 50 else 0)
            message = m.MicrophoneAudio(first_sample=0, captured_ms=captured_ms, stale=number > 50)
            page.put_lane(number, message, LOUD[:1280])
            await asyncio.sleep(0.01)
        page.put(m.MicrophoneStatus(state="muted"))  # it has told the service so by itself
        await eventually(lambda: any(content["kind"] == "speech" for content in talk.posted))
        assert words(await page.ask("two")) == "You said two"
        assert all("realtimeInput" not in asked.frame for asked in talk.told(m.ServiceSend))
        assert talk.controller.stats(0).stale_chunks > 0
        assert page.notices == {}


async def test_pictures_of_page_and_program_keep_a_second_between_them():
    async with direct() as talk:
        page = await talk.page()
        await page.start()
        page.show_picture(1, JPEG)
        talk.controller.images.reserve()
        talk.controller.show(Picture(JPEG, "image/jpeg", 64, 48), "")
        first, second = await eventually(
            lambda: len(found := [f for f in talk.wire if f.outgoing and "video" in f.kind]) == 2 and found
        )
        assert second.at_ms - first.at_ms > 900


async def test_a_token_is_nowhere_but_on_its_lane(caplog):
    caplog.set_level(1)
    async with direct("hello there") as talk:
        page = await talk.page()
        await page.start()
        await page.speak(PHRASE)
        await page.answer()
        talk.standin.simulate("goaway")
        await page.until(lambda: len(page.urls) == 2)
        tokens = [asked.token for asked in page.asked if isinstance(asked, m.ServiceOpen)]
        assert len(tokens) == 2
        shown = {
            "posted": json.dumps([content for content in talk.posted if content["lane"] != "service"]),
            "service lane": json.dumps(
                [content for content in talk.posted if content["kind"] not in ("welcome", "service_open")]
            ),
            "wire": "".join(frame.text for frame in talk.wire),
            "events": repr(talk.callbacks),
            "transcript": repr(talk.published),
            "log": caplog.text + repr([record.__dict__ for record in caplog.records if "websockets" not in record.name]),
            "objects": repr([vars(talk.controller), vars(talk.session), vars(talk.gemini), vars(talk.controller.bridge)]),
        }  # fmt: skip
        for token in tokens:
            secret = token.removeprefix("auth_tokens/")
            places = [place for place, text in shown.items() if secret in text]
            assert places in ([], ["log"]), places
            if places:  # the test's own page dials with it, and its WebSocket client says so
                own = [record for record in caplog.records if secret in record.getMessage()]
                assert {record.name.split(".")[0] for record in own} <= {"websockets", "uvicorn"}
    assert logging.getLogger("livewidget").level == logging.NOTSET


def sound_of(samples, mime_type="audio/pcm;rate=24000", **more):
    blob = {"mimeType": mime_type, "data": "", "samples": samples, **more}
    return json.dumps({"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}})


@pytest.mark.parametrize(
    "text",
    [
        "}{",
        "",
        "[]",
        "null",
        "[" * 100_000,
        '{"serverContent": 7}',
        sound_of(2**53),
        sound_of(10**30),
        sound_of(-5),
        sound_of("many"),
        sound_of(1.5),
        sound_of(None),
        sound_of(480, "audio/pcm;rate=0"),
        sound_of(480, "audio/pcm;rate=1"),
        sound_of(480, "audio/pcm;rate=99999999999"),
        sound_of(480, peak=1e300),
        sound_of(480, data="AAAA"),
        sound_of(480, data=7),
    ],
    ids=lambda text: text[:20] + text[-60:-6],
)
async def test_a_page_that_makes_up_frames_breaks_nothing(text):
    """At worst its own conversation gets another connection, as after a server that cannot be understood."""
    async with direct() as talk:
        page = await talk.page(speed=1_000)
        await page.start()
        await page.ask("one")
        page.tell(m.ServiceFrame(at_ms=page.now_ms, text=text, voice=2**53, first=2**53))
        page.tell(m.ServiceFrame(at_ms=page.now_ms, text=text))
        await asyncio.sleep(0.3)
        await eventually(lambda: talk.controller.state.phase == "live" and page._talks)
        page.put(m.Text(text="two"))
        await page.until(lambda: any("You said two" in words(turn) for turn in page.turns.values()))
        assert all("fault in livewidget" not in text for text in page.notices.values())
