"""A page holds the socket, and the session stays here: against the stand-in's real server, over real sockets."""

import asyncio
from collections import deque
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace

import pytest

from livewidget.clock import ManualClock
from livewidget.config import Limits, LiveConfig
from livewidget.connection import Connection, Gemini, MicrophoneTerms, mint
from livewidget.errors import AnswerTimeout, ConfigError, ConnectFailed, SetupTimeout, StateError
from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    ConnectionReplaced,
    ImageSent,
    Notice,
    OutputAudio,
    TurnComplete,
)
from livewidget.session import LiveSession, ReconnectPolicy
from livewidget.session.supervisor import Trigger
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from livewidget.turns import Floor
from tests.direct_page import DirectPage
from tests.standin.puppets import LOUD, QUIET, Brain, Ears, Voice

KEY = "canary-key-0123456789"
TUTOR = "offline-tutor"
#: A model that must not be spoken to while it waits for a tool.
BLOCKING = "gemini-2.5-flash-native-audio-preview-12-2025"
SOON = 20.0
FAST = ReconnectPolicy(initial_delay_ms=50, max_delay_ms=100, min_interval_ms=10, stable_s=0.2)


async def eventually(condition, within_s=SOON):
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Talk:
    """A session with a page, and the stand-in's server behind it."""

    def __init__(self, *texts, connection_s=None, key=KEY, model=TUTOR, clock=None):
        self.ears, self.brain, self.voice, self.model = Ears(*texts), Brain(), Voice(), model
        self.standin = StandIn(
            model, ears=self.ears, brain=self.brain, voice=self.voice, connection_s=connection_s
        )
        self.server = Server(self.standin, wss_port=None, key=key)
        self.page = DirectPage(clock)
        self.key, self.clock = key, clock
        self.events = []

    @asynccontextmanager
    async def open(self, config=None, *, provider=None, reconnect=FAST, **more):
        async with self.server:
            self.provider = provider or Gemini(
                self.model, api_key=self.key, base_url=self.server.ws, direct=True
            )
            self.session = LiveSession(
                self.provider,
                config or LiveConfig(),
                page=self.page,
                reconnect=reconnect,
                clock=self.clock,
                **more,
            )
            self.page.session = self.session
            self.session.subscribe(self.events.append)
            async with self.session:
                await eventually(lambda: self.page.ready_calls)
                yield self

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def notices(self):
        return {event.code: event.text for event in self.told(Notice)}

    async def say(self, loud=3, quiet=12):
        """A question aloud, and silence after it."""
        for _ in range(loud):
            await self.page.speak(LOUD)
        for _ in range(quiet):
            await self.page.speak(QUIET, is_speech=False)

    async def answered(self, count=1):
        await eventually(lambda: len(self.told(TurnComplete)) >= count)

    def texts(self):
        return [(turn.speaker, turn.text) for turn in self.session.turns]


# --- A conversation -----------------------------------------------------------------------------------------


async def test_a_spoken_question_and_its_answer():
    talk = Talk("hello there")
    async with talk.open() as it:
        await it.say()
        await it.answered()
        assert it.texts() == [("user", "hello there"), ("model", "echo hello there")]
        answer = it.session.turns[-1]
        heard = it.told(OutputAudio)
        assert all(event.data == b"" and event.peak is not None for event in heard)
        assert sum(event.samples for event in heard) == answer.audio_samples == len(it.page.played) // 2 > 0
        (address,) = set(it.page.addresses)
        assert address.endswith("v1alpha.GenerativeService.BidiGenerateContentConstrained")
        assert len(it.page.tokens) == 1
        assert await it.session.ask("typed") == it.session.turns[-1]


async def test_no_sound_overtakes_what_was_typed_while_the_connection_was_opened():
    talk = Talk()
    async with talk.server:
        provider = Gemini(TUTOR, api_key=KEY, base_url=talk.server.ws, direct=True)
        session = talk.page.session = LiveSession(provider, LiveConfig(), page=talk.page, reconnect=FAST)
        opening = asyncio.create_task(session.start())
        await asyncio.sleep(0)
        await talk.page.speak(LOUD)
        session.put_text("typed")
        await opening
        await eventually(lambda: "audio" in talk.page.posted)
        assert talk.page.posted == ["setup", "clientContent", "audio"]
        await session.close()


