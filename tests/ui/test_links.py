import asyncio
import contextlib
import json
from contextvars import ContextVar, copy_context

import pytest

from livewidget.clock import ManualClock
from livewidget.errors import UsageError
from livewidget.secret import Secret
from livewidget.transports.base import TransportClosed
from livewidget.transports.memory import pair
from livewidget.ui.links import (
    BURST,
    MOST_LINKS,
    PER_S,
    QUEUED,
    FrameError,
    HourlyLimit,
    LinkRefused,
    Links,
    PageSessions,
    Tickets,
    greeting,
    pack,
    page_headers,
    page_html,
    read_opening,
    refuse,
    unpack,
)

HELLO = {"lane": "control", "seq": 1, "kind": "hello", "body": {"client": "a"}}
WHERE = ContextVar("WHERE")
ORIGIN = "http://localhost:8888"


# --- Frames ----------------------------------------------------------------------------------------------


def test_a_message_without_a_buffer_is_its_json():
    frame = pack(HELLO)
    assert isinstance(frame, str)
    text, buffers = unpack(frame)
    assert (json.loads(text), buffers) == (HELLO, [])


@pytest.mark.parametrize("data", [b"", b"\x01\x02", bytes(70_000)])
def test_a_message_with_a_buffer_is_its_length_the_json_and_the_bytes(data):
    frame = pack(HELLO | {"kind": "é"}, [data])
    assert int.from_bytes(frame[:4], "little") == len(frame) - 4 - len(data)
    text, buffers = unpack(frame)
    assert (json.loads(text), buffers) == (HELLO | {"kind": "é"}, [data])


@pytest.mark.parametrize(
    "frame", [b"", b"\x01\x00", b"\x00\x00\x00\x00{}", b"\x09\x00\x00\x00{}", b"\xff" * 9]
)
def test_a_frame_whose_length_is_wrong_is_not_taken_apart(frame):
    with pytest.raises(FrameError):
        unpack(frame)


# --- The first frame -------------------------------------------------------------------------------------


async def opening(frame, within_s=5.0):
    here, there = pair()
    if frame is not None:
        await there.send(frame)
    return await read_opening(here, within_s)


async def test_the_first_frame_names_the_page():
    told = await opening(json.dumps({"client": "9f", "tab": "t", "token": "CANARY", "more": 1}))
    assert (told.client, told.tab, told.token) == ("9f", "t", "CANARY")
    assert "CANARY" not in repr(told)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "x",
        "[]",
        b"{}",
        json.dumps({"client": ""}),
        json.dumps({"client": "a", "token": 1}),
        json.dumps({"client": "a" * 5000}),
        json.dumps({"client": "a", "more": "x" * 5000}),
        "[" * 4000,
    ],
)
async def test_another_first_frame_is_refused_in_one_sentence(frame):
    with pytest.raises(LinkRefused, match=r"^The page and this version .*: reload it\.$"):
        await opening(frame)


async def test_a_first_frame_that_never_comes_is_not_waited_for():
    with pytest.raises(LinkRefused, match="said nothing"):
        await opening(None, within_s=0.01)


async def test_a_page_that_is_gone_before_its_first_frame_is_gone():
    here, there = pair()
    await there.close()
    with pytest.raises(TransportClosed):
        await read_opening(here)


async def test_who_is_refused_is_told_why_and_closed():
    here, there = pair()
    await refuse(here, "No.")
    assert json.loads(await there.receive()) == {"error": "No."}
    with pytest.raises(TransportClosed) as closed:
        await there.receive()
    assert closed.value.code == 1008


def test_the_greeting_holds_the_proof_and_what_admits_next_time():
    spare = Tickets().issue("talk", ORIGIN, 60)
    told = json.loads(greeting("p", spare))
    assert told == {"proof": "p", "next": {"token": spare.token.reveal(), "proof": spare.proof}}
    assert json.loads(greeting()) == {"proof": "", "next": None}


def test_the_title_of_a_page_is_text():
    assert "<title>&lt;b&gt;&amp;</title>" in page_html("<b>&")


def connect_sources(*origins):
    policy = page_headers(origins)["Content-Security-Policy"]
    (found,) = [part for part in policy.split("; ") if part.startswith("connect-src")]
    return found.split()[1:]


def test_a_page_connects_to_its_server_and_to_the_services_that_were_named():
    assert connect_sources() == ["'self'"]
    service = "wss://generativelanguage.googleapis.com"
    assert connect_sources(service, service, "ws://[::1]:80") == ["'self'", service, "ws://[::1]:80"]
    other, plain = page_headers([service]), page_headers()
    assert {name for name in plain if plain[name] != other[name]} == {"Content-Security-Policy"}


