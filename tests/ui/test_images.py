"""Pictures from a cell and from the page, on the real wire to the stand-in, and what the page is told of them."""

import asyncio
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from livewidget import LiveWidget
from livewidget.clock import SystemClock
from livewidget.config import LiveConfig
from livewidget.errors import PictureError, StateError, UsageError
from livewidget.pictures import Picture, to_picture
from livewidget.ui import messages as m
from livewidget.ui.images import ImageQueue
from tests.watched import Watched
from tests.widget.jupyter import WidgetPage, comms, until

__all__ = ["comms"]
pytestmark = pytest.mark.usefixtures("comms")


def picture(level):
    return to_picture(np.full((20, 30), level, np.uint8))


def provider(**more):
    return Watched(
        **(
            {
                "ears": lambda sound: "hello",
                "brain": lambda text: f"You said {text}",
                "voice": lambda text: np.zeros(2400, "int16"),
            }
            | more
        )
    )


@pytest.fixture
def live():
    widget = LiveWidget(provider())
    yield widget
    widget.close()
    until(lambda: widget._controller.is_closed)


@pytest.fixture
def page(live):
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.pictures = []
    inner = page._deliver

    def deliver(content, buffers):
        if content["kind"] == "picture":
            with page.changed:
                page.pictures.append((content["body"], [bytes(buffer) for buffer in buffers]))
                page.changed.notify_all()
        else:
            inner(content, buffers)

    live.comm.listener = deliver
    yield page
    page.leave()


def news(page, count):
    with page.changed:
        assert page.changed.wait_for(lambda: len(page.pictures) >= count, 10)
        return page.pictures[count - 1]


def send(page, data, source="camera", captured_ms=None, **more):
    fields = {"mime_type": "image/jpeg", "width": 30, "height": 20} | more
    if captured_ms is None:
        captured_ms = page.link.now = time.monotonic() * 1000
    page.send(m.CameraFrame(source=source, captured_ms=captured_ms, **fields), [data])


# --- From a cell --------------------------------------------------------------------------------------------


def test_a_picture_starts_the_talk_and_its_question_is_answered(live):
    pixels = np.full((20, 30), 99, np.uint8)
    live.show(pixels, "what do you see")
    until(lambda: live.turns and live.turns[-1].text == "You said what do you see")
    assert live._controller.provider.inputs() == [to_picture(pixels).data, "what do you see"]


def test_a_picture_is_of_the_moment_in_which_it_was_shown(live):
    pixels = np.full((20, 30), 99, np.uint8)
    wanted = to_picture(pixels).data
    live.show(pixels)
    pixels[:] = 0
    until(lambda: live._controller.provider.inputs())
    assert live._controller.provider.inputs() == [wanted]


def test_pictures_follow_each_other_by_a_second_and_what_is_asked_then_follows_them(live):
    one, two = picture(10), picture(200)
    live.show(one)
    live.show(two)
    live.say("hello")
    assert live.ask("and now").text == "You said and now"
    assert live._controller.provider.inputs() == [one.data, two.data, "hello", "and now"]
    first, second = live._controller.provider.picture_times()
    assert second - first >= 0.99


def test_more_than_eight_are_refused_at_once_and_none_of_the_others_is_lost(live):
    hold = threading.Event()
    live._call_soon(hold.wait, 10)  # nothing leaves meanwhile
    for level in range(8):
        live.show(picture(level))
    with pytest.raises(UsageError, match=r"^8 pictures are waiting already, and one a second is sent; wait"):
        live.show(picture(99))
    hold.set()
    until(lambda: len(live._controller.provider.inputs()) == 2)
    live.show(picture(8))
    assert live._controller.provider.inputs()[:2] == [picture(0).data, picture(1).data]


def test_who_asks_after_pictures_does_not_wait_for_a_talk_that_has_ended(live):
    for level in (1, 100, 200):
        live.show(picture(level))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(live.ask, "hello")
        until(lambda: live._controller.provider.inputs() and live._controller._asking.locked())
        live.stop()
        with pytest.raises(StateError):
            asked.result(10)
    assert live.wait(10)


def test_what_is_shown_right_after_a_stop_is_shown_in_a_new_talk(live):
    live.ask("hello")
    live.show(picture(1))
    until(lambda: len(live._controller.provider.inputs()) == 2)
    live.show(picture(2))
    live.stop()
    live.show(picture(3))
    until(lambda: len(live._controller.provider.inputs()) == 3)
    assert live._controller.provider.inputs() == ["hello", picture(1).data, picture(3).data]


@pytest.mark.parametrize("x", ["absent.png", b"", object(), np.zeros((0, 3))])
def test_what_is_no_picture_is_said_in_the_cell_and_starts_nothing(live, x):
    with pytest.raises(PictureError):
        live.show(x)
    assert live.phase == "idle"


@pytest.mark.parametrize("text", ["", "  ", "x" * 600_000, 7])
def test_text_that_cannot_be_sent_is_said_before_the_picture_is(live, text):
    with pytest.raises(UsageError):
        live.show(picture(1), text)
    assert live.phase == "idle"


def test_a_model_without_eyes_is_named_before_anything_is_drawn():
    live = LiveWidget(provider(model="gemini-3.5-live-translate-preview"), translation="es")
    with pytest.raises(UsageError, match=r"^gemini-3\.5-live-translate-preview takes no pictures"):
        live.show("absent.png")
    live.close()