async def test_the_wire_shows_what_the_page_sent_and_no_secret():
    talk = Talk("hello there")
    async with talk.open() as it:
        await it.say()
        await it.answered()
        it.page.show(7, b"\xff\xd8" + bytes(1000))
        await eventually(lambda: it.told(ImageSent))
        log = it.session.wire.to_jsonl()
        secrets = [KEY, *it.page.tokens, *(token.replace("/", "%2F") for token in it.page.tokens)]
        assert not any(secret in log + repr(it.provider) + repr(vars(it.provider)) for secret in secrets)
        frames = [frame for frame in it.session.wire.frames if frame.kind == "realtimeInput.audio"]
        assert frames[0].json == {
            "realtimeInput": {"audio": {"audio": {"ms": 100, "rate": 16000, "peaks": []}}}
        }
        assert frames[0].size > len(LOUD) * 4 / 3
        (picture,) = [frame for frame in it.session.wire.frames if frame.kind == "realtimeInput.video"]
        assert picture.json["realtimeInput"]["video"]["image"]["bytes"] == 1002
        sound = [
            frame.json["serverContent"]["modelTurn"]["parts"][0]["inlineData"]["audio"]
            for frame in it.session.wire.frames
            if not frame.outgoing and "modelTurn" in frame.text
        ]
        assert sum(one["ms"] for one in sound) == round(len(it.page.played) / 48)


async def test_a_keyless_server_on_this_computer_needs_no_token():
    async with Talk("hi", key=None).open() as it:
        await it.say()
        await it.answered()
        assert not it.page.tokens
        assert "Constrained" not in it.page.addresses[0]


