"""Starts and stops that come quickly after one another, and before anything is open."""

import asyncio
import contextlib
import threading

import pytest

from livewidget import LiveWidget, StandIn
from livewidget.errors import ConnectFailed, LiveError
from livewidget.session import ReconnectPolicy
from tests.widget.jupyter import comms, end, until
from tests.widget.test_live import notices, tone, tutor

__all__ = ["comms"]
pytestmark = pytest.mark.usefixtures("comms")


class Slow(StandIn):
    """Takes its time to answer the telephone."""

    def __init__(self, **more):
        super().__init__(**more)
        self.ringing = threading.Event()

    async def dial(self):
        self.ringing.set()
        await asyncio.sleep(60)
        raise AssertionError("nobody waits that long")


class Stubborn(Slow):
    """The first time it connects when it is told not to."""

    dials = 0

    async def dial(self):
        self.dials += 1
        if self.dials == 1:
            with contextlib.suppress(asyncio.CancelledError):
                await super().dial()
        return await StandIn.dial(self)


def parts():
    return {"ears": lambda sound: "hello", "brain": lambda text: text, "voice": tone}


def test_stop_ends_a_session_that_is_still_being_opened():
    provider = Slow(**parts())
    live = LiveWidget(provider)
    live.start()
    assert provider.ringing.wait(5)
    assert live.phase == "connecting"
    live.stop()
    assert live.wait(5)
    assert live.phase == "ended"
    assert notices(live) == {}
    end(live)


def test_ask_says_that_the_talk_was_stopped_meanwhile():
    provider = Slow(**parts())
    live = LiveWidget(provider)
    raised = []

    def ask():
        try:
            live.ask("hello", 20)
        except LiveError as error:
            raised.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    assert provider.ringing.wait(5)
    live.stop()
    asking.join(5)
    assert raised == ["The session was stopped before it was open."]
    end(live)


def test_many_starts_and_stops_end_as_the_last_one_says():
    live = LiveWidget(tutor())
    for _ in range(10):
        live.start()
        live.stop()
    live.start()
    until(lambda: live.phase == "live" and live._controller.sessions._starting.done())
    assert live.ask("hello", 10).text == "You said hello"
    for _ in range(3):
        live.stop()
        live.start()
    live.stop()
    assert live.wait(10)
    live._background.submit(asyncio.sleep(0.1)).result(5)
    assert live.phase == "ended"
    end(live)


def test_what_is_asked_of_a_session_that_is_being_stopped_goes_to_the_next():
    """A start comes in the very step in which an opening, stopped already, has come to be open all the same."""
    provider = Stubborn(**parts())
    live = LiveWidget(provider)
    sessions = live._controller.sessions

    async def open_once_open():
        while live.phase != "live":  # noqa: ASYNC110 -- the very step counts
            await asyncio.sleep(0)
        return await sessions.open()

    live.start()
    assert provider.ringing.wait(5)
    opening = live._background.submit(open_once_open())
    live.stop()
    session = opening.result(5)
    assert provider.dials == 2
    assert session.is_open
    assert session is sessions.current
    end(live)


def test_what_is_asked_for_while_a_widget_closes_opens_nothing():
    live = LiveWidget(tutor())
    live.ask("one", 10)
    controller = live._controller

    async def close_and_start():
        closing = asyncio.create_task(controller.close())
        await asyncio.sleep(0)
        assert live.phase == "live"  # It is closing, and not closed yet.
        controller.start()
        controller.say("two")
        await closing

    live._background.submit(close_and_start()).result(10)
    until(lambda: controller.sessions._starting.done())
    assert live.phase == "ended"
    assert notices(live) == {}
    end(live)


# --- What a session that nobody ended leaves to the next -----------------------------------------------


class Unreachable(StandIn):
    """Cannot be dialled while `away` is set."""

    away = False

    async def dial(self):
        if self.away:
            raise ConnectFailed("There is no way to the service now.")
        return await super().dial()


HASTY = ReconnectPolicy(max_attempts=2, initial_delay_ms=1.0)


def broken_off(provider, **more):
    """A widget whose session has ended for want of a connection, after one question."""
    live = LiveWidget(provider, reconnect=HASTY, **more)
    live.ask("my name is Ann", 10)
    provider.away = True
    provider.simulate("drop")
    assert live.wait(10)
    until(lambda: live.phase == "ended")
    return live


def setup(live):
    return live.wire[0].json["setup"]


def told(live):
    """What the newest session was told as history."""
    contents = [frame.json["clientContent"] for frame in live.wire if frame.kind.startswith("clientContent")]
    return [part["text"] for content in contents for turn in content["turns"] for part in turn["parts"]]


def test_a_session_that_broke_off_is_resumed_by_the_next_start():
    """A change of the network that took longer than all attempts; and the first start after it fails, too."""
    provider = Unreachable(**parts())
    live = broken_off(provider)
    assert live._controller.state.ending == "interrupted"
    live.start()
    until(lambda: live._controller.state.ending == "never_opened")
    provider.away = False
    assert live.ask("and now", 10).text == "and now"
    assert "handle" in setup(live)["sessionResumption"]
    assert [turn.text for turn in live.turns] == ["my name is Ann", "my name is Ann", "and now", "and now"]
    assert notices(live) == {}
    end(live)


