"""A session's connections, one after the other."""

import asyncio
import contextlib
import itertools
import logging

import pytest

from livewidget.config import LiveConfig
from livewidget.errors import ConnectFailed, KeyRefused, LinkLost, QuotaExceeded, ServerFault, SetupRefused
from livewidget.events import ConnectionReplaced, GoAway, SessionEnded
from livewidget.session import ReconnectPolicy
from livewidget.session.supervisor import TRANSITIONS, LinkState, Trigger, diagram
from livewidget.session.usage import SessionStats
from livewidget.transports.base import TransportClosed
from livewidget.transports.memory import FRAMES_WAITING
from tests.peer import eventually

from .exchange import LOUD, QUIET, Exchange, Talk, settle, spoken

CANARY = "canary-handle-0123456789"
LOST = (1006, "")


# --- The table ----------------------------------------------------------------------------------------------


def test_every_state_has_a_row_and_can_be_reached():
    assert set(TRANSITIONS) == set(LinkState)
    reached = {state for row in TRANSITIONS.values() for state in row.values()}
    assert reached == set(LinkState) - {LinkState.NEW}


def test_every_trigger_leads_somewhere_and_every_state_can_be_stopped():
    assert {trigger for row in TRANSITIONS.values() for trigger in row} == set(Trigger)
    for state, row in TRANSITIONS.items():
        assert state is LinkState.CLOSED or row[Trigger.STOPPED] is LinkState.CLOSED


def test_the_diagram_has_one_arrow_for_each_pair_of_states():
    lines = diagram().splitlines()
    pairs = {(state, target) for state, row in TRANSITIONS.items() for target in row.values()}
    assert len(lines) == 2 + len(pairs)
    assert "    LEAVING --> DISCONNECTING: QUIET, OUT_OF_TIME, LINK_BROKE, SERVER_FAILED, UNHEARD" in lines


# --- Tries --------------------------------------------------------------------------------------------------


async def test_it_is_tried_again_with_longer_waits_and_then_the_session_ends():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [ConnectFailed("Nothing listens there.")] * 99
        await talk.peer.close(*LOST)
        times, dials = [], 1
        while not talk.told(SessionEnded):
            talk.clock.advance(50)
            await settle()
            if talk.peer.dials > dials:
                dials = talk.peer.dials
                times.append(talk.clock.now_ms())
        waits = [after - before for before, after in itertools.pairwise(times)]
        assert waits == [500, 1000, 2000, 4000, 8000]
        assert isinstance(talk.session.error, LinkLost)
        assert "6 times in vain: Nothing listens there." in str(talk.session.error)
        assert str(talk.session.error) == talk.told(SessionEnded)[0].error


async def test_a_server_that_accepts_and_closes_again_and_again_is_given_up():
    async with Talk() as talk:
        for _ in range(200):
            await talk.peer.close(1011, "Internal error encountered.")
            await talk.until(lambda: talk.told(SessionEnded) or not talk.peer.end._inbound.closed)
            if talk.told(SessionEnded):
                break
        assert talk.peer.dials <= 6
        assert isinstance(talk.session.error, ServerFault)


async def test_a_question_that_the_server_stumbles_over_is_not_asked_for_ever():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.session.send_text("poison")
        asked = 0
        for move in (1, 2, 3):
            asked += len(await talk.peer.rest())
            await talk.peer.close(1011, "Internal error encountered.")
            await talk.moved(move)
        assert asked == 3
        assert await talk.peer.rest() == []
        assert "say them again" in talk.notices["question-lost"]
        await talk.exchange("two", "second", "handle-2")
        assert talk.session.is_open


async def test_an_answer_makes_a_connection_a_good_one():
    async with Talk() as talk:
        for number in range(10):
            await talk.exchange("one", "first", f"handle-{number}")
            await talk.peer.close(*LOST)
            await talk.moved(number + 1)
            await talk.peer.rest()
        assert talk.session.is_open


# --- Storms -------------------------------------------------------------------------------------------------


async def storm(talk, serve, *, minutes=10):
    """Let each new connection be served for some time; returns the moments of the dials, in ms."""
    times, served = [], 0
    for _ in range(round(minutes * 1200)):
        if talk.told(SessionEnded):
            break
        if len(talk.peer.ends) > served:
            served = len(talk.peer.ends)
            times.append(talk.clock.now_ms())
            with contextlib.suppress(TransportClosed):
                await serve(served)
        await settle()
        talk.clock.advance(50)
        await settle()
    return times