async def test_without_a_page_it_says_so(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    with pytest.raises(ConfigError, match="a page holds the socket"):
        await LiveSession(Gemini(direct=True)).start()
    with pytest.raises(ConfigError, match=r"leave direct out"):
        await LiveSession(Gemini(base_url="ws://127.0.0.1:1", direct=True)).start()


# --- One connection after another ---------------------------------------------------------------------------


async def test_two_hand_overs_each_with_a_new_token():
    talk = Talk("one", "two", "three", connection_s=1.6)
    async with talk.open() as it:
        for count in range(3):
            await eventually(lambda count=count: len(it.told(ConnectionReplaced)) >= count)
            await it.say()
            await it.answered(count + 1)
        await eventually(lambda: len(it.told(ConnectionReplaced)) >= 2)
        assert {event.why for event in it.told(ConnectionReplaced)} == {"go_away"}
        assert all(event.resumed for event in it.told(ConnectionReplaced))
        assert len(set(it.page.tokens)) == len(it.page.tokens) == len(it.page.sockets) >= 3
        echoes = [text for speaker, text in it.texts() if speaker == "model"]
        assert echoes == ["echo one", "echo two", "echo three"]


async def test_a_cut_in_mid_question_is_answered_once_with_what_the_page_kept():
    talk = Talk("whole question")
    async with talk.open() as it:
        await it.session.ask("before")
        for _ in range(4):
            await it.page.speak(LOUD)
        await eventually(lambda: it.session.stats.replayed_items == 0 and len(it.ears.heard) >= 4 * len(LOUD))
        await it.page.cut()
        for _ in range(2):  # They wait in the page.
            await it.page.speak(LOUD)
        await it.say(loud=0)
        await it.answered(2)
        await asyncio.sleep(0.3)
        assert [text for speaker, text in it.texts() if speaker == "model"] == [
            "echo before",
            "echo whole question",
        ]
        assert it.page.resent
        assert [text for mind in it.brain.minds for text, _ in mind.asked] == ["before", "whole question"]
        assert it.session.stats.dropped_audio_ms == 0
        (replaced,) = it.told(ConnectionReplaced)
        assert replaced.why == "link"
        assert replaced.replayed


async def test_a_page_that_leaves_takes_what_it_kept_and_that_is_said():
    talk = Talk("lost")
    async with talk.open() as it:
        await it.session.ask("before")
        for _ in range(4):
            await it.page.speak(LOUD)
        await eventually(lambda: len(it.ears.heard) >= 4 * len(LOUD))
        await it.page.leave()
        await eventually(lambda: "sound-lost" in it.notices)
        assert "is gone" in it.notices["sound-lost"]
        assert it.session.stats.dropped_audio_ms >= 400
        await eventually(lambda: it.page.ready_calls == 2)
        assert (await it.session.ask("after")).text == "echo after"


async def test_what_the_page_has_received_before_its_socket_is_closed_is_taken():
    """It was played there: it must not be lost with the connection that is left."""
    talk = Talk()
    async with talk.open() as it:
        await it.session.ask("before")
        arrived = asyncio.Event()
        it.page.slow = arrived  # What it reports is on its way still.
        it.session.put_text("late")
        await eventually(lambda: sum("turnComplete" in str(frame) for frame in it.page.frames) == 2)
        it.session._supervisor._leave(Trigger.UNHEARD)
        await eventually(lambda: it.page.closing)
        assert ("model", "echo late") not in it.texts()
        arrived.set()
        await eventually(lambda: it.told(ConnectionReplaced))
        assert it.texts()[-2:] == [("user", "late"), ("model", "echo late")]
        (replaced,) = it.told(ConnectionReplaced)
        assert not replaced.replayed
        kinds = [frame.kind for frame in it.session.wire.frames]
        (closed,) = [number for number, kind in enumerate(kinds) if kind == "close"]
        assert it.session.wire.frames[closed].outgoing
        assert kinds[closed + 1] == "setup"


# --- Push-to-talk, tools, pictures --------------------------------------------------------------------------


async def test_push_to_talk_keeps_its_order_and_its_dates():
    talk = Talk("pressed")
    config = LiveConfig.from_kwargs(turn_detection="push_to_talk")
    async with talk.open(config) as it:
        assert it.page.terms.needs_all
        it.page.press(True)
        await it.say(quiet=0)
        it.page.press(False)
        await it.answered()
        kinds = [frame.kind for frame in it.session.wire.frames if frame.outgoing][1:]
        assert kinds == [
            "realtimeInput.activityStart",
            *["realtimeInput.audio"] * 3,
            "realtimeInput.activityEnd",
        ]
        assert len(it.told(ActivityStart)) == len(it.told(ActivityEnd)) == 1
        assert it.texts() == [("user", "pressed"), ("model", "echo pressed")]


async def test_a_call_holds_the_microphone_in_the_page_until_it_is_over():
    called, may_end = asyncio.Event(), asyncio.Event()

    async def weather(city: str) -> str:
        """Tell the weather."""
        called.set()
        await may_end.wait()
        return "sunny"

    talk = Talk("call weather", "after the call", model=BLOCKING)
    async with talk.open(tools=[weather]) as it:
        assert it.page.terms.holds_calls
        await it.say()
        await asyncio.wait_for(called.wait(), SOON)
        await it.say()
        await asyncio.sleep(0.3)
        assert it.page.holds
        assert len(it.ears.heard) == 15 * len(LOUD), "only what was said before the call"
        may_end.set()
        await it.answered(2)
        assert it.page.release_calls == 1
        assert [text for speaker, text in it.texts() if speaker == "user"] == [
            "call weather",
            "after the call",
        ]


async def test_a_call_that_never_runs_lets_the_microphone_go_on_at_once():
    talk = Talk("call weather", "after it", model=BLOCKING)
    async with talk.open(tools=[{"name": "weather"}]) as it:
        await it.say()
        await eventually(lambda: it.page.holds)
        (use,) = [use for turn in it.session.turns for use in turn.tools]
        await it.session.send_tool_result(use.id, "rain")
        await eventually(lambda: not it.page.holds)


# --- While the kernel is busy -------------------------------------------------------------------------------


async def pass_hour(clock):
    """An hour passes, with a look at the time each minute."""
    for _ in range(60):
        clock.advance(60_000)
        for _ in range(5):
            await asyncio.sleep(0)


async def test_an_hour_in_which_the_kernel_is_busy_infers_nothing_and_dates_all_by_the_page():
    clock = ManualClock()
    talk = Talk("first", "second", clock=clock)
    async with talk.open() as it:
        await it.say()
        await it.answered()
        clock.advance(1000)
        it.page.busy = True
        asked_ms, frames = clock.now_ms(), len(it.page.frames)
        await it.say(quiet=0)
        clock.advance(700)
        await it.say(loud=0)
        await eventually(lambda: any("turnComplete" in str(frame) for frame in it.page.frames[frames:]))
        await pass_hour(clock)
        await asyncio.sleep(0.2)
        assert it.texts() == [("user", "first"), ("model", "echo first")]
        assert not it.told(ConnectionReplaced)
        assert not it.told(Notice)
        it.page.busy = False
        await it.answered(2)
        assert it.texts()[2:] == [("user", "second"), ("model", "echo second")]
        assert it.session.turns[-1].timing.first_sound_ms == pytest.approx(700, abs=50)
        answer = [frame for frame in it.session.wire.frames if "turnComplete" in frame.text][-1]
        first = it.session.wire.frames[0]
        assert answer.at_ms - first.at_ms <= asked_ms + 700
        assert not it.told(Notice)


async def test_a_connection_that_ends_while_the_kernel_is_busy_is_replaced_afterwards():
    clock = ManualClock()
    async with Talk("said meanwhile", clock=clock, connection_s=1.0).open() as it:
        it.page.busy = True
        await eventually(lambda: it.page.sockets[0]._reader.done())
        assert any("goAway" in frame for frame in it.page.frames)
        await it.say()  # It waits in the page.
        await pass_hour(clock)
        it.page.busy = False
        while not any(text == "echo said meanwhile" for _, text in it.texts()):
            clock.advance(50)
            await asyncio.sleep(0.01)
        assert it.told(ConnectionReplaced)[0].why in ("go_away", "server")
        assert it.session.error is None
        assert it.session.stats.dropped_audio_ms == 0


async def test_no_answer_is_missed_while_the_kernel_is_busy():
    clock = ManualClock()
    async with Talk(clock=clock).open() as it:
        it.page.busy = True
        it.session.put_text("typed")
        await eventually(lambda: any("turnComplete" in str(frame) for frame in it.page.frames))
        await pass_hour(clock)
        assert it.session.floor is Floor.THINKING
        assert not it.told(Notice)
        it.page.busy = False
        await it.answered()
        assert it.texts()[-1] == ("model", "echo typed")


async def test_what_waits_for_the_page_says_so_while_the_kernel_is_busy():
    clock = ManualClock()
    async with Talk(clock=clock).open() as it:
        it.page.busy = True
        changing = asyncio.create_task(it.session.update(LiveConfig(voice="Puck")))
        for _ in range(24):
            clock.advance(250)
            await asyncio.sleep(0.01)
        with pytest.raises(StateError, match="Change them in a cell of their own"):
            await changing
        with pytest.raises(AnswerTimeout, match=r"waited for what the page has received"):
            await it.session.ask("typed", timeout=0.1)
        it.page.busy = False
        await it.answered()
        assert not it.told(ConnectionReplaced)
        assert it.session.config.voice is None


async def test_a_setup_that_is_accepted_while_the_kernel_is_busy_is_not_late():
    talk = Talk("hi")
    talk.page.busy = True
    async with talk.server:
        provider = Gemini(TUTOR, api_key=KEY, base_url=talk.server.ws, direct=True)
        opening = asyncio.create_task(
            Connection.open(provider, LiveConfig(), page=talk.page, setup_timeout=0.05)
        )
        await eventually(lambda: any("setupComplete" in frame for frame in talk.page.frames))
        await asyncio.sleep(0.2)
        assert not opening.done()
        talk.page.busy = False
        connection = await opening
        assert connection.received_ms is not None
        await connection.close()
        talk.page.busy = False
        with pytest.raises(SetupTimeout):  # The control: nobody holds it up, and it does not come.
            await Connection.open(
                Gemini(TUTOR, api_key=KEY, base_url=talk.server.ws, direct=True),
                LiveConfig(),
                page=Mute(talk.page),
                setup_timeout=0.05,
            )


class Mute:
    """A page whose sockets pass nothing on, though nothing holds them up."""

    def __init__(self, page):
        self.page = page

    async def wait_for_page(self):
        pass

    async def open(self, address, terms):
        socket = await self.page.open(address, terms)
        socket.receive = asyncio.Event().wait
        return socket


# --- Tokens that are not to be had --------------------------------------------------------------------------


class Tokens:
    """Gives tokens of a server, unless told to fail."""

    def __init__(self, maker):
        self.maker, self.error, self.asked = maker, None, 0

    async def __call__(self):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return (await mint(self.maker)).reveal()


@asynccontextmanager
async def with_tokens(talk, **more):
    """A talk whose tokens come from a function."""
    async with talk.server:
        maker = Gemini(talk.model, api_key=KEY, base_url=talk.server.ws)
        talk.tokens = Tokens(maker)
        provider = Gemini(talk.model, token=talk.tokens, base_url=talk.server.ws, direct=True)
        talk.server = nullcontext()
        async with talk.open(provider=provider, **more) as it:
            yield it


async def test_a_hand_over_without_a_token_waits_on_the_old_connection():
    async with with_tokens(Talk(connection_s=3)) as it:
        it.tokens.error = ConnectFailed("Nobody gives tokens now.")
        await eventually(lambda: "token-missing" in it.notices)
        assert it.notices["token-missing"] == (
            "There is no next connection yet: Nobody gives tokens now. Until then this one goes on."
        )
        assert (await it.session.ask("still there")).text == "echo still there"
        assert len(it.page.sockets) == 1
        it.tokens.error = None
        await eventually(lambda: it.told(ConnectionReplaced))
        (replaced,) = it.told(ConnectionReplaced)
        assert replaced.why == "go_away"
        assert (await it.session.ask("and now")).text == "echo and now"
        assert [event.code for event in it.told(Notice) if event.level == "warning"] == ["token-missing"]


async def test_a_hand_over_whose_token_never_comes_ends_with_one_sentence():
    policy = replace(FAST, max_attempts=3)
    async with with_tokens(Talk(connection_s=1.2), reconnect=policy) as it:
        await it.session.ask("a question")
        it.tokens.error = ConnectFailed("Nobody gives tokens now.")
        await eventually(lambda: it.session.error is not None)
        assert str(it.session.error) == (
            "The connection was lost and was tried 3 times in vain: Nobody gives tokens now."
        )
        assert it.texts() == [("user", "a question"), ("model", "echo a question")]


async def test_changed_settings_without_a_token_are_taken_back_and_the_talk_goes_on():
    async with with_tokens(Talk()) as it:
        it.tokens.error = ConnectFailed("Nobody gives tokens now.")
        with pytest.raises(ConnectFailed, match="Nobody gives tokens"):
            await it.session.update(LiveConfig(voice="Puck"))
        assert it.session.config.voice is None
        assert (await it.session.ask("still there")).text == "echo still there"
        await asyncio.sleep(0.5)
        assert not it.told(ConnectionReplaced)
        it.tokens.error = None
        await it.session.update(LiveConfig(voice="Puck"))
        assert (await it.session.ask("and now")).text == "echo and now"
        assert it.voice.voices[-1] == "Puck"


async def test_settings_that_were_taken_back_replace_no_connection_later():
    clock = ManualClock()
    async with with_tokens(Talk(clock=clock)) as it:
        it.tokens.error = ConnectFailed("Nobody gives tokens now.")
        with pytest.raises(ConnectFailed):
            await it.session.update(LiveConfig(voice="Puck"))
        it.tokens.error = None
        for _ in range(20):
            clock.advance(1000)
            await asyncio.sleep(0.02)
        assert it.tokens.asked == 2
        assert not it.told(ConnectionReplaced)


async def test_a_token_that_is_refused_at_a_hand_over_is_replaced_by_another():
    """The page was slow, or the function gave one that was used: no reason to end the conversation."""
    async with with_tokens(Talk(connection_s=1.6)) as it:
        await it.session.ask("a question")
        spent, give = it.page.tokens[0], it.tokens.maker
        answers = deque([spent])

        async def again():
            return answers.popleft() if answers else (await mint(give)).reveal()

        it.provider._token_function = again
        it.session._memory.handle = None  # To resume would be free.
        await eventually(lambda: it.told(ConnectionReplaced))
        assert it.page.tokens[1] == spent != it.page.tokens[2]
        assert (await it.session.ask("and now")).text == "echo and now"


# --- One token that was given -------------------------------------------------------------------------------


async def test_a_token_that_opens_one_session_says_so_and_is_resumed_for_free():
    talk = Talk(connection_s=1.6)
    async with talk.server:
        token = await mint(Gemini(TUTOR, api_key=KEY, base_url=talk.server.ws))
        provider = Gemini(TUTOR, token=token, base_url=talk.server.ws, direct=True)
        talk.server = nullcontext()
        async with talk.open(provider=provider) as it:
            await eventually(lambda: "token-ends" in it.notices)
            assert "opens no further session" in it.notices["token-ends"]
            await it.session.ask("a question")
            await eventually(lambda: it.told(ConnectionReplaced))
            assert set(it.page.tokens) == {token.reveal()}
            assert provider.token_uses_left == 0
            assert (await it.session.ask("and now")).text == "echo and now"
            await it.session.ask("remembered")
            it.session._memory.handle = None
            await it.page.cut()
            await eventually(lambda: it.session.error is not None)
            assert "all the sessions it may" in str(it.session.error)


async def test_a_token_with_two_uses_says_so_one_before_they_are_spent():
    talk = Talk()
    async with talk.server:
        token = await mint(Gemini(TUTOR, api_key=KEY, base_url=talk.server.ws), uses=2)
        provider = Gemini(TUTOR, token=token, base_url=talk.server.ws, direct=True)
        talk.server = nullcontext()
        async with talk.open(provider=provider) as it:
            await eventually(lambda: "token-ends" in it.notices)
            assert "opens one more session" in it.notices["token-ends"]
            await it.page.cut()  # Nothing was said: there is nothing to resume.
            await eventually(lambda: it.told(ConnectionReplaced))
            await eventually(lambda: "opens no further session" in it.notices["token-ends"])


async def test_a_token_that_ends_says_so_a_minute_before():
    clock = ManualClock()
    talk = Talk(clock=clock)
    async with talk.server:
        token = await mint(Gemini(TUTOR, api_key=KEY, base_url=talk.server.ws), uses=0, expires_s=90)
        provider = Gemini(TUTOR, token=token, base_url=talk.server.ws, direct=True)
        talk.server = nullcontext()
        async with talk.open(provider=provider) as it:
            clock.advance(25_000)
            await asyncio.sleep(0.05)
            assert "token-ends" not in it.notices
            clock.advance(6_000)
            await eventually(lambda: "token-ends" in it.notices)
            assert "ends in 59 s" in it.notices["token-ends"]


# --- What the page is told, and what is counted -------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "config", "idle_s", "terms"),
    [
        (TUTOR, {}, None, MicrophoneTerms(None, 0.0, False, False)),
        (TUTOR, {}, 20, MicrophoneTerms(20_000.0, 0.0, False, False)),
        (TUTOR, {"turn_detection": "push_to_talk"}, 20, MicrophoneTerms(20_000.0, 0.0, False, True)),
        (
            TUTOR,
            {"turn_detection": {"turn_coverage": "all_input"}},
            20,
            MicrophoneTerms(20_000.0, 0.0, False, True),
        ),
        (BLOCKING, {"turn_detection": {"silence_ms": 300}}, None, MicrophoneTerms(None, 0.0, True, False)),
        (BLOCKING, {"hold_while_calling": False}, None, MicrophoneTerms(None, 0.0, False, False)),
    ],
)
async def test_the_terms_on_which_the_page_sends(model, config, idle_s, terms):
    policy = replace(FAST, idle_pause_s=idle_s)
    async with Talk(model=model).open(LiveConfig.from_kwargs(**config), reconnect=policy) as it:
        silence_ms = it.session._end_silence_ms()
        assert it.page.terms == replace(terms, end_silence_ms=silence_ms)


