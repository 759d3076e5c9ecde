"""The life of a widget's sessions, where the order of things decides."""

import asyncio
import threading

import pytest

from livewidget import LiveWidget
from livewidget.errors import ConfigError, UsageError
from livewidget.events import ConnectionReplaced
from livewidget.session import ReconnectPolicy
from livewidget.standin.interfaces import SpeechChunk
from livewidget.ui import messages as m
from livewidget.ui.bridge import AudioOwnerLost, UserAudio
from tests.standin.puppets import LOUD, SECOND, Ears
from tests.widget.jupyter import WidgetPage, comms, end, until
from tests.widget.test_live import notices, tone, tutor

__all__ = ["comms"]
pytestmark = pytest.mark.usefixtures("comms")


def test_the_talk_goes_on_when_the_link_breaks():
    provider = tutor()
    live = LiveWidget(provider)
    moved = []
    live.on(ConnectionReplaced)(moved.append)
    live.ask("one", 10)
    provider.simulate("drop")
    until(lambda: moved)
    assert live.phase == "live"
    assert live.ask("two", 10).text == "You said two"
    assert [turn.text for turn in live.turns] == ["one", "You said one", "two", "You said two"]
    until(lambda: notices(live) == {})
    end(live)


def test_what_has_come_of_an_answer_is_heard_to_its_end_when_the_link_breaks():
    hold = threading.Event()

    class Voice:
        async def speak(self, text, *manner):
            yield SpeechChunk(tone(text).tobytes(), text)
            while not hold.is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            yield SpeechChunk(tone(text).tobytes())

    provider = tutor(voice=Voice())
    live = LiveWidget(provider)
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=False))
    page.wait_for(m.State, lambda state: state.phase == "live")
    page.send(m.Text(text="one"))
    page.hear(7200)
    provider.simulate("drop")
    hold.set()
    until(lambda: any(isinstance(message, m.SpeakerEnd) for message, _ in page.heard))
    until(lambda: "answer-cut" in notices(live))
    assert page.of(m.Flush) == []
    assert live.turns[-1].interrupted
    page.leave()
    end(live)


def test_a_notebook_pauses_by_itself_and_a_cell_may_say_otherwise():
    for given, pause_s in ((None, 20), (ReconnectPolicy(), None), (ReconnectPolicy(idle_pause_s=5), 5)):
        live = LiveWidget(tutor(), reconnect=given)
        live.start()
        until(lambda live=live: live.phase == "live")
        assert live._controller.sessions.current._policy.idle_pause_s == pause_s
        end(live)


def test_a_widget_tells_the_model_what_was_said_before():
    live = LiveWidget(tutor(), history=[("user", "My name is Ada."), ("model", "Hello, Ada.")])
    live.ask("one", 10)
    told = next(frame for frame in live.wire if frame.kind == "clientContent")
    assert [turn["role"] for turn in told.json["clientContent"]["turns"]] == ["user", "model"]
    with pytest.raises(UsageError, match="list of pairs"):
        LiveWidget(tutor(), history=["Hello"])
    end(live)


def test_a_link_that_cannot_be_made_again_is_said_and_the_talk_can_be_started_anew():
    provider = tutor()
    live = LiveWidget(provider, reconnect=ReconnectPolicy(max_attempts=2, initial_delay_ms=1))
    live.ask("one", 10)
    provider.simulate("refuse")
    assert live.wait(10)
    until(lambda: any("tried 2 times in vain" in text for text in notices(live).values()))
    provider.simulate("recover")
    assert live.ask("two", 10).text == "You said two"
    until(lambda: notices(live) == {})
    end(live)


def test_the_page_may_not_choose_what_the_model_cannot_do():
    live = LiveWidget(tutor())
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.TurnTaking(mode="push_to_talk"))
    page.wait_for(m.State, lambda state: state.turn_taking == "push_to_talk")
    page.leave()
    end(live)


def test_text_that_is_empty_starts_nothing():
    live = LiveWidget(tutor())
    live.say("   ")
    live._background.submit(asyncio.sleep(0)).result(5)
    assert live.phase == "idle"
    end(live)


def test_a_press_ends_with_the_page_that_it_was_made_in():
    """The kind: the release never comes, and the service would wait for the end of a sentence for ever."""
    live = LiveWidget(tutor(), turn_detection="push_to_talk")
    live.start()
    until(lambda: live.phase == "live")
    controller = live._controller
    for message in (
        m.Activity(active=True),
        AudioOwnerLost(closed=False),
        AudioOwnerLost(closed=False),
        m.Activity(active=True),
    ):
        live._call_soon(controller.handle, message)
    kinds = ["realtimeInput.activityStart", "realtimeInput.activityEnd", "realtimeInput.activityStart"]
    until(lambda: [frame.kind for frame in live.wire if "activity" in frame.kind] == kinds)
    end(live)


