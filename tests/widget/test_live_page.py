"""A talk over sockets: the real server, controller and stand-in, and a page in Python at the other end."""

import asyncio
import gc
import os

import numpy as np
import pytest

from livewidget import StandIn
from livewidget.clock import ManualClock
from livewidget.session.client import prepare
from livewidget.standin.script import Script, When
from livewidget.ui import messages as m
from livewidget.ui.controller import Controller
from livewidget.widget.page_server import Hosted, PageServer

from .jupyter import threads
from .socket_page import SocketPage

ORIGIN = "http://localhost:8888"
#: A different value for each sample within 2.7 s, so that a wrong place is seen.
VOICE = (np.arange(12 * 24_000) % 65_536 - 32_768).astype("<i2").tobytes()


class Talk:
    """A controller whose only pages have sockets, with a clock that stands still unless a test advances it.

    So nothing is sent again because time has passed: what is lost with a socket comes again only where a change
    of way repeats it.
    """

    def __init__(self, provider):
        self.clock = ManualClock()
        self.server = PageServer()
        self.asked = []
        self.controller = Controller(
            prepare(provider, (), (), {}),
            post=lambda content, buffers: None,
            publish=lambda content, display_id, update: None,
            dispatch=lambda event: None,
            callback_kinds=(),
            busy=lambda: "",
            offer_socket=lambda client, origin: self.hosted.offer(client, origin),
            clock=self.clock,
        )
        self.hosted = Hosted(self.server, self.controller.links, "Tutor", lambda: self.asked.append(1))

    async def page(self, client, **more):
        offer = self.hosted.offer(client, ORIGIN)
        page = SocketPage(f"ws://127.0.0.1:{offer.port}{offer.page}socket", client, origin=ORIGIN, **more)
        await page.open(offer.token)
        assert page.greeted["proof"] == offer.proof
        await page.wait_for(m.Welcome)
        return page

    async def close(self):
        await self.controller.close()
        await self.hosted.end()


@pytest.fixture
async def talk():
    script = Script([When("text", Script.answer(VOICE, chunk_ms=40))])
    made = Talk(StandIn(script=script))
    yield made
    await made.close()


async def answered(page):
    """Start, ask, and wait for the first sound."""
    await page.say(m.Start(microphone=False))
    await page.wait_for(m.State, lambda state: state.phase == "live")
    await page.say(m.Text(text="tell me"))
    await page.until(lambda: page.heard)


async def happens(test):
    """Wait for what no message tells of."""
    async with asyncio.timeout(10):
        while not test():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def cut(talk, page):
    """Cut the socket while sound is under way on it, and lose what the page says meanwhile."""
    page.stop_reading()
    await happens(lambda: talk.controller.bridge.speaker.repeat())
    page.abort()
    await page.say(m.Approve(id=f"nothing {len(page.heard)}", allowed=True))
    talk.clock.advance(20)
    sent = page.seq["microphone"]
    chunk = m.MicrophoneAudio(first_sample=320 * sent, captured_ms=talk.clock.now_ms())
    await page.say(chunk, [bytes(640)])


def counts():
    """Threads, tasks and open files of this process."""
    gc.collect()
    return threads(), len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))


async def no_more_than(before):
    """Wait until there are no more threads, tasks and files than there were."""
    await happens(lambda: all(now <= then for now, then in zip(counts(), before, strict=True)))


async def test_an_answer_is_heard_over_a_socket(talk):
    page = await talk.page("a")
    await answered(page)
    await page.until(lambda: any(isinstance(message, m.SpeakerEnd) for message, _ in page.heard))
    assert page.samples == VOICE
    await page.leave()


async def test_twenty_cuts_in_mid_answer_lose_nothing_repeat_nothing_and_leave_nothing_behind(talk):
    page = await talk.page("a")
    await answered(page)
    before = None
    for number in range(1, 21):
        await page.until(lambda number=number: len(page.heard) >= 12 * number)
        await cut(talk, page)
        await page.come_back()
        before = before or counts()
    await page.until(lambda: any(isinstance(message, m.SpeakerEnd) for message, _ in page.heard))
    assert len(page.samples) == len(VOICE)
    assert page.samples == VOICE
    assert page.of(m.Flush) == []
    front_end = talk.controller.bridge.front_ends.of("a")
    await happens(lambda: front_end.control.last == page.seq["control"])
    await happens(lambda: front_end.microphone.ack == 20)
    assert (front_end.microphone.lost, front_end.microphone.stale) == (0, 0)
    assert len(talk.controller.links) == 1
    await no_more_than(before)
    await page.leave()


async def test_what_is_lost_with_a_socket_stays_lost_where_the_kernel_repeats_nothing(talk):
    page = await talk.page("a")
    await answered(page)
    talk.controller.bridge.repeat = lambda client: None
    await page.until(lambda: len(page.heard) >= 12)
    await cut(talk, page)
    await page.come_back()
    heard = len(page.heard)
    await page.say(m.SocketRequest(origin=ORIGIN))
    await page.until(lambda: page.insights)
    assert (len(page.heard), len(page.samples) < len(VOICE)) == (heard, True)


async def test_what_a_page_says_is_lost_with_its_socket_where_the_page_repeats_nothing(talk):
    page = await talk.page("a", repeats=False)
    await answered(page)
    await page.until(lambda: len(page.heard) >= 12)
    await cut(talk, page)
    await page.come_back()
    await page.say(m.SocketRequest(origin=ORIGIN))
    front_end = talk.controller.bridge.front_ends.of("a")
    await happens(lambda: front_end.control.hole)
    assert page.insights == []


