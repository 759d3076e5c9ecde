"""A page that holds the socket to the service, as its session sees it. Time is the test's own."""

import asyncio

import pytest

from livewidget.clock import ManualClock
from livewidget.connection.provider import MicrophoneTerms, ServiceAddress
from livewidget.errors import ConnectFailed, StateError
from livewidget.secret import Secret
from livewidget.transports.base import TransportClosed
from livewidget.ui import direct
from livewidget.ui import messages as m
from livewidget.ui.bridge import ServiceSocketsLost
from livewidget.ui.direct import NO_PAGE, ServiceSockets, own_count

from .page import Link

URL = "wss://live.example.org:8443/ws/Bidi"
TOKEN = "auth_tokens/0123456789secret"
ADDRESS = ServiceAddress(URL, Secret(TOKEN))
TERMS = MicrophoneTerms(pause_ms=20_000.0, end_silence_ms=800.0, holds_calls=True)


class Session:
    """Keeps what a session is told that a page has sent."""

    def __init__(self):
        self.told = []
        self.error = None

    def record_audio(self, first, samples, *, is_speech, at_ms):
        self._tell("audio", own_count(first), samples, is_speech, at_ms)
        self.counted = first

    def record_activity(self, active, at_ms):
        self._tell("activity", active, at_ms)

    def record_audio_end(self, at_ms):
        self._tell("audio_end", at_ms)

    def record_image(self, mime_type, size, number, at_ms):
        self._tell("image", mime_type, size, own_count(number), at_ms)
        self.pictured = number

    def _tell(self, *what):
        if self.error:
            raise self.error
        self.told.append(what)


class Rig(Link):
    """A bridge with pages, the sockets that its owner holds, and one session. The clocks of all are one."""

    def __init__(self):
        self.clock = ManualClock()
        super().__init__()
        self.host.handle = self._handle
        self.bridge._on_message = self._handle
        self.sent = []
        self.sockets = ServiceSockets(self.bridge, self.clock, self.sent.append)
        self.dialer = self.sockets.for_session()
        self.session = self.dialer.session = Session()

    @property
    def now(self):
        return self.clock.now_ms()

    @now.setter
    def now(self, value):
        self.clock.advance(value - self.clock.now_ms())

    def _handle(self, message):
        match message:
            case m.ServiceReport():
                self.sockets.take(message)
            case ServiceSocketsLost():
                self.sockets.lose()

    def owner(self, client="a"):
        page = self.page(client)
        page.send(m.TakeAudio())
        self.run(300)
        return page

    async def dial(self, page, address=ADDRESS):
        """A socket that is open."""
        opening = asyncio.create_task(self.dialer.open(address, TERMS))
        await self.pass_ms(0)
        report(page, page.asked[-1].socket, m.ServiceOpened(at_ms=self.now))
        transport = await opening
        page.asked.clear()
        return transport

    async def pass_ms(self, ms, step=50.0):
        """Let time pass, for the tasks as well."""
        end = self.now + ms
        while True:
            for _ in range(8):
                await asyncio.sleep(0)
            if self.now >= end:
                return
            self.run(step)


def report(page, socket, *items):
    page.send(m.ServiceReport(socket=socket, service_ack=page.service.last, items=items))


def frame(text="{}", at_ms=0.0, voice=0, first=0):
    return m.ServiceFrame(at_ms=at_ms, text=text, voice=voice, first=first)


def sound(first, samples=640, at_ms=0.0, is_speech=True):
    return m.ServiceSound(at_ms=at_ms, first=first, samples=samples, is_speech=is_speech)


def image(number):
    return m.ServiceImage(
        at_ms=0.0, source="camera", mime_type="image/jpeg", width=64, height=48, size=900, number=number
    )


def closed(code=1000, reason="", cause=""):
    return m.ServiceClosed(at_ms=0.0, code=code, reason=reason, cause=cause)


# --- To open one -----------------------------------------------------------------------------------------------