def held_back(live):
    """Let a session be reopened no sooner than it is told to; returns how to tell it."""
    session, go_on = live._controller.sessions.current, asyncio.Event()
    update = session.update

    async def late(*args, **options):
        await go_on.wait()
        await update(*args, **options)

    session.update = late
    return lambda: live._call_soon(go_on.set)


def talk_with_the_button(live, page):
    """Choose to talk with a button, and press it before the session is reopened for that; say something."""
    page.send(m.TurnTaking(mode="push_to_talk"))
    page.send(m.Activity(active=True))
    page.wait_for(m.State, lambda state: state.turn_taking == "push_to_talk")
    for _ in range(10):
        live._call_soon(live._controller.handle, UserAudio(LOUD[:1280]))
    page.send(m.Activity(active=False))
    live._background.submit(asyncio.sleep(0)).result(5)


def test_a_press_before_the_session_waits_for_one_counts_as_soon_as_it_does():
    live = LiveWidget(tutor(ears=Ears("one")))
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    go_on = held_back(live)
    talk_with_the_button(live, page)
    assert not [frame for frame in live.wire if "activity" in frame.kind or "audio" in frame.kind]
    go_on()
    until(lambda: [turn.text for turn in live.turns] == ["one", "You said one"])
    kinds = [frame.kind.rpartition(".")[2] for frame in live.wire if frame.kind.startswith("realtimeInput.")]
    assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("activityStart", "activityEnd", {"audio"})
    assert notices(live) == {}
    page.leave()
    end(live)


def test_what_is_said_with_a_button_that_the_service_refuses_is_sent_without_it():
    live = LiveWidget(tutor())
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    session, go_on = live._controller.sessions.current, asyncio.Event()

    async def refuse(*args, **options):
        await go_on.wait()
        raise ConfigError("No button today.")

    session.update = refuse
    talk_with_the_button(live, page)
    live._call_soon(go_on.set)
    until(lambda: any("audio" in frame.kind for frame in live.wire))
    assert not [frame for frame in live.wire if "activity" in frame.kind]
    assert list(notices(live).values()) == ["No button today."]
    page.leave()
    end(live)


def test_a_press_for_a_session_that_has_ended_is_none_of_the_next():
    live = LiveWidget(tutor())
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    held_back(live)
    talk_with_the_button(live, page)
    live._call_soon(live._controller._end_without_page, "gone")
    page.wait_for(m.State, lambda state: state.phase == "ended")
    assert live.ask("two", 10).text == "You said two"
    assert not [frame for frame in live.wire if "activity" in frame.kind or "audio" in frame.kind]
    page.leave()
    end(live)


def test_a_tool_that_failed_is_told_once_at_its_call():
    script_brain = tutor(brain=None)
    live = LiveWidget(script_brain)

    @live.tool
    def set_light(on: bool) -> str:
        """Turn the light on or off.

        Args:
            on: Whether it shall be on.
        """
        raise ValueError("no bulb")

    live.ask("turn on the light", 20)
    (use,) = [use for turn in live.turns for use in turn.tools]
    assert (use.name, use.state, use.error) == ("set_light", "failed", "ValueError: no bulb")
    assert "tool-failed" not in notices(live)
    end(live)


def test_three_seconds_of_speech_that_come_at_once_are_all_passed_on():
    ears = Ears()
    live = LiveWidget(tutor(ears=ears))
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    chunks = [bytes([number, 0]) * 640 for number in range(75)]

    async def at_once():  # while the loop is here, nothing is sent
        for number, chunk in enumerate(chunks):
            page.send(m.MicrophoneAudio(first_sample=640 * number, captured_ms=40.0 * number), [chunk])

    live._background.submit(at_once()).result(10)
    until(lambda: ears.heard[-1280:] == chunks[-1])
    assert ears.heard == b"".join(chunks)
    page.leave()
    end(live)


