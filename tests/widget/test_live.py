import asyncio
import gc
import json
import os
import re
import threading
import urllib.error
import urllib.request
import weakref

import numpy as np
import pytest

from livewidget import Gemini, LiveWidget, StandIn, Turn, TurnComplete
from livewidget.connection import Provider
from livewidget.errors import AnswerTimeout, ConfigError, KeyMissing, LiveError, ToolError, UsageError
from livewidget.turns import Floor
from livewidget.ui import messages as m
from livewidget.widget.background import Background, background
from livewidget.widget.jupyter import LoopWatch

from .jupyter import WidgetPage, comms, end, threads, until

__all__ = ["comms"]
pytestmark = pytest.mark.usefixtures("comms")
CANARY = "AIzaSyCANARY0000000000000000000000000000"


def tone(text):
    return (np.sin(np.arange(7_200) / 20) * 8000).astype("int16")


def tutor(**more):
    parts = {"ears": lambda sound: "hello", "brain": lambda text: f"You said {text}", "voice": tone}
    return StandIn(**(parts | more))


@pytest.fixture
def live():
    widget = LiveWidget(tutor())
    yield widget
    widget.close()
    until(lambda: widget._controller.is_closed)


@pytest.fixture
def page(live):
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    yield page
    page.leave()


def notices(live):
    return {code: notice.text for code, notice in live._controller.state.notices.items()}


# --- From a cell -----------------------------------------------------------------------------------------


def test_a_new_widget_is_idle_and_opens_nothing(live):
    assert (live.phase, live.floor, live.turns) == ("idle", Floor.LISTENING, [])


def test_ask_returns_the_answer(live):
    turn = live.ask("good morning", timeout=10)
    assert isinstance(turn, Turn)
    assert turn.text == "You said good morning"
    assert live.turns[-1] == turn
    assert live.phase == "live"


def test_ask_says_when_no_answer_comes_and_the_talk_goes_on():
    hold = threading.Event()
    live = LiveWidget(tutor(brain=lambda text: (hold.wait(5) and "late") or "late"))
    with pytest.raises(AnswerTimeout):
        live.ask("hello", timeout=0.2)
    assert live.phase == "live"
    hold.set()
    live.close()
    until(lambda: live._controller.is_closed)


def test_the_wire_can_be_looked_at_and_saved(live, tmp_path):
    assert live.wire == []
    live.ask("good morning", timeout=10)
    kinds = [frame.kind for frame in live.wire]
    assert kinds[:2] == ["setup", "setupComplete"]
    live.stop()
    assert live.wait(10)
    path = tmp_path / "wire.jsonl"
    live.save_wire(path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == [frame.kind for frame in live.wire]
    assert lines[-1]["kind"] == "close"
    with pytest.raises(UsageError, match="cannot be saved there") as caught:
        live.save_wire(tmp_path)
    assert str(tmp_path) not in str(caught.value)


def test_say_start_and_stop_return_at_once(live):
    live.say("hello")
    until(lambda: any(turn.text == "You said hello" for turn in live.turns))
    live.stop()
    assert live.wait(10)
    assert live.phase == "ended"
    live.start()
    until(lambda: live.phase == "live")


def test_turns_go_on_being_counted_over_a_restart(live):
    first = live.ask("one", timeout=10)
    live.stop()
    live.wait(10)
    second = live.ask("two", timeout=10)
    assert second.index > first.index
    assert [turn.index for turn in live.turns] == sorted({turn.index for turn in live.turns})
    assert [turn.text for turn in live.turns if turn.speaker == "model"] == ["You said one", "You said two"]


def test_listen_yields_turns_as_they_end_and_ends_with_the_talk(live):
    live.start()
    turns = live.listen(timeout=10)
    live.say("hello")
    assert [next(turns).text, next(turns).text] == ["hello", "You said hello"]
    live.stop()
    assert list(turns) == []


def test_listen_ends_when_nothing_comes(live):
    live.start()
    until(lambda: live.phase == "live")
    assert list(live.listen(timeout=0.1)) == []
    assert live.wait(0.05) is False


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: LiveWidget(tutor(), voise="Kore"), ConfigError),
        (lambda: LiveWidget(tutor(), temperature=9), ConfigError),
        (lambda: LiveWidget(tutor(), tools=[lambda *args: 1]), ToolError),
        (lambda: LiveWidget("gemini-3.8-live"), KeyMissing),
    ],
)
def test_what_cannot_work_is_said_in_the_cell(monkeypatch, make, error):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(error) as caught:
        make()
    assert "\n" not in str(caught.value)