async def test_the_pause_of_the_page_shows_in_the_meter():
    async with Talk("hi").open(reconnect=replace(FAST, idle_pause_s=1)) as it:
        await it.say()  # 1.2 s of silence at the end
        await it.answered()
        it.page.mute()
        await eventually(lambda: it.session.meter.paused)
        await it.page.speak(LOUD)
        await eventually(lambda: not it.session.meter.paused)
        it.page.mute()  # by hand, at once
        await asyncio.sleep(0.1)
        assert not it.session.meter.paused


async def test_speech_to_which_the_service_does_not_react_is_noticed_here_too():
    talk = Talk()
    limits = Limits(unheard_notice_s=1, unheard_reconnect_s=2)
    async with talk.open(limits=limits) as it:
        # Not over the socket: the service does not hear it.
        for _ in range(15):
            it.session.record_audio(0, 1600, is_speech=True, at_ms=it.page.clock.now_ms())
        await eventually(lambda: "unheard" in it.notices)


async def test_nothing_is_recorded_after_the_end():
    async with Talk().open() as it:
        pass
    frames = len(it.session.wire)
    now = it.page.clock.now_ms()
    it.session.record_audio(0, 1600, is_speech=True, at_ms=now)
    it.session.record_activity(True, now)
    it.session.record_audio_end(now)
    it.session.record_image("image/jpeg", 10, 1, now)
    assert len(it.session.wire) == frames
    assert not it.session._outbox._in_flight


async def test_a_picture_is_sent_again_by_the_page_that_has_it():
    async with Talk("what is that").open() as it:
        await it.session.ask("before")
        it.page.show(7, b"\xff\xd8" + bytes(1000))
        for _ in range(4):
            await it.page.speak(LOUD)
        await eventually(lambda: len(it.ears.heard) >= 4 * len(LOUD))
        await it.page.cut()
        await it.say(loud=0)
        await it.answered(2)
        again = [frame.kind for frame in it.session.wire.frames if frame.outgoing]
        assert again.count("realtimeInput.video") == 2
        assert it.session.stats.dropped_items == 0