async def test_the_owning_page_is_told_where_to_connect_with_what_and_how_to_send():
    rig = Rig()
    page = rig.owner()
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(0)
    assert page.asked == [
        m.ServiceOpen(
            socket=1,
            url=URL,
            token=TOKEN,
            token_path="",
            pause_ms=20_000.0,
            end_silence_ms=800.0,
            holds_calls=True,
            needs_all=False,
        )
    ]
    assert not opening.done()
    report(page, 1, m.ServiceOpened(at_ms=rig.now))
    transport = await opening
    assert (transport.number, transport.round_trip_ms, transport.bytes_received) == (1, None, None)


async def test_the_token_is_shown_by_nothing_that_is_printed():
    rig = Rig()
    page = rig.owner()
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(0)
    shown = [repr(page.asked), repr(vars(rig.bridge)), repr(vars(rig.sockets)), repr(opening), repr(ADDRESS)]
    assert page.asked[0].token == TOKEN
    assert all("0123456789" not in text for text in shown)
    report(page, 1, closed(1006))
    with pytest.raises(ConnectFailed) as caught:
        await opening
    assert "0123456789" not in str(caught.value)


async def test_a_page_that_gets_its_own_token_is_told_where():
    rig = Rig()
    page = rig.owner()
    opening = asyncio.create_task(rig.dialer.open(ServiceAddress(URL, None, "/token"), MicrophoneTerms()))
    await rig.pass_ms(0)
    assert (page.asked[0].token, page.asked[0].token_path, page.asked[0].pause_ms) == ("", "/token", 0)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)


async def test_without_a_page_it_waits_a_while_and_says_what_is_needed():
    rig = Rig()
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(9_900)
    assert not opening.done()
    await rig.pass_ms(200)
    with pytest.raises(ConnectFailed) as caught:
        await opening
    assert str(caught.value) == NO_PAGE


async def test_a_page_that_comes_meanwhile_holds_the_socket_without_being_asked_to():
    rig = Rig()
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(3_000)
    page = rig.page("late")
    await rig.pass_ms(400)
    page.owns = True
    assert [to for content, _, to in rig.posted if content["lane"] == "service"] == ["late"]
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)


async def test_a_page_that_is_there_takes_the_place_of_one_that_sleeps():
    rig = Rig()
    asleep, there = rig.owner(), rig.page("b")
    asleep.reporting = False
    await rig.pass_ms(11_000)
    assert rig.bridge.front_ends.audio_owner == "a"
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(100)
    assert [type(asked) for asked in there.asked] == [m.ServiceOpen]
    assert (there.owns, asleep.asked) == (True, [])
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (closed(1006), ["live.example.org:8443", "do not say why", "leave direct out"]),
        (closed(1006, cause="blocked"), ["Content-Security-Policy", "wss://live.example.org:8443 to its"]),
        (closed(1006, cause="mixed"), ["https", "not encrypted", "wss:// address"]),
        (closed(1006, cause="offline"), ["offline", "check its network"]),
        (
            closed(1006, "Too many tokens this hour; wait 12 minutes.", "token"),
            ["got no token", "wait 12 min"],
        ),
        (closed(1006, cause="token"), ["got no token", "did not say why"]),
        (
            closed(1006, "a\nb auth_tokens/abcdefghijk", "token"),
            ["got no token for live.example.org:8443: a b"],
        ),
        (closed(1006, cause="unsupported"), ["another browser"]),
    ],
    ids=lambda value: getattr(value, "cause", "") or None,
)
async def test_why_a_page_could_not_connect_is_one_sentence_with_the_remedy(end, words):
    rig = Rig()
    page = rig.owner()
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(0)
    report(page, 1, end)
    with pytest.raises(ConnectFailed) as caught:
        await opening
    assert all(word in str(caught.value) for word in words), caught.value
    assert "abcdefghijk" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_page_that_does_not_open_it_in_time_is_told_to_leave_it():
    rig = Rig()
    page = rig.owner()
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(14_900)
    assert not opening.done()
    await rig.pass_ms(200)
    with pytest.raises(ConnectFailed, match="within 15 s"):
        await opening
    assert page.asked[-1] == m.ServiceClose(socket=1, code=1000, reason="")