async def empty_turn(talk, number):
    await talk.peer.turn_complete()
    await talk.peer.close(1011, "Internal error encountered.")


async def unasked_words(talk, number):
    await talk.peer.answer("Hello there.")
    await talk.peer.remember(f"handle-{number}")
    await talk.peer.close(1011, "Internal error encountered.")


async def orderly_close(talk, number):
    await talk.peer.turn_complete()
    await talk.peer.close(1000, "")


async def go_away_now(talk, number):
    await talk.peer.go_away("0s")


async def go_away_nonsense(talk, number):
    await talk.peer.go_away(None)
    await talk.peer.go_away("-3s")


async def abort(talk, number):
    await talk.peer.close(*LOST)


async def too_large(talk, number):
    await talk.peer.close(1006, "frame with 99 bytes exceeds limit of 9 bytes")


@pytest.mark.parametrize(
    "serve", [empty_turn, unasked_words, orderly_close, go_away_now, go_away_nonsense, abort, too_large]
)
async def test_a_server_that_drops_each_connection_is_given_up(serve):
    """A connection is good after some seconds, or an answer to what was said; until then it counts."""
    async with Talk() as talk:
        await talk.exchange("one", "first")
        times = await storm(talk, lambda number: serve(talk, number))
        assert talk.told(SessionEnded)
        assert 5 <= talk.peer.dials <= 8
        assert min(after - before for before, after in itertools.pairwise(times)) >= 500
        assert "in a row" in str(talk.session.error)
        assert talk.session.stats.redials == talk.peer.dials - 1


class Hasty(Exchange):
    """Says something over each connection but the first, and drops it, before anything can be sent."""

    async def dial(self):
        client = await super().dial()
        if self.dials > 1:
            self.dropping = asyncio.create_task(self.drop(self.end))
        return client

    async def drop(self, end):
        await end.receive()  # the setup
        await self.answer("Hello there.")
        await end.close(1011, "Internal error encountered.")


async def test_a_server_that_drops_each_connection_before_it_is_used_is_given_up():
    async with Talk(Hasty()) as talk:
        await talk.exchange("one", "first")
        await talk.peer.close(*LOST)
        await talk.until(lambda: talk.told(SessionEnded), 60_000)
        assert talk.peer.dials == 7
        text = str(talk.session.error)
        assert text.startswith("6 connections in a row ended soon after they were opened. The service failed")
        assert isinstance(talk.session.error, ServerFault)
        assert "Internal error encountered." in talk.notices["reconnecting"]


async def test_a_server_that_answers_and_drops_again_and_again_has_a_budget():
    """Each connection is good, so that attempts do not add up; the hour does."""
    policy = ReconnectPolicy(random=lambda: 1.0, dials_per_hour=20)
    async with Talk(reconnect=policy) as talk:

        async def serve(number):
            await talk.session.send_text(f"question {number}")
            await settle()
            await talk.peer.answer("An answer.")
            await settle()
            await talk.peer.close(1011, "Internal error encountered.")

        times = await storm(talk, serve)
        assert len(times) == talk.peer.dials == talk.session.stats.redials + 1 == 20
        assert min(after - before for before, after in itertools.pairwise(times)) >= 500
        text = str(talk.session.error)
        assert text.startswith("20 connections were needed within an hour, so no further one is tried;")
        assert "fault of its own" in text


@pytest.mark.parametrize(("dials_per_hour", "survives"), [(8, True), (6, False)])
async def test_only_the_dials_of_the_last_hour_count(dials_per_hour, survives):
    policy = ReconnectPolicy(random=lambda: 1.0, dials_per_hour=dials_per_hour)
    async with Talk(reconnect=policy) as talk:
        for number in range(20):
            await talk.exchange("one", "first", f"handle-{number}")
            await talk.wait(8 * 60_000, 10_000)
            await talk.peer.close(*LOST)
            await talk.until(lambda: talk.told(SessionEnded) or not talk.peer.end._inbound.closed)
            if talk.told(SessionEnded):
                break
            await talk.peer.set_up()
        assert talk.session.is_open is survives


async def test_changed_settings_are_no_storm():
    policy = ReconnectPolicy(random=lambda: 1.0, dials_per_hour=2)
    async with Talk(reconnect=policy) as talk:
        for number in range(1, 5):
            renewed = asyncio.create_task(talk.session.update(LiveConfig(temperature=number / 10)))
            await talk.moved(number)
            await renewed
        assert talk.session.is_open
        assert talk.session.stats.redials == 4