class Unreachable(Provider):
    model, service, label, speaker, badge = "offline-tutor", "standin", "Nobody", "nobody", ""

    def model_path(self):
        return "models/offline-tutor"

    async def dial(self):
        raise LiveError("Nobody is there; look for somebody else.")


def test_what_fails_on_connecting_stands_under_the_widget_and_is_raised_by_ask():
    live = LiveWidget(Unreachable())
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    notice = page.wait_for(m.NoticeView)
    assert (notice.level, notice.text) == ("error", "Nobody is there; look for somebody else.")
    page.wait_for(m.State, lambda state: state.phase == "ended")
    with pytest.raises(LiveError, match="Nobody is there"):
        live.ask("hello", timeout=5)
    page.leave()
    live.close()
    until(lambda: live._controller.is_closed)


# --- Tools and callbacks ---------------------------------------------------------------------------------


def test_a_setting_is_read_and_changed_as_an_attribute():
    live = LiveWidget(StandIn())
    try:
        assert live.voice is None
        live.voice = "Puck"
        assert live.voice == live.config.voice == "Puck"
        with pytest.raises(ConfigError, match="did you mean Puck"):
            live.voice = "Pukc"
        assert live.voice == "Puck"
    finally:
        live.close()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("voise", "Puck", "did you mean voice?"),
        ("colour", "red", "keep the value in a variable"),
        ("turns", [], "can be read and not set"),
        ("ask", "hello", "is a method: call it"),
    ],
)
def test_what_is_no_setting_is_not_set_in_silence(live, name, value, sentence):
    with pytest.raises(UsageError, match=re.escape(sentence)):
        setattr(live, name, value)
    assert name not in vars(live)


def test_a_subclass_may_have_attributes_of_its_own(comms):
    class Lesson(LiveWidget):
        pass

    lesson = Lesson(tutor())
    lesson.voices = ["Puck"]
    assert lesson.voices == ["Puck"]
    lesson.close()


def test_an_unknown_attribute_names_the_nearest(live):
    with pytest.raises(AttributeError, match="did you mean turns"):
        _ = live.turnz
    assert not hasattr(live, "_repr_png_")


def test_tab_shows_what_the_widget_is_for(live):
    names = set(dir(live))
    assert {"ask", "say", "turns", "meter", "voice", "configure", "layout"} <= names
    assert not names & {"add_traits", "class_own_traits", "keys", "trait_events"}


def test_a_model_and_a_key_may_be_named():
    live = LiveWidget(model="gemini-3.8-live", api_key=CANARY)
    assert live._controller.provider.model == "gemini-3.8-live"
    assert CANARY not in repr(live)
    live.close()


def test_callbacks_get_events_and_turns(live):
    got, done = [], threading.Event()

    @live.on(Turn)
    def told(turn):
        got.append(turn.text)

    @live.on(TurnComplete)
    def complete(event):
        done.set()

    live.ask("hello", timeout=10)
    assert done.wait(5)
    until(lambda: got == ["hello", "You said hello"])


def test_a_callback_that_raises_is_said_under_the_widget(live):
    @live.on(TurnComplete)
    def broken(event):
        raise ValueError("bad luck\nsecond line")

    live.ask("hello", timeout=10)
    until(lambda: "callback-failed" in notices(live))
    assert notices(live)["callback-failed"] == "The callback broken failed: ValueError: bad luck"


def test_a_tool_can_be_added_while_the_talk_goes_on(live):
    live.ask("one", timeout=10)

    @live.tool
    def lamp(on: bool) -> str:
        """Turn the lamp on or off."""
        return "done"

    # Without a wait: what is asked is not lost with the session that ends.
    assert live.ask("two", timeout=10).text == "You said two"
    assert live._controller.sessions.in_effect.tools
    assert lamp(True) == "done"
    with pytest.raises(ToolError):
        live.tool(lambda *many: 1)


# --- With a page -----------------------------------------------------------------------------------------


def test_a_page_starts_types_and_hears(live, page):
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live" and state.owner == "page")
    page.send(m.Text(text="good day"))
    turn = page.wait_for(m.TurnView, lambda turn: turn.speaker == "model" and turn.final)
    assert "".join(span.text for span in turn.spans) == "You said good day"
    page.hear(1)