@pytest.mark.parametrize(
    "origin",
    ["*", "wss:", "https://a.example", "wss://*.example", "wss://a.example/", "wss://a.example; script-src *",
     "wss://a.example\nX: y", "'unsafe-inline'", ""],
)  # fmt: skip
def test_a_service_is_named_whole_or_the_page_is_not_made(origin):
    with pytest.raises(UsageError, match=r"is not an origin that a page can connect to: .*\.$"):
        page_headers([origin])


# --- Tickets and sessions ---------------------------------------------------------------------------------


def test_a_ticket_admits_once():
    tickets = Tickets()
    ticket = tickets.issue("talk", ORIGIN, 60)
    assert tickets.redeem(ticket.token, ORIGIN).holder == "talk"
    assert tickets.redeem(ticket.token, ORIGIN) is None
    assert len(tickets) == 0


def test_a_ticket_says_nothing_of_its_token():
    ticket = Tickets().issue("talk", ORIGIN, 60)
    assert ticket.token.reveal() not in repr(ticket)


@pytest.mark.parametrize(
    "origin", ["http://localhost:9999", "https://localhost:8888", ORIGIN + "/", "null", ""]
)
def test_a_ticket_is_used_up_by_a_page_of_another_origin(origin):
    tickets = Tickets()
    ticket = tickets.issue("talk", ORIGIN, 60)
    assert tickets.redeem(ticket.token, origin) is None
    assert tickets.redeem(ticket.token, ORIGIN) is None


def test_a_ticket_may_be_for_pages_of_any_origin():
    tickets = Tickets()
    assert tickets.redeem(tickets.issue("talk", "", 60).token, "http://x") is not None


def test_a_ticket_for_one_page_admits_no_other():
    tickets = Tickets()
    assert tickets.redeem(tickets.issue("talk", "", 60, "a").token, "", "b") is None
    assert tickets.redeem(tickets.issue("talk", "", 60, "a").token, "", "a") is not None


def test_a_ticket_grows_old():
    clock = ManualClock()
    tickets = Tickets(clock)
    early, late = tickets.issue("talk", "", 60), tickets.issue("talk", "", 60)
    clock.advance(59_999)
    assert tickets.redeem(early.token, "") is not None
    clock.advance(1)
    assert tickets.redeem(late.token, "") is None


def test_no_other_token_admits():
    tickets = Tickets()
    tickets.issue("talk", "", 60)
    for token in ("", "x", "é", "\ud800"):
        assert tickets.redeem(Secret(token), "") is None


def test_one_holder_pushes_out_no_tickets_of_others_and_old_ones_go():
    clock = ManualClock()
    one, two = object(), object()
    tickets = Tickets(clock, most=3)
    kept = tickets.issue(two, "", 60)
    first, *rest = [tickets.issue(one, "", 60) for _ in range(4)]
    assert len(tickets) == 4
    assert tickets.redeem(first.token, "") is None
    assert [tickets.redeem(ticket.token, "").holder for ticket in (*rest, kept)] == [one, one, one, two]
    tickets.issue(one, "", 1)
    clock.advance(2000)
    tickets.issue(two, "", 60)
    assert len(tickets) == 1


def test_the_tickets_of_a_holder_end_with_it():
    one, two = object(), object()
    tickets = Tickets()
    gone, stays = tickets.issue(one, "", 60), tickets.issue(two, "", 60)
    tickets.end(one)
    assert (tickets.redeem(gone.token, ""), tickets.redeem(stays.token, "").holder) == (None, two)


def test_a_session_lasts_while_it_is_used():
    clock = ManualClock()
    sessions = PageSessions(clock)
    session = sessions.open("talk")
    for _ in range(3):
        clock.advance(11 * 3_600_000)
        assert sessions.find(session) == "talk"
    clock.advance(13 * 3_600_000)
    assert sessions.find(session) is None
    assert len(sessions) == 0


def test_a_session_lasts_while_its_page_is_open():
    clock = ManualClock()
    sessions = PageSessions(clock)
    session = sessions.open("talk")
    with sessions.held(session):
        clock.advance(48 * 3_600_000)
        assert sessions.find(session) == "talk"
        clock.advance(48 * 3_600_000)
    assert sessions.find(session) == "talk"


def test_sessions_are_bounded_and_end_with_their_holder():
    one, two = object(), object()
    sessions = PageSessions(most=2)
    first, second = sessions.open(one), sessions.open(one)
    sessions.find(first)
    third = sessions.open(two)
    assert [sessions.find(session) for session in (first, second, third)] == [one, None, two]
    sessions.end(one)
    assert [sessions.find(session) for session in (first, third)] == [None, two]


# --- Links -----------------------------------------------------------------------------------------------