# --- Several pages ---------------------------------------------------------------------------------------


async def test_another_page_plays_the_rest_of_an_answer_and_gives_it_back(talk):
    one, two = await talk.page("a"), await talk.page("b")
    await answered(one)
    await one.until(lambda: len(one.heard) >= 50)
    one.reporting = False  # what is played from here on is not known
    await two.say(m.TakeAudio())
    await two.until(lambda: len(two.heard) >= 50)
    assert (one.owns, two.owns) == (False, True)
    first = two.heard[0][0].first_sample
    assert 0 < first <= len(one.samples) // 2
    assert two.samples == VOICE[2 * first :][: len(two.samples)]
    two.reporting = False
    taken = len(one.heard)
    one.reporting = True
    await one.say(m.TakeAudio())
    await one.until(lambda: any(isinstance(message, m.SpeakerEnd) for message, _ in one.heard[taken:]))
    rest = one.heard[taken:]
    again = rest[0][0].first_sample
    assert first < again <= first + len(two.samples) // 2
    assert b"".join(data[0] for _, data in rest if data) == VOICE[2 * again :]
    await one.leave()
    await two.leave()


async def test_a_talk_whose_page_is_closed_goes_on_with_another(talk):
    one, two = await talk.page("a"), await talk.page("b")
    await answered(one)
    await one.until(lambda: len(one.heard) >= 50)
    await one.say(m.Bye())
    await one.leave()
    await two.until(lambda: any(isinstance(message, m.SpeakerEnd) for message, _ in two.heard))
    first = two.heard[0][0].first_sample
    assert two.samples == VOICE[2 * first :]
    assert first <= len(one.samples) // 2
    talk.clock.advance(11_000)
    assert talk.controller.state.phase == "live"
    await two.leave()


async def test_twenty_pages_that_open_and_close_leave_nothing_behind(talk):
    stays = await talk.page("stays")
    before = None
    for number in range(20):
        page = await talk.page(f"page {number}")
        await page.say(m.Bye())
        await page.leave()
        await happens(lambda: len(talk.controller.links) == 1)
        before = before or counts()
    await no_more_than(before)
    assert list(talk.controller.bridge.front_ends.clients) == ["stays"]
    await stays.leave()


async def test_a_talk_that_is_closed_ends_its_sockets_and_its_server(talk):
    page = await talk.page("a")
    port = talk.server.port
    await talk.close()
    await happens(lambda: page.closed is not None)
    assert (page.closed, talk.server.port) == (1001, 0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_page_asks_again_over_its_socket_and_that_stays_open(talk):
    page = await talk.page("a")
    await page.say(m.SocketRequest(origin=ORIGIN))
    await page.until(lambda: page.insights)
    offer = page.insights[0][0]
    assert (offer.client, offer.port, offer.reason) == ("a", talk.server.port, "")
    await page.say(m.SocketClosed(proof=offer.proof))  # names another socket
    await page.say(m.SocketRequest(origin=ORIGIN))
    await page.until(lambda: len(page.insights) == 2)
    await page.say(m.SocketClosed(proof=page.greeted["proof"]))
    await happens(lambda: page.closed is not None)
    await page.open(offer.token)
    await page.say(m.SocketRequest(origin=ORIGIN))
    await page.until(lambda: len(page.insights) == 3)
    await page.leave()


# --- Pages that do what they should not -------------------------------------------------------------------

BOMBS = {
    "nested": ("[" * 1_000_000, None),
    "nested body": (
        '{"lane":"control","epoch":0,"seq":9,"ack":0,"client":"rogue","kind":"text","body":'
        + "[" * 500_000
        + "]" * 500_000
        + "}",
        None,
    ),
    "number": ('{"lane":"control","epoch":' + "9" * 1_000_000 + "}", None),
    "not UTF-8": (b"\x02\0\0\0\xff\xff", None),
    "lying length": (b"\xff\xff\xff\x7f{}", 1008),
    "another's name": (
        '{"lane":"control","epoch":0,"seq":9,"ack":0,"client":"a","kind":"interrupt","body":{}}',
        1008,
    ),
    "too long": ("x" * (5 * 1024 * 1024), 1009),
    "flood": (['{"x":1}'] * 3000, 1013),
}


@pytest.mark.parametrize("kind", BOMBS)
async def test_a_page_that_does_what_it_should_not_does_not_hold_up_the_talk(talk, kind):
    page, rogue = await talk.page("a"), await talk.page("rogue")
    await answered(page)
    frames, code = BOMBS[kind]
    rogue._posted = frames if isinstance(frames, list) else [frames]
    await rogue.flush()
    if code is None:
        await rogue.say(m.SocketRequest(origin=ORIGIN))
        await rogue.until(lambda: rogue.insights)
        await page.wait_for(m.NoticeView, lambda notice: notice.code == "page-message")
        await rogue.leave()
    else:
        await rogue.until(lambda: rogue.closed is not None)
        assert rogue.closed == code
    await page.until(lambda: any(isinstance(message, m.SpeakerEnd) for message, _ in page.heard))
    assert page.samples == VOICE
    assert page.of(m.Flush) == []
    await page.leave()