async def test_a_go_away_right_after_the_start_is_not_hurried():
    async with Talk() as talk:
        await talk.peer.go_away("50s")
        await talk.wait(9_500)
        assert talk.told(ConnectionReplaced) == []
        await talk.moved()


@pytest.mark.parametrize("error", [ConnectFailed, QuotaExceeded, ServerFault])
async def test_the_wait_that_a_server_asks_for_is_kept(error):
    def refusal(seconds):
        made = error("Not now.") if error is ConnectFailed else error("Not now.", code=429)
        made.retry_after_s = seconds
        return made

    async with Talk() as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [refusal(30.0), refusal(None)]
        await talk.peer.close(*LOST)
        await talk.until(lambda: talk.peer.dials == 2)
        await talk.wait(29_000)
        assert talk.peer.dials == 2
        await talk.until(lambda: talk.peer.dials == 3, 1_500)
        await talk.moved()
        talk.peer.refusals = [refusal(3600.0)]
        await talk.peer.close(*LOST)
        await talk.until(lambda: talk.told(SessionEnded))
        assert str(talk.session.error) == "Not now."
        assert talk.peer.dials == 5


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (1007, "API key not valid. Please pass a valid API key.", KeyRefused),
        (1011, "You exceeded your current quota, please check your plan and billing details", QuotaExceeded),
        (1008, "RESOURCE_EXHAUSTED", QuotaExceeded),
        (1011, "429 Too Many Requests", QuotaExceeded),
    ],
)
async def test_what_another_connection_would_not_mend_ends_the_session(code, reason, error):
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.peer.close(code, reason)
        await eventually(lambda: talk.told(SessionEnded))
        assert type(talk.session.error) is error
        assert talk.peer.dials == 1


async def test_a_key_that_is_refused_while_moving_is_tried_once():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [(1007, "API key expired. Please renew the API key.")]
        await talk.peer.close(*LOST)
        await talk.until(lambda: talk.told(SessionEnded))
        assert isinstance(talk.session.error, KeyRefused)
        assert talk.peer.dials == 2


MID_TALK = [
    (1007, "Request contains an invalid argument."),
    (1000, "The operation was cancelled."),
    (1000, ""),
    (1001, ""),
    (1008, "Policy violation"),
    (1008, "models/gemini-3.8-live is not found for API version v1beta"),
    (1009, ""),
    (1011, "Deadline expired before operation could complete."),
    (1012, "service restart"),
    (1007, "Thinking level is not supported for this model."),
    (4000, "something new"),
]


@pytest.mark.parametrize(("code", "reason"), MID_TALK)
async def test_a_close_after_an_answer_is_no_refusal_of_the_setup(code, reason):
    """Every close but one over key or quota: the talk goes on with the handle, and no setting is blamed."""
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.peer.close(code, reason)
        assert (await talk.moved()).resumed
        assert talk.peer.setups[-1].session_resumption.handle == "handle-1"
        await talk.exchange("two", "second", "handle-2")
        # So it is where the next connection has not brought an answer yet.
        await talk.peer.close(*LOST)
        await talk.moved(2)
        await talk.peer.close(code, reason)
        await talk.moved(3)
        await talk.exchange("three", "third", "handle-3")
        assert talk.session.error is None
        shown = talk.notices["reconnecting"]
        assert not any(word in shown for word in ("settings", "key", "setup"))


@pytest.mark.parametrize(("code", "reason"), MID_TALK)
async def test_what_ends_the_talk_for_good_blames_neither_key_nor_settings(code, reason):
    async with Talk() as talk:
        await talk.exchange("one", "first")
        for _ in range(20):
            await talk.peer.close(code, reason)
            await talk.until(lambda: talk.told(SessionEnded) or not talk.peer.end._inbound.closed)
            if talk.told(SessionEnded):
                break
        assert type(talk.session.error) is ServerFault
        text = str(talk.session.error)
        assert text.startswith("6 connections in a row ended soon after they were opened.")
        quoted = f'It said: "{reason}"'
        assert not any(word in text.replace(quoted, "") for word in ("settings", "key", "setup", "model,"))
        assert talk.peer.dials == 7


@pytest.mark.parametrize("code", [1007, 1008])
async def test_a_refusal_before_any_answer_ends_the_session(code):
    async with Talk() as talk:
        await talk.peer.close(code, "Request contains an invalid argument.")
        await eventually(lambda: talk.told(SessionEnded))
        assert isinstance(talk.session.error, SetupRefused)
        assert talk.peer.dials == 1