@pytest.mark.parametrize("before", ["nothing", "a talk that is being ended"])
def test_what_is_said_at_once_after_the_start_is_passed_on(before):
    """From the first sample, before there is a session: the start is handled first, and opens it later."""
    ears = Ears()
    live = LiveWidget(tutor(ears=ears))
    controller = live._controller
    chunks = [bytes([number, 0]) * 640 for number in range(75)]

    async def at_once():
        if before != "nothing":
            controller.stop()
            await asyncio.sleep(0)
        controller.handle(m.Start(microphone=True))
        for chunk in chunks[:-1]:
            controller.handle(UserAudio(pcm=chunk))
        assert controller.sessions.current is None  # There is no session yet that could have taken it.

    async def later():
        controller.handle(UserAudio(pcm=chunks[-1]))

    if before != "nothing":
        live.start()
        until(lambda: live.phase == "live")
    live._background.submit(at_once()).result(10)
    until(lambda: live.phase == "live" and controller.sessions.current is not None)
    live._background.submit(later()).result(10)
    until(lambda: ears.heard[-1280:] == chunks[-1])
    assert ears.heard == b"".join(chunks)
    assert notices(live) == {}
    end(live)


def test_how_long_an_answer_was_heard_is_taken_from_the_page():
    live = LiveWidget(tutor())
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    turn = live.ask("good morning", 10)
    assert turn.timing.heard_ms is None
    assert turn.timing.wait_ms == turn.timing.first_sound_ms
    assert turn.latency_ms is None, "it answers what was typed"
    page.hear(turn.audio_samples)
    page.playhead = (turn.index, turn.audio_samples)
    told = page.wait_for(
        m.TurnView, lambda view: view.timing is not None and view.timing.heard_ms is not None
    )
    assert told.index == turn.index
    assert live.turns[-1].timing.heard_ms == told.timing.heard_ms > 0
    page.leave()
    end(live)


def test_who_asks_in_a_loop_hears_each_answer_to_its_end():
    live = LiveWidget(tutor())
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    first = live.ask("good morning", 10)
    page.hear(first.audio_samples)
    assert live._controller.relay.unplayed is not None
    page.playhead = (first.index, first.audio_samples)  # which the next report says
    live.ask("good evening", 10)
    assert page.of(m.Flush) == []
    assert not live.turns[1].interrupted
    # Negative control: a person who types is in a hurry.
    last = live.turns[-1]
    page.hear(first.audio_samples + last.audio_samples)
    live.say("good night")
    assert page.wait_for(m.Flush).turn == last.index
    page.leave()
    end(live)


def test_a_translation_is_two_turns_that_silence_ends_with_their_sound():
    model = "gemini-3.5-live-translate-preview"
    speaks = tutor(model=model, ears=Ears("good morning"), brain=lambda text: "Buenos días.")
    live = LiveWidget(speaks, translation="es")
    page = WidgetPage(live)
    assert page.wait_for(m.Welcome).view == "translation"
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    for number, pcm in enumerate([LOUD, *SECOND, *SECOND]):
        page.send(
            m.MicrophoneAudio(first_sample=1600 * number, captured_ms=100.0 * number),
            [pcm],
        )
    until(lambda: len(live.turns) == 2 and live.turns[-1].final)
    source, target = live.turns
    assert (source.speaker, source.text, source.language) == ("user", "good morning", "en")
    assert (target.speaker, target.language, target.interrupted) == ("model", "es", False)
    assert target.text == "Buenos días."
    end_of_sound = m.SpeakerEnd(turn=target.index, samples=target.audio_samples)
    until(lambda: any(message == end_of_sound for message, _ in page.heard))
    with pytest.raises(UsageError, match="takes no text"):
        live.ask("hello", 5)
    page.leave()
    end(live)


def test_a_talk_goes_on_when_another_page_takes_microphone_and_voice():
    live = LiveWidget(tutor(), turn_detection="push_to_talk")
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    page.send(m.Activity(active=True))
    until(lambda: any("activityStart" in frame.kind for frame in live.wire))
    other = m.encode(m.Envelope(epoch=0, seq=1, ack=0, client="b", message=m.Hello(client="b", last_seq=0)))
    taken = m.encode(m.Envelope(epoch=0, seq=2, ack=0, client="b", message=m.TakeAudio()))
    for content in (other, taken):
        live.comm.page_says(content)
    page.wait_for(m.State, lambda state: state.owner == "b")
    until(lambda: any("activityEnd" in frame.kind for frame in live.wire))
    assert (live.phase, notices(live)) == ("live", {})
    page.send(m.Bye())
    live._background.submit(asyncio.sleep(0)).result(5)
    assert (live.phase, live._controller._page_closed_ms) == ("live", None)
    page.leave()
    end(live)


def test_a_host_without_sockets_says_so():
    live = LiveWidget(tutor())
    live._controller._offer_socket = None
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.SocketRequest(origin="http://localhost:8888"))
    until(lambda: page.insights)
    ((offer, _),) = page.insights
    assert (offer.client, offer.port, offer.reason) == ("page", 0, "unavailable")
    page.leave()
    end(live)