def test_the_voice_arrives_whole(live, page):
    page.send(m.Start(microphone=False))
    page.send(m.Text(text="hello"))
    page.wait_for(m.TurnView, lambda turn: turn.speaker == "model" and turn.final)
    until(lambda: any(isinstance(message, m.SpeakerEnd) for message, _ in page.heard))
    end = next(message for message, _ in page.heard if isinstance(message, m.SpeakerEnd))
    data = b"".join(buffers[0] for message, buffers in page.heard if buffers)
    assert len(data) == 2 * end.samples
    assert np.frombuffer(data, "<i2").any()


def test_interrupting_flushes_and_cuts_the_turn_at_what_was_heard():
    live = LiveWidget(tutor(brain=lambda text: "word " * 60, voice=lambda text: np.tile(tone(text), 60)))
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=False))
    page.send(m.Text(text="hello"))
    page.hear(12_000)
    page.send(m.Interrupt())
    flush = page.wait_for(m.Flush)
    page.send(m.Flushed(turn=flush.turn, sample=6_000))
    cut = page.wait_for(m.TurnView, lambda turn: turn.interrupted and turn.heard_sample == 6_000)
    assert "".join(span.text for span in cut.spans).count("word") < 60
    until(lambda: live.turns[-1].heard_sample == 6_000)
    page.leave()
    live.close()
    until(lambda: live._controller.is_closed)


def test_changing_how_turns_are_taken_keeps_the_talk(live, page):
    page.send(m.Start(microphone=True))
    page.send(m.Text(text="one"))
    page.wait_for(m.TurnView, lambda turn: turn.speaker == "model" and turn.final)
    page.send(m.TurnTaking(mode="push_to_talk"))
    page.wait_for(m.State, lambda state: state.turn_taking == "push_to_talk" and state.phase == "live")
    page.send(m.Activity(active=True))
    for number in range(20):
        page.send(m.MicrophoneAudio(first_sample=0, captured_ms=number * 40.0), [bytes(1280)])
    page.send(m.Activity(active=False))
    page.send(m.Text(text="two"))
    page.wait_for(m.TurnView, lambda turn: any("two" in span.text for span in turn.spans) and turn.final)
    assert [turn.index for turn in live.turns] == sorted({turn.index for turn in live.turns})
    assert live.turns[0].text == "one"


def silent_page(live, page):
    """Open a session from the page, after which nothing is heard of it."""
    front_ends = live._controller.bridge.front_ends
    front_ends.lease_ms, front_ends.owner_lease_ms = 300, 500
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    page.reporting = False


def test_a_session_started_from_a_page_ends_when_nothing_is_heard_of_it(live, page):
    silent_page(live, page)
    assert live.wait(10)
    assert notices(live) == {
        "page-gone": "Nothing was heard of the page for 60 s, so the conversation was ended. Press ● to go on."
    }
    assert live._controller.state.ending == "interrupted"


def test_a_session_started_from_a_page_ends_with_it_and_not_when_it_is_loaded_again(live, page, monkeypatch):
    monkeypatch.setattr("livewidget.ui.controller.RELOAD_MS", 400)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    page.send(m.Bye())
    page.leave()
    again = WidgetPage(live, "loaded again")
    again.wait_for(m.Welcome, lambda welcome: welcome.client == "loaded again" and welcome.owner == "")
    again.send(m.Start(microphone=True))
    assert not live.wait(0.8)
    again.send(m.Bye())
    again.leave()
    assert live.wait(10)
    assert notices(live) == {
        "page-gone": "The page was closed, so the conversation was ended. Press ● to go on."
    }


def test_what_was_said_before_nothing_was_heard_of_the_page_is_remembered(live, page):
    live.ask("my name is Ann", 10)
    silent_page(live, page)
    live._controller.sessions.from_page = True
    assert live.wait(10)
    page.reporting = True
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live" and state.owner == page.client)
    until(lambda: live.phase == "live")
    assert notices(live) == {}
    assert live.ask("and now", 10).index > live.turns[1].index
    assert "handle" in live.wire[0].json["setup"]["sessionResumption"]


@pytest.fixture
def loop():
    """A loop that runs on a thread of its own, as that of a host."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever)
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join(5)
    running.close()


def test_the_loop_that_brings_messages_is_found_blocked_in_any_host(loop):
    """A host without Jupyter runs its cells on the loop that would bring the pages' messages."""
    now = [0.0]
    watch = LoopWatch(lambda: now[0])
    assert not watch.is_blocked(), "no message has come yet"
    heard, free = threading.Event(), threading.Event()
    loop.call_soon_threadsafe(lambda: (watch.heard(), heard.set()))
    assert heard.wait(5)
    loop.call_soon_threadsafe(free.wait)
    now[0] = 1.0
    assert not watch.is_blocked(), "it is asked now"
    now[0] = 1.9
    assert not watch.is_blocked(), "it may be slow"
    now[0] = 2.0
    assert watch.is_blocked()
    now[0] = 3600.0
    assert watch.is_blocked()
    free.set()
    until(lambda: not watch.is_blocked())
    loop.call_soon_threadsafe(loop.stop)
    until(lambda: not loop.is_running())
    now[0] = 7200.0
    assert not watch.is_blocked(), "a loop that has ended keeps nothing waiting"