async def test_time_in_which_a_cell_keeps_the_answer_waiting_does_not_count():
    rig = Rig()
    page = rig.owner()
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(0)
    rig.host.waits = "cell"
    await rig.pass_ms(60_000)
    assert not opening.done()
    rig.host.waits = ""
    await rig.pass_ms(2_000)
    report(page, 1, m.ServiceOpened(at_ms=rig.now))
    assert (await opening).is_open


async def test_who_gives_up_waiting_leaves_no_socket_behind():
    rig = Rig()
    page = rig.owner()
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(0)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    assert page.asked[-1] == m.ServiceClose(socket=1, code=1000, reason="")


async def test_a_page_that_is_closed_before_it_has_connected_is_said_to_be_gone():
    rig = Rig()
    page = rig.owner()
    opening = asyncio.create_task(rig.dialer.open(ADDRESS, TERMS))
    await rig.pass_ms(0)
    page.send(m.Bye())
    with pytest.raises(ConnectFailed, match="gone"):
        await opening


# --- What goes over it -----------------------------------------------------------------------------------------


async def test_frames_go_out_in_their_order_and_the_microphone_when_it_may():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    await transport.send('{"setup":{}}')
    await transport.send(b"{}")
    transport.ready()
    transport.release()
    assert page.asked == [
        m.ServiceSend(socket=1, frame='{"setup":{}}'),
        m.ServiceSend(socket=1, frame="{}"),
        m.ServiceTalk(socket=1),
        m.ServiceRelease(socket=1),
    ]


async def test_what_a_page_sent_is_told_between_the_frames_where_it_was():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    began = rig.now
    await rig.pass_ms(5_000)
    report(
        page,
        1,
        sound(0, at_ms=began + 100),
        frame('{"a":1}', at_ms=began + 200),
        m.ServiceActivity(at_ms=began + 300, active=True),
        sound(640, 1280, at_ms=began + 400, is_speech=False),
        m.ServiceAudioEnd(at_ms=began + 500),
        image(3),
        frame('{"b":2}', at_ms=began + 600),
    )
    assert await transport.receive() == '{"a":1}'
    assert rig.session.told == [("audio", 0, 640, True, began + 100)]
    assert transport.received_ms == began + 200
    assert await transport.receive() == '{"b":2}'
    assert rig.session.told[1:] == [
        ("activity", True, began + 300),
        ("audio", 640, 1280, False, began + 400),
        ("audio_end", began + 500),
        ("image", "image/jpeg", 900, 3, began + 500),  # it is dated at 0, and time does not go back
    ]
    assert transport.received_ms == began + 600
    assert [type(item).__name__ for item in rig.sent] == [
        "ServiceSound", "ServiceActivity", "ServiceSound", "ServiceAudioEnd", "ServiceImage",
    ]  # fmt: skip


async def test_what_was_held_back_for_a_minute_has_the_time_at_which_it_was():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    began, rig.host.waits, page.reporting = rig.now, "cell", False
    await rig.pass_ms(60_000)
    rig.host.waits, page.reporting = "", True
    report(page, 1, frame("one", at_ms=began + 1_000), frame("two", at_ms=began + 31_000))
    assert await transport.receive() == "one"
    assert transport.received_ms == began + 1_000
    assert await transport.receive() == "two"
    assert transport.received_ms == began + 31_000


async def test_a_page_with_a_clock_of_its_own_is_dated_by_the_kernels():
    """A page's clock begins with the page: only the difference that its reports show says what it means."""
    rig = Rig()
    page = rig.owner()
    rig.bridge.front_ends.owner.microphone.observe(0.0, 0.0)
    transport = await rig.dial(page)
    ahead = 0.0
    for shift in (0.0, -40.0):
        report(page, 1, frame("x", at_ms=rig.now + shift))
        await transport.receive()
        assert transport.received_ms <= rig.now
        assert transport.received_ms >= ahead
        ahead = transport.received_ms


@pytest.mark.parametrize("lie", [2.0**53, 0.0])
async def test_nothing_comes_from_the_future_or_before_what_came_before(lie):
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    report(page, 1, frame("a", at_ms=rig.now))
    await transport.receive()
    before = transport.received_ms
    report(page, 1, frame("b", at_ms=lie), frame("c", at_ms=1.0))
    for _ in range(2):
        await transport.receive()
        assert before <= transport.received_ms <= rig.now