class Host:
    """Links with a clock, and a record of what they were asked and have passed on."""

    def __init__(self, *, broadcast=True, pages=()):
        self.clock = ManualClock()
        self.pages = list(pages)
        self.posted = []
        self.received = []
        self.where = []
        self.repeated = []
        self.fails = None
        self.links = Links(
            (lambda content, buffers: self.posted.append(content["seq"])) if broadcast else None,
            receive=self.receive,
            repeat=self.repeated.append,
            pages=lambda: self.pages,
            context=lambda: self.context.copy(),
            clock=self.clock,
        )
        self.context = copy_context()
        self.serving = []

    def receive(self, text, buffers, client):
        self.where.append(WHERE.get(""))
        if self.fails is not None:
            raise self.fails
        message = json.loads(text)
        self.received.append((message.get("seq"), buffers, client))
        return message.get("client", client) == client

    async def open(self, client, proof=""):
        """Let a page in; returns its end of the socket."""
        here, there = pair()
        self.serving.append(asyncio.create_task(self.links.serve(here, client, proof)))
        await settle()
        return there

    def post(self, seq, to="", buffers=()):
        self.links.post({"seq": seq}, list(buffers), to)


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def got(page):
    """Return the numbers of what has come, and the close code if the socket has ended."""
    found = []
    with contextlib.suppress(TimeoutError):
        while True:
            try:
                async with asyncio.timeout(0.02):
                    found.append(json.loads(unpack(await page.receive())[0])["seq"])
            except TransportClosed as closed:
                return found, closed.code
    return found, None


async def test_each_page_gets_a_message_on_the_way_that_it_has():
    host = Host(pages=["a", "b"])
    host.post(1)
    page = await host.open("a")
    host.post(2)
    host.post(3, to="a")
    host.post(4, to="b")
    page_b = await host.open("b")
    host.post(5, buffers=[b"x"])
    assert (host.posted, await got(page), await got(page_b)) == ([1, 2, 4], ([2, 3, 5], None), ([5], None))
    await host.links.close()


async def test_a_host_without_a_way_of_its_own_reaches_open_sockets():
    host = Host(broadcast=False, pages=["a", "b"])
    page = await host.open("a")
    host.post(1)
    host.post(2, to="b")
    assert await got(page) == ([1], None)
    await host.links.close()


async def test_what_a_page_sends_is_handed_over_with_its_name_in_the_widgets_context():
    host = Host()
    host.context.run(WHERE.set, "cell")
    page = await host.open("a")
    await page.send(json.dumps({"seq": 1, "client": "a"}))
    await page.send(pack({"seq": 2, "client": "a"}, [b"pcm"]))
    await settle()
    assert host.received == [(1, [], "a"), (2, [b"pcm"], "a")]
    assert host.where == ["cell", "cell"]
    await host.links.close()


async def test_a_change_of_way_repeats_what_may_be_lost():
    host = Host(pages=["a"])
    page = await host.open("a")
    assert host.repeated == ["a"]
    await page.close()
    await settle()
    assert (host.repeated, len(host.links), "a" in host.links) == (["a", "a"], 0, False)
    host.post(1)
    assert host.posted == [1]


async def test_another_socket_of_a_page_takes_the_place_of_the_first():
    host = Host(pages=["a"])
    first, second = await host.open("a", "one"), await host.open("a", "two")
    host.post(1)
    assert (await got(first), await got(second)) == (([], 1000), ([1], None))
    assert (host.repeated, host.posted, len(host.links)) == (["a", "a"], [], 1)
    host.links.end("a", "one")  # comes late
    assert len(host.links) == 1
    host.links.end("a", "two")
    assert (len(host.links), await got(second)) == (0, ([], 1000))


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (json.dumps({"seq": 1, "client": "b"}), 1008),
        (b"\xff\xff\xff\xff{}", 1008),
        (b"", 1008),
    ],
)
async def test_a_page_that_is_not_what_it_says_is_cut(frame, code):
    host = Host(pages=["a", "c"])
    page, other = await host.open("a"), await host.open("c")
    await page.send(frame)
    assert (await got(page), len(host.links)) == (([], code), 1)
    host.post(1)
    assert (await got(other), host.posted) == (([1], None), [1])
    await host.links.close()


async def test_a_fault_of_ours_ends_the_socket_and_is_reported():
    host = Host()
    host.fails = RuntimeError("ours")
    page = await host.open("a")
    await page.send("{}")
    assert await got(page) == ([], 1011)
    with pytest.raises(RuntimeError, match="ours"):
        await host.serving[0]
    assert len(host.links) == 0


async def flood(host, page, messages, at_most=200):
    """Send; returns how many were sent before the socket was closed."""
    sent = 0
    with contextlib.suppress(TransportClosed):
        for _ in range(messages):
            await page.send('{"client": "a"}')
            sent += 1
            if sent % at_most == 0:
                await settle()
    await settle()
    return sent