@pytest.mark.parametrize("code", [1008, 1011, 1001, 1000])
async def test_who_said_go_away_may_close_as_it_likes(code):
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.session.send_text("two")
        await talk.peer.go_away("50s")
        await eventually(lambda: talk.told(GoAway))
        await talk.peer.close(code, "whatever")
        await talk.moved()
        assert talk.session.is_open


async def test_a_handle_that_the_server_stumbles_over_is_dropped():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [(1011, "Internal error encountered.")] * 3
        await talk.peer.close(*LOST)
        assert not (await talk.moved()).resumed


# --- While there is no connection ---------------------------------------------------------------------------


async def test_what_is_sent_meanwhile_waits_and_keeps_its_order():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [ConnectFailed("No.")] * 2
        await talk.peer.close(*LOST)
        await settle()
        assert talk.session.is_open
        await talk.session.send_audio(LOUD)
        await talk.session.send_text("two")
        await talk.session.send_audio(QUIET)
        await talk.session.send_text("three")
        await talk.moved()
        sent = await talk.peer.rest()
        kinds = ["sound" if one.realtime_input else one.client_content.turns[0].parts[0].text for one in sent]
        assert kinds == ["sound", "two", "sound", "three"]
        assert [text for _, text in talk.texts[2:]] == ["two", "three"]


async def test_what_was_lost_and_sent_again_is_counted():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        assert talk.session.stats == SessionStats()
        await talk.session.send_text("two")
        talk.peer.refusals = [ConnectFailed("No.")]
        await talk.peer.close(*LOST)
        await settle()
        for _ in range(700):
            await talk.session.send_audio(LOUD)
        await talk.moved()
        await talk.peer.rest()
        stats = talk.session.stats
        assert (stats.reconnects, stats.replayed_items, stats.dropped_audio_ms) == (1, 1, 10_000)
        assert stats.redials + 1 == talk.peer.dials == 3


async def test_sound_that_would_be_too_much_gives_way_and_is_told():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [ConnectFailed("No.")] * 2
        await talk.peer.close(*LOST)
        await settle()
        for _ in range(700):
            await talk.session.send_audio(LOUD)
        await talk.moved()
        assert len(spoken(await talk.peer.rest())) == len(LOUD) * 600
        assert "10 s" in talk.notices["sound-lost"]


async def test_a_session_can_be_closed_while_it_moves():
    before = asyncio.all_tasks()
    async with Talk() as talk:
        talk.peer.refusals = [ConnectFailed("No.")] * 99
        await talk.peer.close(*LOST)
        await talk.until(lambda: talk.peer.dials == 3)
    assert talk.session.error is None
    assert [event.error for event in talk.told(SessionEnded)] == [None]
    assert asyncio.all_tasks() == before


async def test_a_session_that_is_closed_while_it_sends_what_waited_leaves_no_link_open():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [ConnectFailed("No.")]
        await talk.peer.close(*LOST)
        await settle()
        for _ in range(FRAMES_WAITING + 50):  # more than the link takes in before somebody reads
            await talk.session.send_audio(LOUD)
        await talk.until(lambda: len(talk.peer.ends) == 2)
        await settle()
        assert talk.told(ConnectionReplaced)
        assert talk.session.time_left_ms is not None
    assert talk.peer.end._inbound.closed


async def test_without_handing_over_the_session_ends_with_its_connection():
    async with Talk(reconnect=ReconnectPolicy(enabled=False)) as talk:
        await talk.exchange("one", "first")
        await talk.peer.go_away("10s")
        await talk.wait(20_000)
        assert talk.told(ConnectionReplaced) == []
        await talk.peer.close(*LOST)
        await eventually(lambda: talk.told(SessionEnded))
        assert isinstance(talk.session.error, LinkLost)


async def test_the_handle_is_shown_nowhere(caplog):
    caplog.set_level(logging.DEBUG)
    async with Talk() as talk:
        await talk.exchange("one", "first", CANARY)
        talk.peer.refusals = [(1008, f"session {CANARY} not found"), ConnectFailed("No.")]
        await talk.peer.go_away("50s")
        await talk.moved()
        shown = [repr(talk.session), repr(talk.events), *talk.notices.values(), caplog.text]
        assert CANARY not in "".join(shown) + talk.session.wire.to_jsonl() + repr(talk.session.wire.frames)