async def test_a_frame_says_where_in_which_voice_its_sound_is():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    report(page, 1, frame("sound", voice=2, first=4_800))
    await transport.receive()
    rig.bridge.count_audio(5, 480, 24_000, rig.now)
    assert page.asked[-1] == m.ServiceVoice(voice=2, first=4_800, turn=5, sample=0)


async def test_receiving_that_is_given_up_loses_nothing():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    receiving = asyncio.create_task(transport.receive())
    await rig.pass_ms(0)
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    report(page, 1, frame("kept"))
    assert await transport.receive() == "kept"


async def test_a_backlog_lets_others_on_the_loop_go_on():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    report(page, 1, *[frame(str(number)) for number in range(500)])
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    assert [await transport.receive() for _ in range(500)] == [str(number) for number in range(500)]
    task.cancel()
    assert turns >= 10


# --- What is sent again ----------------------------------------------------------------------------------------


async def test_the_page_sends_again_what_it_has_and_what_it_has_not_is_said_to_be_lost():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    report(page, 1, sound(100, 640), image(7), closed(1006))
    with pytest.raises(TransportClosed):
        await transport.receive()
    counted, pictured = rig.session.counted, rig.session.pictured
    again = await rig.dial(page)
    assert await again.resend(counted, 640)
    assert await again.resend_image(pictured)
    assert page.asked == [
        m.ServiceResend(socket=2, first=100, samples=640),
        m.ServiceResendImage(socket=2, number=7),
    ]
    assert not await again.resend(counted + 640, 10)  # nobody has said that it sent this
    assert not await again.resend_image(pictured + 1)


async def test_what_is_older_than_a_pages_memory_cannot_be_sent_again():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    report(page, 1, sound(0, 640), frame())
    await transport.receive()
    first = rig.session.counted
    for number in range(80):
        await rig.pass_ms(1_000)
        report(page, 1, sound(640 + number * 16_000, 16_000, at_ms=rig.now), image(number))
    report(page, 1, frame())
    await transport.receive()
    assert not await transport.resend(first, 640)
    assert await transport.resend(rig.session.counted, 16_000)
    assert await transport.resend_image(rig.session.pictured)
    assert not await transport.resend_image(rig.session.pictured - direct.KEPT_IMAGES)


async def test_another_page_has_nothing_of_what_the_first_one_sent():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    report(page, 1, sound(0, 640), image(1), frame())
    await transport.receive()
    counted, pictured = rig.session.counted, rig.session.pictured
    other = rig.owner("b")
    again = await rig.dial(other)
    report(other, 2, sound(0, 640), image(1), frame())
    await again.receive()
    assert rig.session.counted != counted
    assert (await again.resend(counted, 640), await again.resend_image(pictured)) == (False, False)
    assert (await again.resend(rig.session.counted, 640), other.asked[-1].first) == (True, 0)


# --- How it ends -----------------------------------------------------------------------------------------------


async def test_what_came_before_the_end_is_read_before_it():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    report(page, 1, frame("last"), sound(0), closed(1011, "internal"), frame("after the end"))
    assert await transport.receive() == "last"
    for _ in range(2):
        with pytest.raises(TransportClosed) as caught:
            await transport.receive()
        assert (caught.value.code, caught.value.reason) == (1011, "internal")
    with pytest.raises(TransportClosed):
        await transport.send("{}")
    assert [told[0] for told in rig.session.told] == ["audio"]


async def test_to_close_waits_for_what_the_page_had_sent_by_then():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    closing = asyncio.create_task(transport.close())
    await rig.pass_ms(100)
    assert page.asked == [m.ServiceClose(socket=1, code=1000, reason="")]
    assert not closing.done()
    report(page, 1, sound(0), frame("still read"))
    report(page, 1, sound(640), closed(1000))
    await closing
    assert await transport.receive() == "still read"
    with pytest.raises(TransportClosed):
        await transport.receive()
    assert [told[1] for told in rig.session.told] == [0, 640]
    await transport.close()  # twice is allowed, and says nothing more
    assert len(page.asked) == 1