async def test_a_burst_is_taken_and_a_flood_is_not():
    host = Host()
    page = await host.open("a")
    await flood(host, page, BURST - 10)
    assert len(host.received) == BURST - 10
    await flood(host, page, 300)
    assert BURST - 10 <= len(host.received) <= BURST
    assert (await got(page))[1] == 1013


@pytest.mark.parametrize(("a_second", "code"), [(PER_S - 20, None), (PER_S + 100, 1013)])
async def test_so_many_messages_a_second_are_taken_for_ever(a_second, code):
    host = Host()
    page = await host.open("a")
    for _ in range(30):
        await flood(host, page, a_second)
        host.clock.advance(1000)
    assert (await got(page))[1] == code
    await host.links.close()


async def test_large_messages_count_more():
    host = Host()
    page = await host.open("a")
    with contextlib.suppress(TransportClosed):
        for _ in range(40):
            await page.send(json.dumps({"client": "a", "x": "y" * 4_000_000}))
            await settle()
    assert 10 < len(host.received) < 25
    assert (await got(page))[1] == 1013


async def test_a_page_that_does_not_read_is_cut_and_holds_up_nobody():
    host = Host(pages=["a", "b"])
    deaf, page = await host.open("a"), await host.open("b")
    reading = asyncio.create_task(got(page))
    for seq in range(QUEUED + 300):
        host.post(seq)
        if seq % 100 == 0:
            await settle()
    await settle()
    assert ("a" in host.links, "b" in host.links) == (False, True)
    found, code = await reading
    assert (len(found), code) == (QUEUED + 300, None)
    await host.links.close()
    assert (await got(deaf))[1] == 1011


async def test_more_pages_than_there_may_be_end_the_oldest():
    host = Host()
    pages = [await host.open(str(number)) for number in range(MOST_LINKS + 1)]
    assert len(host.links) == MOST_LINKS
    assert [(await got(page))[1] for page in pages[:2]] == [1013, None]
    await host.links.close()


async def test_closed_links_end_all_sockets_and_take_no_others():
    host = Host(pages=["a"])
    page = await host.open("a")
    await host.links.close()
    late = await host.open("b")
    assert (await got(page), await got(late), len(host.links)) == (([], 1001), ([], 1001), 0)
    assert host.repeated == ["a"]


async def test_twenty_sockets_leave_no_task_behind():
    host = Host()
    before = len(asyncio.all_tasks())
    for number in range(20):
        page = await host.open(str(number % 3))
        host.post(1)
        await page.close()
        await settle()
    await asyncio.gather(*host.serving)
    assert (len(asyncio.all_tasks()), len(host.links), len(host.links._serving)) == (before, 0, 0)


# --- So many an hour ---------------------------------------------------------------------------------------

HOUR_MS = 3_600_000


def test_a_user_gets_so_many_within_any_hour_and_not_within_each():
    clock = ManualClock()
    limit = HourlyLimit(3, clock)
    for minutes in (0, 30, 59):
        clock.advance(minutes * 60_000 - clock.now_ms())
        assert limit.take("ada") == 0
    assert limit.take("ada") == 60  # the first one is an hour old in a minute
    assert (limit.count("ada"), limit.count("bob")) == (3, 0)
    assert limit.take("bob") == 0
    clock.advance(60_000)
    assert limit.take("ada") == 0
    assert limit.take("ada") == 30 * 60
    assert limit.count("ada") == 3


def test_what_is_given_back_counts_no_more():
    limit = HourlyLimit(1, ManualClock())
    assert limit.take("ada") == 0
    limit.give_back("ada")
    assert (limit.count("ada"), len(limit)) == (0, 0)
    limit.give_back("ada")
    assert limit.take("ada") == 0
    assert limit.take("ada") > 0


def test_users_are_bounded_and_those_of_the_last_hour_are_not_forgotten_for_others():
    clock = ManualClock()
    limit = HourlyLimit(2, clock, most=3)
    for user in ("a", "b", "c", "a"):
        assert limit.take(user) == 0
        clock.advance(60_000)
    assert limit.take("d") == 57 * 60  # b is the first to be forgotten; if a were, it would get more than two
    assert (limit.take("a") > 0, limit.take("b")) == (True, 0)
    clock.advance(HOUR_MS - 60_000)
    assert limit.take("d") == 0
    assert len(limit) == 2  # b and d
    clock.advance(HOUR_MS)
    assert limit.take("e") == 0
    assert len(limit) == 1


def test_a_name_is_kept_by_its_digest_only():
    limit = HourlyLimit(1, ManualClock())
    limit.take("ada" * 100_000)
    (kept,) = limit._taken
    assert len(kept) == 32