def test_a_host_whose_cell_blocks_the_messages_keeps_the_page(live, page, loop):
    """As `marimo run` does in a cell of more than ten seconds; here the lease is two."""
    free = threading.Event()
    silent_page(live, page)
    page.reporting = True
    deliver = live.comm.page_says

    def through_loop(*message):
        loop.call_soon_threadsafe(deliver, *message)

    live.comm.page_says = through_loop
    until(lambda: live._loop._loop is loop)
    front_ends = live._controller.bridge.front_ends
    front_ends.lease_ms = front_ends.owner_lease_ms = 2000
    loop.call_soon_threadsafe(free.wait)
    page.wait_for(m.Heartbeat, lambda beat: beat.busy == "kernel")
    assert not live.wait(2.5)
    free.set()
    until(lambda: not live._loop.is_blocked())
    assert notices(live) == {}
    assert live.ask("still there", 10).text == "You said still there"


def test_a_session_started_from_python_does_not_need_a_page(live, page):
    live._controller.bridge.front_ends.lease_ms = 300
    live._controller.bridge.front_ends.owner_lease_ms = 300
    live.start()
    page.wait_for(m.State, lambda state: state.phase == "live")
    page.reporting = False
    until(lambda: len(live._controller.bridge.front_ends) == 0)
    assert not live.wait(0.3)
    assert live.phase == "live"


# --- What is saved, and what is left ---------------------------------------------------------------------


def test_no_key_is_found_in_anything_that_can_be_saved(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", CANARY)
    live = LiveWidget("gemini-3.8-live")
    assert CANARY not in repr(live.get_state()) + repr(live) + str(live) + repr(live._controller.provider)
    assert CANARY not in repr(live.comm.sent)
    assert CANARY in repr({"a trait": CANARY})  # the search itself works
    live.close()
    until(lambda: live._controller.is_closed)


def test_there_are_few_traits_and_all_are_public(live):
    ours = set(live.keys) - {"layout", "tabbable", "tooltip"}
    assert {name for name in ours if not name.startswith("_")} == set()
    assert {"_esm", "_css"} <= ours


def test_a_forged_state_starts_nothing(live):
    for state in ({"phase": "live"}, {"_esm": "alert(1)"}, {"_view_name": "X"}):
        live.comm.page_says(None, method="update", state=state, buffer_paths=[])
    live.comm.page_says(None, method="nonsense")
    assert live.phase == "idle"
    assert live._esm != "alert(1)"


def test_junk_from_a_page_is_counted_and_said_once(live, page):
    for junk in (None, 1, {"lane": "control"}, {"kind": "x" * 1000}):
        live.comm.page_says(junk)
    page.wait_for(m.NoticeView, lambda notice: notice.code == "page-message")
    until(lambda: live.stats.unreadable_messages == 4)


def test_running_it_again_and_again_leaves_nothing(comms):
    def tasks():
        return background().submit(count()).result(5)

    async def count():
        return background().tasks - 1

    LiveWidget(tutor()).close()
    until(lambda: tasks() == 0)
    before, kept = threads(), []
    for _ in range(20):
        live = LiveWidget(tutor())
        kept.append(weakref.ref(live._controller))
        live.on(TurnComplete)(lambda event: None)
        page = WidgetPage(live)
        page.send(m.Start(microphone=True))
        page.send(m.Text(text="hello"))
        page.wait_for(m.TurnView, lambda turn: turn.speaker == "model")
        page.leave()
        live.close()
        live.close()
    until(lambda: tasks() == 0)
    until(lambda: threads() <= before)
    del live, page
    comms.clear()  # of this front end; a kernel forgets a closed comm by itself
    until(lambda: gc.collect() >= 0 and sum(ref() is not None for ref in kept) == 0)


def test_what_is_asked_for_once_the_background_loop_has_ended_does_nothing(live, monkeypatch):
    ended = Background()
    ended.stop()
    monkeypatch.setattr(live, "_background", ended)
    live.start()
    live.say("nothing happens")
    monkeypatch.undo()
    assert live.phase == "idle"


# --- Pages of their own ----------------------------------------------------------------------------------


def test_each_look_at_the_address_of_the_page_gives_another_that_works_once(live):
    first, second = live.page_url, live.page_url
    assert first.partition("#")[0] == second.partition("#")[0]
    assert first != second
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[0-9a-f]{16}/#[\w-]{32}", first)


def test_the_companion_page_may_connect_to_the_service_where_the_widget_is_direct():
    there = {"api_key": "canary-key-0123456789", "base_url": "wss://service.example"}
    for direct, sources in ((True, "'self' wss://service.example"), (False, "'self'")):
        live = LiveWidget(Gemini("small-live", **there), direct=direct)
        with urllib.request.urlopen(live.page_url.partition("#")[0]) as page:
            policy = page.headers["Content-Security-Policy"]
        assert f"; connect-src {sources}; " in policy
        live.close()


def test_a_card_is_told_over_the_comm_where_its_socket_is(live, page):
    page.send(m.SocketRequest(origin="http://localhost:8888"))
    until(lambda: page.insights)
    ((offer, _),) = page.insights
    assert (offer.client, offer.reason, offer.page) == ("page", "", f"/{live._hosted.id}/")
    assert live.page_url.startswith(f"http://127.0.0.1:{offer.port}{offer.page}#")
    saved = json.dumps(live.get_state(), default=str)
    assert not any(secret in saved for secret in (offer.token, offer.page_token, offer.proof))


def test_a_closed_widget_has_no_page():
    live = LiveWidget(tutor())
    address = live.page_url
    live.close()
    until(lambda: live._controller.is_closed)
    for use in (lambda: live.page_url, live.open_in_browser):
        with pytest.raises(LiveError, match="was closed"):
            use()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address)