async def test_to_close_does_not_wait_long_and_what_is_told_late_is_known_all_the_same():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    rig.host.waits = "cell"
    closing = asyncio.create_task(transport.close())
    await rig.pass_ms(1_600)
    assert closing.done()
    rig.host.waits = ""
    again = await rig.dial(page)
    report(page, 1, sound(0), frame("late"), closed(1000))
    assert [told[1] for told in rig.session.told] == [0]
    report(page, 1, sound(640))  # after its end nothing is reported of a socket
    assert len(rig.session.told) == 1
    await again.send("{}")


async def test_sockets_end_with_the_page_that_holds_them():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    receiving = asyncio.create_task(transport.receive())
    await rig.pass_ms(0)
    rig.owner("b")
    with pytest.raises(TransportClosed) as caught:
        await receiving
    assert caught.value.code == 1006
    await transport.close()  # waits for nobody
    report(page, 1, sound(0))
    assert rig.session.told == []


async def test_another_model_may_be_dialled_beside_the_first():
    rig = Rig()
    page = rig.owner()
    first = await rig.dial(page)
    other = rig.sockets.for_session()
    other.session = Session()
    opening = asyncio.create_task(other.open(ADDRESS, TERMS))
    await rig.pass_ms(0)
    report(page, 2, m.ServiceOpened(at_ms=rig.now))
    second = await opening
    report(page, 1, sound(0), frame("first"))
    report(page, 2, sound(640), frame("second"))
    assert (await first.receive(), await second.receive()) == ("first", "second")
    assert ([told[1] for told in rig.session.told], [told[1] for told in other.session.told]) == ([0], [640])


async def test_a_session_that_has_ended_is_told_nothing():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    rig.session.error = StateError("closed")
    report(page, 1, sound(0), frame("still read"))
    assert await transport.receive() == "still read"


# --- Pages that lie --------------------------------------------------------------------------------------------


async def test_reports_of_sockets_that_nobody_opened_are_ignored():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    for number in (0, 2, 2**53):
        report(page, number, m.ServiceOpened(at_ms=0.0), frame("x"), sound(0), closed())
    assert (transport.ended, rig.session.told) == (None, [])


async def test_sound_that_was_reported_before_or_is_more_than_there_was_time_for_is_ignored():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    report(
        page,
        1,
        sound(16_000),
        sound(16_000),
        sound(0),
        sound(2**53 - 1),
        sound(20_000, 16_000 * 600),
        sound(17_000),
        frame(),
    )
    await transport.receive()
    assert [told[1] for told in rig.session.told] == [16_000, 17_000]


async def test_the_ten_seconds_that_a_page_has_waiting_are_believed():
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    for socket in range(250):
        report(page, 1, sound(socket * 640, at_ms=rig.now))
    report(page, 1, frame())
    await transport.receive()
    assert len(rig.session.told) == 250


async def test_a_page_cannot_fill_the_memory(monkeypatch):
    monkeypatch.setattr(direct, "WAITING_CHARS", 10_000)
    rig = Rig()
    page = rig.owner()
    transport = await rig.dial(page)
    for _ in range(20):
        report(page, 1, frame("x" * 1_000))
    assert len(transport._waiting) == 0
    with pytest.raises(TransportClosed) as caught:
        await transport.receive()
    assert caught.value.code == 1009
    assert page.asked == [m.ServiceClose(socket=1, code=1000, reason="")]
    notices = [notice.text for notice in page.of(m.NoticeView)]
    assert notices == [direct.TOO_MUCH]


async def test_sockets_that_are_closed_again_and_again_are_not_kept_without_end():
    rig = Rig()
    page = rig.owner()
    for _ in range(30):
        transport = await rig.dial(page)
        rig.host.waits = "cell"
        closing = asyncio.create_task(transport.close())
        await rig.pass_ms(1_600)
        await closing
        rig.host.waits = ""
    assert len(rig.sockets._transports) <= 9