def test_what_a_service_has_forgotten_it_is_told():
    provider = Unreachable(**parts())
    live = broken_off(provider, history=[("user", "we met in May")])
    provider._resumptions._kept.clear()
    provider.away = False
    live.start()
    until(lambda: live.phase == "live")
    assert "handle" not in setup(live)["sessionResumption"]
    assert told(live) == ["we met in May", "my name is Ann", "my name is Ann"]
    end(live)


def test_another_provider_is_told_what_was_said_and_gets_no_handle():
    provider = Unreachable(**parts())
    live = broken_off(provider)
    live._controller.sessions.want(provider=StandIn(**parts()))
    live.start()
    until(lambda: live.phase == "live")
    assert "handle" not in setup(live)["sessionResumption"]
    assert told(live) == ["my name is Ann", "my name is Ann"]
    end(live)


def test_what_is_forgotten_is_told_to_no_session_whatever_becomes_of_it():
    """As for a phone call: the next caller is somebody else."""
    provider = Unreachable(**parts())
    live = broken_off(provider, history=[("user", "we met in May")])
    provider.away = False
    sessions = live._controller.sessions
    assert sessions.another.history == (("user", "we met in May"),)
    sessions.forget()
    assert live.ask("what is my name", 10).text == "what is my name"
    assert "handle" not in setup(live)["sessionResumption"]
    assert told(live)[:-1] == ["we met in May"]
    sessions.want(provider=StandIn(**parts()))  # told what was said, but not to the one before
    live._background.submit(sessions.reopen()).result(10)
    assert told(live) == ["we met in May", "what is my name", "what is my name"]
    assert live.turns[0].text == "my name is Ann", "a person at the page can still read it"
    end(live)


def test_a_conversation_that_somebody_ended_is_not_continued():
    live = LiveWidget(StandIn(**parts()))
    live.ask("my name is Ann", 10)
    live.stop()
    assert live.wait(10)
    until(lambda: live._controller.state.ending == "stopped")
    live.start()
    until(lambda: live.phase == "live")
    assert live._controller.state.ending == ""
    assert "handle" not in setup(live)["sessionResumption"]
    assert told(live) == []
    end(live)


def test_a_history_is_still_told_after_a_start_that_failed():
    provider = Unreachable(**parts())
    provider.away = True
    live = LiveWidget(provider, history=[("user", "we met in May")])
    live.start()
    until(lambda: live._controller.state.ending == "never_opened")
    provider.away = False
    live.start()
    until(lambda: live.phase == "live")
    assert told(live) == ["we met in May"]
    end(live)


def test_a_start_that_was_stopped_was_not_in_vain():
    """It never opened because somebody said so: that is not a failure."""
    provider = Slow(**parts())
    live = LiveWidget(provider)
    live.start()
    assert provider.ringing.wait(5)
    live.stop()
    assert live.wait(5)
    until(lambda: live._controller.state.ending == "stopped")
    end(live)


# --- What opening waits for ------------------------------------------------------------------------------


class SlowServer:
    """A source of tools that takes its time, as an MCP server that has to be downloaded."""

    starting = "Starting the MCP server weather…"

    def __init__(self):
        self.go_on = threading.Event()

    async def open(self):
        while not self.go_on.is_set():  # noqa: ASYNC110 -- of another thread
            await asyncio.sleep(0.01)
        return []

    async def close(self):
        pass


class Loading(StandIn):
    """Loads something on this computer before it answers."""

    starting = "Loading a large model…"

    def __init__(self, **more):
        super().__init__(**more)
        self.go_on = threading.Event()

    async def dial(self):
        while not self.go_on.is_set():  # noqa: ASYNC110 -- of another thread
            await asyncio.sleep(0.01)
        return await super().dial()


def test_the_card_says_what_opening_waits_for_and_then_no_more():
    server, provider = SlowServer(), Loading(**parts())
    live = LiveWidget(provider, tools=[server])
    live.start()
    until(lambda: notices(live) == {"starting": "Starting the MCP server weather…"})
    assert live.phase == "connecting"
    server.go_on.set()
    until(lambda: notices(live) == {"starting": "Loading a large model…"})
    provider.go_on.set()
    until(lambda: live.phase == "live")
    assert notices(live) == {}
    end(live)


def test_a_start_that_is_stopped_while_it_waits_says_no_more_what_for():
    server = SlowServer()
    live = LiveWidget(StandIn(**parts()), tools=[server])
    live.start()
    until(lambda: notices(live))
    live.stop()
    assert live.wait(5)
    until(lambda: notices(live) == {})
    end(live)


def test_the_tools_of_a_source_that_says_nothing_need_no_words():
    class Silent(SlowServer):
        starting = ""

    server = Silent()
    live = LiveWidget(StandIn(**parts()), tools=[server])
    live.start()
    live._background.submit(asyncio.sleep(0.8)).result(5)
    assert (live.phase, notices(live)) == ("connecting", {})
    server.go_on.set()
    until(lambda: live.phase == "live")
    end(live)