def test_the_page_is_not_asked_for_on_the_loop_that_would_have_to_answer(live):
    async def ask():
        with pytest.raises(LiveError, match="in a cell"):
            _ = live.page_url

    live._background.submit(ask()).result(5)


def test_outside_of_a_kernel_the_address_is_printed_where_no_browser_opens(live, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    live.open_in_browser()
    assert re.search(r"http://127\.0\.0\.1:\d+/[0-9a-f]{16}/#[\w-]{32}\n.*ssh -L", capsys.readouterr().out)


def test_widgets_that_are_closed_leave_no_thread_no_task_and_no_port():
    keeps = LiveWidget(tutor())
    assert keeps.page_url
    before = threads(), keeps._background.submit(count_tasks()).result(5), len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        live = LiveWidget(tutor())
        assert live.page_url.split("/")[2] == keeps.page_url.split("/")[2]
        live.close()
        until(lambda live=live: live._controller.is_closed)

    def now():
        gc.collect()
        tasks = keeps._background.submit(count_tasks()).result(5)
        return threads(), tasks, len(os.listdir("/proc/self/fd"))

    until(lambda: all(one <= then for one, then in zip(now(), before, strict=True)))
    keeps.close()
    until(lambda: keeps._hosted.server.port == 0)


async def count_tasks():
    return len(asyncio.all_tasks())


def test_a_page_may_hold_the_socket_to_the_service_and_its_token_is_in_nothing_that_is_saved():
    with pytest.raises(ConfigError, match="leave direct out"):
        LiveWidget(tutor(), direct=True)
    provider = Gemini(base_url="ws://127.0.0.1:1", token=f"auth_tokens/{CANARY}")
    live = LiveWidget(provider, direct=True)
    page = WidgetPage(live)
    welcome = page.wait_for(m.Welcome)
    assert (welcome.direct, welcome.badge) == (True, "direct · a server of your own · gemini-3.8-live")
    assert "direct=True" in live.code()
    page.send(m.Start(microphone=True))
    until(lambda: page.asked)
    (asked,) = page.asked
    assert asked.token == f"auth_tokens/{CANARY}"
    page.send(
        m.ServiceReport(
            socket=asked.socket,
            service_ack=1,
            items=(m.ServiceClosed(at_ms=0, code=1006, cause="mixed", reason=CANARY),),
        )
    )
    page.wait_for(m.State, lambda state: state.phase == "ended")
    assert any("not encrypted" in text for text in notices(live).values())
    saved = json.dumps([live.get_state(), live._repr_mimebundle_()], default=repr)
    others = [
        data for _, data, _ in live.comm.sent if (data or {}).get("content", {}).get("lane") != "service"
    ]
    assert CANARY not in saved + json.dumps(others, default=repr) + repr(live) + repr(vars(live))
    page.leave()
    end(live)