# --- From the page ------------------------------------------------------------------------------------------


def test_pages_see_the_very_bytes_that_python_shows(live, page):
    live.show(picture(50))
    body, (data,) = news(page, 1)
    assert data == live._controller.provider.inputs()[0]
    assert body == {
        "source": "python", "number": 0, "mime_type": "image/jpeg", "width": 30, "height": 20,
        "tokens": 258, "sent": True, "reason": "shown",
    }  # fmt: skip


def start(page):
    page.send(m.Start(microphone=False))
    page.wait_for(m.State, lambda state: state.phase == "live")


def test_a_frame_goes_out_as_it_came(live, page):
    start(page)
    send(page, picture(50).data)
    body, buffers = news(page, 1)
    assert (body["number"], buffers) == (1, [])
    assert (body["sent"], body["reason"]) == (True, "frame")
    assert live._controller.provider.inputs() == [picture(50).data]


def test_a_page_that_sends_too_much_is_held_to_one_a_second(live, page):
    start(page)
    provider, levels = live._controller.provider, itertools.cycle(range(0, 250, 50))

    def flooded():
        send(page, picture(next(levels)).data)
        return len(provider.picture_times()) >= 3

    until(flooded)
    times = provider.picture_times()
    assert min(later - sooner for sooner, later in itertools.pairwise(times)) >= 0.99
    assert {"frame", "replaced"} == {body["reason"] for body, _ in page.pictures}


def test_an_old_frame_and_no_picture_at_all_are_not_sent(live, page):
    page.link.now = 1e6
    start(page)
    page.report()
    send(page, picture(1).data, captured_ms=max(0.0, page.link.now - 10_000))
    assert news(page, 1)[0]["reason"] == "old"
    send(page, b"<svg onload=alert(1)>")
    assert news(page, 2)[0]["reason"] == "unreadable"
    send(page, bytes(5 << 20))
    assert news(page, 3)[0]["reason"] == "unreadable"
    assert live._controller.provider.inputs() == []


def test_a_file_that_is_picked_before_the_talk_is_live_is_not_lost(live, page):
    page.send(m.Start(microphone=False))
    send(page, picture(7).data, source="file")
    assert news(page, 1)[0]["reason"] == "shown"
    assert live._controller.provider.inputs() == [picture(7).data]


def test_frames_are_taken_only_of_a_model_that_sees():
    live = LiveWidget(provider(model="gemini-3.5-live-translate-preview"), translation="es")
    page = WidgetPage(live)
    assert page.wait_for(m.Welcome).sees is False
    start(page)
    send(page, picture(7).data, source="file")
    send(page, picture(9).data)
    page.send(m.Stop())
    page.wait_for(m.State, lambda state: state.phase == "ended")
    assert live._controller.provider.picture_times() == []
    page.leave()
    live.close()


def test_what_waits_when_the_talk_ends_is_not_shown_in_the_next(live, page):
    for level in (1, 100, 200):
        live.show(picture(level))
    until(lambda: len(live._controller.provider.inputs()) == 1)
    live.stop()
    assert live.wait(10)
    live.ask("hello")
    assert live._controller.provider.inputs() == [picture(1).data, "hello"]


# --- What becomes of a picture ------------------------------------------------------------------------------


class Item:
    queued = False


class Session:
    """Takes what it is given; "bad" cannot be put in, and "stuck" has not left when the session is closed."""

    def __init__(self):
        self.got = []
        self.is_open = True
        self.closed = asyncio.Event()

    def put_image(self, picture):
        self.got.append(picture.mime_type)
        if picture.mime_type == "bad":
            raise PictureError("It cannot be sent.")
        item = Item()
        item.queued = picture.mime_type == "stuck"
        return item

    def put_text(self, text):
        self.got.append(text)

    async def flushed(self, item):
        if item.queued:
            await self.closed.wait()


class Tasks:
    """Starts work, and writes down what failed."""

    def __init__(self):
        self.errors = []
        self.start = asyncio.ensure_future
        self.report = self.errors.append


async def test_a_picture_that_cannot_be_sent_is_let_go_and_one_that_was_cut_off_is_sent_in_the_next_session():
    sessions, tasks, told = SimpleNamespace(current=Session(), is_current=True), Tasks(), []
    sessions.config = LiveConfig()
    bridge = SimpleNamespace(send_picture=lambda view, data: told.append(view.mime_type))
    images = ImageQueue(sessions, bridge, tasks, SystemClock())

    async def show(kind, text=""):
        images.reserve()
        images.show(Picture(b"x", kind, 1, 1), text)
        images._sent_ms = float("-inf")  # a second has passed
        images.pump()
        await asyncio.sleep(0.01)

    await show("one", "what is it")
    await show("bad", "never asked")
    await show("two")
    await show("stuck")
    old = sessions.current
    assert old.got == ["one", "what is it", "bad", "two", "stuck"]
    assert told == ["one", "two"]
    assert [str(error) for error in tasks.errors] == ["It cannot be sent."]
    sessions.current, old.is_open = Session(), False
    old.closed.set()
    await asyncio.sleep(0.01)
    images.pump()
    assert sessions.current.got == ["stuck"]
