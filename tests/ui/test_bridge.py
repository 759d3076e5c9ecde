from itertools import pairwise

import msgspec
import pytest

from livewidget.ui import messages as m
from livewidget.ui.bridge import MAX_FRONT_ENDS

from .page import Link


def view(index, text="hello", final=False):
    return m.TurnView(
        index=index,
        speaker="model",
        spans=(m.SpanView(text=text, sample=0),),
        interim="",
        final=final,
        interrupted=False,
        heard_sample=None,
        latency_ms=None,
        thoughts="",
        tools=(),
    )


REPORT = m.PlaybackReport(
    ack_seq=0, turn=0, played_sample=0, buffered_ms=0, silent_samples=0, epoch=0, page_ms=0
)


def second():
    return bytes(48_000)


def test_hello_is_answered_with_all_there_is_to_show():
    link = Link()
    page = link.page("a")
    (welcome,) = page.of(m.Welcome)
    assert welcome.client == "a"
    assert welcome.owner == ""


def test_copies_of_a_hello_are_answered_once_unless_the_answer_is_lost():
    """They wait in the kernel's queue with all else, and each answer would have all that the page lacks."""
    link = Link()
    page = link.page("a")

    def copy():
        seq = page.seq["control"]
        page.seq["control"] = 0
        page.send(m.Hello(client="a", last_seq=0))
        page.seq["control"] = seq

    link.run(1000)
    page.reporting, page.deaf = False, True
    link.run(5000)
    before = len(link.posted)
    for _ in range(10):
        copy()
    assert len(link.posted) == before
    page.send(m.Hello(client="a", last_seq=page.control.last))
    welcomes = [content for content, _, _ in link.posted if content["kind"] == "welcome"]
    assert len(welcomes) == 2
    link.now += 1900
    copy()
    assert [content for content, _, _ in link.posted if content["kind"] == "welcome"] == welcomes
    link.now += 200
    page.deaf = False
    copy()
    assert len(page.of(m.Welcome)) == 2


def test_nothing_starts_before_a_page_says_so():
    link = Link()
    link.page("a")
    link.run(1000)
    assert "start" not in link.host.names()


def test_the_first_to_start_owns_and_others_mirror():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    link.host.phase = "live"
    two.send(m.Start(microphone=True))
    link.run(100)
    assert link.bridge.front_ends.audio_owner == "a"
    assert two.of(m.State)[-1].owner == "a"


PICTURE = m.CameraFrame(source="camera", mime_type="image/jpeg", width=1, height=1, captured_ms=0)
TAKEN = {"activity", "microphone", "frame", "user_audio", "heard"}


@pytest.mark.parametrize(("who", "taken"), [("owner", TAKEN), ("mirror", set())])
def test_sound_pictures_and_reports_are_taken_of_the_owner_alone(who, taken):
    link = Link()
    pages = {name: link.page(name) for name in ("owner", "mirror")}
    pages["owner"].send(m.Start(microphone=True))
    link.bridge.audio(3, second(), 24_000, link.now)
    pages["owner"].playhead = (3, 2400)
    link.run(300)
    assert link.bridge.speaker.played_of(3) == 2400  # the mirror reports as well, and played nothing
    assert {call for call in link.host.calls if call[0] == "played"} == {("played", 3, 2400)}
    link.bridge.flush(3, link.now)
    page = pages[who]
    page.send(m.Flushed(turn=3, sample=4800))
    page.send(m.Activity(active=True))
    page.send(m.MicrophoneStatus(state="on"))
    page.send(PICTURE, [b"picture"])
    for number in range(8):
        link.run(50)
        page.send(m.MicrophoneAudio(first_sample=0, captured_ms=number * 50.0), [b"ab"])
    assert TAKEN & set(link.host.names()) == taken


def test_a_picture_that_comes_twice_is_shown_once():
    link = Link()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    for data in (b"one", b"again"):
        page.seq["camera"] = 0
        page.send(PICTURE, [data])
    assert [call[:4] for call in link.host.calls if call[0] == "frame"] == [("frame", PICTURE, 1, b"one")]


def test_pages_without_end_are_not_remembered_without_end():
    link = Link()
    for number in range(MAX_FRONT_ENDS + 5):
        link.now += 1
        link.page(str(number))
    assert {page.client for page in link.bridge.front_ends} == {str(n) for n in range(5, MAX_FRONT_ENDS + 5)}


def test_sound_of_the_owner_reaches_the_host():
    link = Link()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    for number in range(10):
        link.run(50)
        page.send(m.MicrophoneAudio(first_sample=0, captured_ms=number * 50.0), [bytes([number, 0])])
    assert [call[1] for call in link.host.calls if call[0] == "user_audio"] == [
        bytes([n, 0]) for n in range(10)
    ]
    link.run(600)
    assert page.of(m.Heartbeat)[-1].microphone_ack == 10


def test_heartbeats_come_twice_a_second_and_acknowledge_every_page():
    link = Link()
    one, two = link.page("a"), link.page("b")
    link.run(2050)
    assert 4 <= len(one.of(m.Heartbeat)) <= 5
    assert set(two.of(m.Heartbeat)[-1].acks) == {"a", "b"}
    assert one.of(m.Heartbeat)[-1].acks["a"] >= 7


# --- Phone calls ---


def caller(link, client="call"):
    """A front end that is a phone call, with microphone and speaker."""
    link.bridge.callers.add(client)
    front_end = link.page(client)
    front_end.send(m.TakeAudio())
    return front_end


def test_a_caller_takes_the_audio_and_no_page_takes_it_back_during_the_call():
    link = Link()
    page = link.page("a")
    page.send(m.TakeAudio())
    call = caller(link)
    assert (page.owns, call.owns) == (False, True)
    page.send(m.TakeAudio())
    assert (page.owns, call.owns) == (False, True)
    link.bridge.audio(1, second(), 24_000, link.now)
    assert (len(page.heard), len(call.heard)) == (0, 1)
    link.run(100)
    call.send(m.Bye())
    assert page.owns


def test_a_page_decides_about_a_tool_during_a_call_and_not_while_another_page_has_the_audio():
    link = Link()
    page, other = link.page("a"), link.page("b")
    other.send(m.TakeAudio())
    page.send(m.Approve(id="1", allowed=True))
    assert "confirm" not in link.host.names()
    caller(link)
    page.send(m.Approve(id="2", allowed=True))
    assert link.host.names().count("confirm") == 1


def test_a_caller_is_no_page_that_could_be_asked_or_shown_anything():
    link = Link()
    call = caller(link)
    link.bridge.send_call_levels(m.CallLevels(user=(0.5,), model=()))
    assert (link.bridge.has_page, call.insights) == (False, [])
    page = link.page("a")
    link.bridge.send_call_levels(m.CallLevels(user=(0.5,), model=()))
    assert (link.bridge.has_page, len(page.insights)) == (True, 1)


def test_a_call_that_only_grows_longer_is_not_told_again():
    link = Link()
    page = link.page("a")
    view = m.CallView(id="call", caller="1004", elapsed_ms=0, muted=False)
    state = link.host.state
    sent = []
    for elapsed_ms, muted in ((0, False), (50, False), (100, True)):
        calls = (msgspec.structs.replace(view, elapsed_ms=elapsed_ms, muted=muted),)
        link.host.state = lambda calls=calls: state() | {"calls": calls}
        link.bridge._state = link.host.state
        link.bridge.send_state()
        sent.append(len(page.of(m.State)))
    assert sent[1] == sent[0] == sent[2] - 1
    assert page.of(m.State)[-1].calls[0].elapsed_ms == 100


def test_heartbeats_say_which_report_of_the_owner_came_last_and_how_long_ago():
    link = Link()
    page, _ = link.page("a"), link.page("b")
    page.send(m.TakeAudio())
    link.run(700)
    assert page.reporting
    page.reporting = False
    reported = link.now
    page.report()
    link.run(2000)
    for beat in page.of(m.Heartbeat)[-3:]:
        assert beat.page_ms == reported
    first, second = (beat.held_ms for beat in page.of(m.Heartbeat)[-2:])
    assert (first, second - first) == (pytest.approx(1500, abs=300), 500)


def test_what_the_owner_dates_by_its_own_clock_is_dated_by_this_one():
    link = Link()
    page = link.page("a")
    assert link.bridge.time_of(5.0) == link.now, "no page owns anything yet"
    page.send(m.TakeAudio())
    page.reporting = False
    ahead_ms = 77_000.0  # the page's clock
    for late_ms in (30.0, 4.0, 900.0):
        link.run(100)
        page.send(msgspec.structs.replace(REPORT, page_ms=link.now + ahead_ms - late_ms))
    link.run(50)
    # The fastest report was 4 ms on its way, as far as anybody can tell by one clock.
    assert link.bridge.time_of(link.now + ahead_ms - 20) == pytest.approx(link.now - 16)
    assert link.bridge.time_of(link.now + 999_999) == link.now


def test_a_page_not_heard_of_for_its_lease_is_gone():
    link = Link()
    page = link.page("a")
    page.reporting = False
    link.run(9000)
    assert len(link.bridge.front_ends) == 1
    link.run(2000)
    assert len(link.bridge.front_ends) == 0


# --- Silent is not closed --------------------------------------------------------------------------------


def test_the_owner_may_be_silent_for_a_while_and_keeps_what_it_has():
    """A stopped notebook server, a laptop that sleeps, a change of the network: nobody closed anything."""
    link = Link()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    link.host.phase = "live"
    link.run(500)
    page.reporting, page.deaf = False, True
    link.run(15_000)
    assert "audio_owner_lost" not in link.host.names()
    page.reporting, page.deaf = True, False
    link.run(3000)
    assert page.of(m.State)[-1].owner == "a"
    page.send(m.MicrophoneStatus(state="on"))
    assert link.host.names()[-1] == "microphone"


def test_the_owner_is_gone_when_nothing_was_heard_of_it_for_its_own_lease():
    link = Link(owner_lease_ms=20_000)
    page = link.page("a")
    page.send(m.Start(microphone=True))
    page.reporting = False
    link.run(19_000)
    assert "audio_owner_lost" not in link.host.names()
    link.run(2000)
    assert ("audio_owner_lost", False) in link.host.calls
    assert link.bridge.front_ends.audio_owner == ""


def test_while_the_owner_is_silent_another_page_may_take_over():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    link.host.phase = "live"
    one.reporting = False
    link.run(9000)
    two.send(m.Start(microphone=True))
    assert link.bridge.front_ends.audio_owner == "a"
    link.run(2000)
    assert two.of(m.State)[-1].owner == "", "it may offer to take the microphone"
    two.send(m.Start(microphone=True))
    assert link.bridge.front_ends.audio_owner == "b"
    one.reporting = True
    link.run(500)
    assert one.of(m.State)[-1].owner == "b"


def test_a_page_that_starts_again_is_not_told_first_that_nothing_is_open():
    """It would release the microphone that it has just taken for the start."""
    link = Link(owner_lease_ms=10_000)
    page = link.page("a")
    page.send(m.Start(microphone=True))
    link.host.phase = "live"
    link.run(500)
    page.reporting = False
    link.run(11_000)
    link.host.phase = "ended"
    link.bridge.send_state()
    page.report()
    before = len(page.of(m.State))
    page.send(m.Start(microphone=True))
    link.host.phase = "connecting"  # As soon as the controller has come to it.
    link.run(200)
    assert [(state.phase, state.owner) for state in page.of(m.State)[before:]] == [("connecting", "a")]


def test_a_page_that_says_bye_is_closed_at_once():
    link = Link()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    page.reporting = False
    page.send(m.Bye())
    assert ("audio_owner_lost", True) in link.host.calls
    assert len(link.bridge.front_ends) == 0


def test_a_page_that_is_shown_again_after_it_said_bye_is_welcome():
    """Browsers keep a page that was left, and show it again as it was."""
    link = Link()
    page = link.page("a")
    page.send(m.Bye())
    page.send(m.Hello(client="a", last_seq=0))
    page.send(m.Start(microphone=True))
    assert link.bridge.front_ends.audio_owner == "a"
    assert len(page.of(m.Welcome)) == 2


def test_a_page_that_comes_back_is_obeyed_once_and_in_order():
    """What it asked for while it was given up comes after its next message, and some of it twice."""
    link = Link()
    page = link.page("a")
    page.reporting = False
    link.run(1000)
    before = page.seq["control"]
    page.seq["control"] = before + 1  # The text with this number is on its way.
    link.run(11_000)
    page.report()
    page.seq["control"] = before
    page.send(m.Text(text="late"))
    page.seq["control"] = before
    page.send(m.Text(text="late"))
    assert link.host.names() == ["text"]


def test_the_microphone_of_a_page_that_comes_back_is_heard():
    """The numbers of its chunks went on while nothing arrived; those in between never come."""
    link = Link()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    page.seq["microphone"] = 2000
    for number in range(10):
        link.run(50)
        page.send(m.MicrophoneAudio(first_sample=0, captured_ms=number * 50.0), [bytes([number, 0])])
    assert [call[1] for call in link.host.calls if call[0] == "user_audio"] == [
        bytes([n, 0]) for n in range(10)
    ]


def test_a_kernel_that_stood_still_gives_every_page_its_lease_anew():
    """It slept with its computer, or its process was stopped: the pages were not silent, it was deaf."""
    link = Link(owner_lease_ms=20_000)
    owner, other = link.page("a"), link.page("b")
    owner.send(m.Start(microphone=True))
    link.run(500)
    link.now += 3_600_000
    owner.reporting = other.reporting = False
    link.run(9000)
    assert len(link.bridge.front_ends) == 2
    link.run(12_000)
    assert len(link.bridge.front_ends) == 0


@pytest.mark.parametrize("waits", ["", "cell", "kernel"])
def test_heartbeats_say_what_keeps_the_messages_of_pages_waiting(waits):
    link = Link()
    page = link.page("a")
    link.host.waits = waits
    link.run(1000)
    assert {beat.busy for beat in page.of(m.Heartbeat)} == {waits}


def test_a_busy_kernel_does_not_cost_the_page_its_lease():
    link = Link()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    page.reporting = False
    link.host.waits = "cell"
    link.run(30_000)
    assert "audio_owner_lost" not in link.host.names()
    link.host.waits = ""
    link.run(9000)
    assert "audio_owner_lost" not in link.host.names()


def test_a_page_that_slept_past_its_lease_is_greeted_again():
    link = Link()
    page = link.page("a")
    page.reporting = False
    link.run(11_000)
    assert len(link.bridge.front_ends) == 0
    page.report()
    assert len(page.of(m.Welcome)) == 2


def test_two_pages_are_two_whatever_carries_their_messages():
    """The name of a page is its own: two outputs of one notebook may come through one Jupyter session."""
    link = Link()
    one, two = link.page("a"), link.page("b")
    for _ in range(3):
        one.report()
        two.report()
    two.send(m.Start(microphone=True))
    one.send(m.MicrophoneStatus(state="on"))
    link.run(600)
    assert link.bridge.front_ends.audio_owner == "b"
    assert "microphone" not in link.host.names()
    assert set(two.of(m.Heartbeat)[-1].acks) == {"a", "b"}


def test_a_message_without_a_name_is_nobodys():
    link = Link()
    link.page("a")
    link.bridge.receive(m.encode(m.Envelope(epoch=0, seq=2, ack=0, message=m.Start(microphone=True))), [], 0)
    assert link.host.calls == []


def test_what_a_page_does_not_acknowledge_is_sent_again_less_and_less_often():
    """As the page's own repetitions do: two seconds, four, eight, sixteen, and at most thirty."""
    link = Link()
    page = link.page("a")
    page.deaf = True  # It acknowledges nothing more; but it reports.
    link.bridge.notice("info", "one", "One.")
    link.posted.clear()
    times = []
    for _ in range(2 * 125):
        link.run(500)
        if any(content["kind"] == "notice" for content, *_ in link.posted):
            times.append(round((link.now - 1000) / 1000))
        link.posted.clear()
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] <= 3
    assert gaps[:5] == [4, 8, 16, 30, 30]


def test_turns_are_put_together_to_twenty_messages_a_second():
    link = Link()
    page = link.page("a")
    for number in range(100):
        link.bridge.turn(view(1, str(number)))
        if number % 10 == 9:
            link.run(50)
    turns = page.of(m.TurnView)
    assert len(turns) <= 12
    assert turns[-1].spans[0].text == "99"


def test_a_lost_message_is_sent_again_and_order_holds():
    link = Link()
    page = link.page("a")
    page.deaf = True
    link.bridge.notice("info", "one", "One.")
    page.deaf = False
    link.bridge.notice("info", "two", "Two.")
    assert page.of(m.NoticeView) == []
    link.run(2600)
    assert [notice.code for notice in page.of(m.NoticeView)] == ["one", "two"]


def test_a_page_that_missed_more_than_is_kept_gets_a_snapshot():
    link = Link()
    page = link.page("a")
    page.deaf = True
    for number in range(300):
        link.bridge.notice("info", f"n{number}", "One of many.")
    page.deaf = False
    link.run(600)
    assert len(page.of(m.Welcome)) == 2
    link.bridge.notice("info", "last", "Last.")
    assert page.of(m.NoticeView)[-1].code == "last"


def test_an_interruption_raises_the_epoch_and_asks_what_was_heard():
    link = Link()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    link.bridge.audio(3, second(), 24_000, link.now)
    before = link.bridge.epoch
    link.bridge.flush(3, link.now)
    assert link.bridge.epoch == before + 1
    assert page.of(m.Flush) == [m.Flush(turn=3)]
    page.send(m.Flushed(turn=3, sample=4800))
    assert ("heard", 3, 4800) in link.host.calls
    link.bridge.audio(3, second(), 24_000, link.now)
    assert len(page.heard) == 1


def test_without_an_answer_the_last_report_counts():
    link = Link()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    link.bridge.audio(3, second(), 24_000, link.now)
    page.playhead = (3, 2400)
    link.run(300)
    link.bridge.flush(3, link.now)
    link.run(400)
    assert "heard" not in link.host.names()
    link.run(200)
    assert ("heard", 3, 2400) in link.host.calls
    page.send(m.Flushed(turn=3, sample=9999))
    assert ("heard", 3, 9999) not in link.host.calls


def test_only_a_turn_that_was_sent_is_flushed():
    link = Link()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    link.bridge.flush(3, link.now)
    assert page.of(m.Flush) == []
    assert ("heard", 3, 0) in link.host.calls


def test_without_a_page_nothing_is_known_of_what_was_heard():
    link = Link()
    link.bridge.audio(3, second(), 24_000, link.now)
    link.bridge.flush(3, link.now)
    assert link.host.calls == []


@pytest.mark.parametrize("known", [True, False], ids=["known", "found out during the answer"])
def test_an_answer_to_a_page_without_a_player_is_not_cut(known):
    """The kind: nothing was played, because nothing can be; so nobody may say that nothing was heard."""
    link = Link()
    page = link.page("a")
    page.plays = not known
    link.run(300)
    page.plays = False
    if known:
        link.run(1000)
    page.send(m.Start(microphone=False))
    for _ in range(8):
        link.bridge.audio(3, second(), 24_000, link.now)
        link.run(300)
    assert link.bridge.unplayed(3) is None  # `ask` waits for nothing
    link.bridge.flush(3, link.now)  # the next question is typed
    link.run(1000)
    assert "heard" not in link.host.names()
    assert page.of(m.Flush) == []
    assert len(page.heard) == (0 if known else 1)


def test_a_player_that_is_there_after_all_plays_from_then_on():
    link = Link()
    page = link.page("a")
    page.plays = False
    link.run(1000)
    page.send(m.Start(microphone=False))
    link.bridge.audio(1, second(), 24_000, link.now)
    page.plays = True
    link.run(300)
    link.bridge.audio(1, second(), 24_000, link.now)
    assert [message.first_sample for message, _ in page.heard] == [24_000]
    page.playhead = (1, 30_000)
    link.run(300)
    link.bridge.flush(1, link.now)
    link.run(1000)
    assert ("heard", 1, 30_000) in link.host.calls


BAD_BODIES = [
    {"kind": "text", "body": {"text": "x" * 100_001}},
    {"kind": "played", "body": {"page_ms": float("nan")}},
    {"kind": "played", "body": {"ack_seq": 2**53 + 1}},
    {"kind": "of another version", "body": {}},
    {"kind": "stop", "body": None},
    {"kind": "stop"},
    {"kind": "stop", "body": {}, "epoch": -1},
]


@pytest.mark.parametrize("bad", BAD_BODIES)
def test_a_message_that_cannot_be_read_passes_in_its_lane(bad):
    """The kind: its number is used up, or all that the page says later waits for it for ever."""
    link = Link()
    page = link.page("a")
    page.seq["control"] += 1
    content = {"lane": "control", "epoch": 0, "seq": page.seq["control"], "ack": 0, "client": "a"} | bad
    link.bridge.receive(content, [], link.now)
    page.send(m.Text(text="and this?"))
    assert link.host.calls[-1] == ("text", m.Text(text="and this?"))
    assert link.bridge.unreadable == 1
    link.run(600)
    assert page.of(m.Heartbeat)[-1].acks["a"] >= page.seq["control"] - 3


def test_what_cannot_be_read_is_counted_and_said_once():
    link = Link()
    page = link.page("a")
    for junk in (None, {}, {"lane": "control"}, 3):
        link.bridge.receive(junk, [], link.now)
    assert link.bridge.unreadable == 4
    assert [notice.code for notice in page.of(m.NoticeView)] == ["page-message"]


def test_a_stranger_is_not_obeyed_before_it_says_hello():
    link = Link()
    content = m.encode(m.Envelope(epoch=0, seq=1, ack=0, message=m.Start(microphone=True), client="nobody"))
    link.bridge.receive(content, [], link.now)
    assert link.host.calls == []


def test_the_voice_goes_to_another_page_when_the_first_is_gone():
    link = Link(owner_lease_ms=10_000)
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    one.reporting = False
    link.run(11_000)
    link.bridge.audio(1, second(), 24_000, link.now)
    link.bridge.audio(1, second(), 24_000, link.now)
    assert two.owns
    assert [message.first_sample for message, _ in two.heard] == [0, 24_000]
    assert "audio_owner_replaced" in link.host.names()


def test_only_the_page_with_the_voice_gets_the_sound():
    link = Link()
    one = link.page("a")
    one.send(m.Start(microphone=True))
    late = link.page("b")
    link.bridge.audio(1, second(), 24_000, link.now)
    assert (len(one.heard), late.heard) == (1, [])


def test_a_page_that_takes_the_voice_plays_on_from_what_was_reported():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    for _ in range(5):
        link.bridge.audio(1, second(), 24_000, link.now)
    link.bridge.audio_end(1)
    one.playhead = (1, 10_000)
    one.report()
    two.send(m.TakeAudio())
    two.playhead = (1, 90_000)
    link.run(600)
    assert (one.owns, two.owns) == (False, True)
    assert link.host.names().count("audio_owner_replaced") == 1
    starts = [(out.first_sample, len(data[0]) // 2) for out, data in two.heard if data]
    assert starts[0] == (10_000, 14_000)
    assert [start for start, _ in starts] == [10_000, 24_000, 48_000, 72_000, 96_000]
    assert two.heard[-1][0] == m.SpeakerEnd(turn=1, samples=120_000)


def test_a_page_that_takes_the_voice_hears_of_the_end_that_was_sent():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    link.bridge.audio(1, second(), 24_000, link.now)
    link.bridge.audio_end(1)
    assert isinstance(one.heard[-1][0], m.SpeakerEnd)
    two.send(m.TakeAudio())
    assert [type(message) for message, _ in two.heard] == [m.SpeakerAudio, m.SpeakerEnd]
    two.playhead = (1, 24_000)
    two.report()
    one.heard.clear()
    one.send(m.TakeAudio())
    assert one.heard == []


def test_a_page_that_says_it_has_played_what_never_came_takes_nothing_from_the_next():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    link.bridge.audio(1, second(), 24_000, link.now)
    one.playhead = (2**53, 2**53)
    one.report()
    link.bridge.audio(1, second(), 24_000, link.now)
    two.send(m.TakeAudio())
    assert [out.first_sample for out, _ in two.heard] == [24_000]


def test_the_voice_comes_back_without_a_repetition():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    link.bridge.audio(1, 2 * second(), 24_000, link.now)
    one.playhead = (1, 10_000)
    one.report()
    two.send(m.TakeAudio())
    two.playhead = (1, 30_000)
    two.report()
    one.heard.clear()
    one.send(m.TakeAudio())
    one.report()  # it has played 10,000 samples itself
    assert [out.first_sample for out, _ in one.heard] == [30_000]
    assert link.bridge.speaker.played_of(1) == 30_000


def test_an_answer_that_is_interrupted_after_it_was_handed_over_was_heard_as_far_as_reported():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    link.bridge.audio(1, second(), 24_000, link.now)
    one.playhead = (1, 10_000)
    one.report()
    two.send(m.TakeAudio())
    link.bridge.flush(1, link.now)
    two.send(m.Flushed(turn=1, sample=0))
    assert link.host.calls[-1] == ("heard", 1, 10_000)


def test_a_page_that_is_closed_leaves_the_talk_to_another():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    link.bridge.audio(1, second(), 24_000, link.now)
    one.send(m.Bye())
    assert two.owns
    assert [out.first_sample for out, _ in two.heard] == [0]
    assert "audio_owner_lost" not in link.host.names()


# --- Sockets ---------------------------------------------------------------------------------------------


def test_what_a_page_has_not_acknowledged_is_repeated_to_it_alone_when_its_way_changes():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    for page in (one, two):
        page.report()
    one.deaf = True
    link.bridge.notice("info", "x", "text")
    for _ in range(3):
        link.bridge.audio(1, second(), 24_000, link.now)
    one.deaf = False
    before = len(link.posted)
    link.bridge.repeat("a")
    assert one.of(m.NoticeView)[-1].code == "x"
    assert [out.first_sample for out, _ in one.heard] == [0, 24_000, 48_000]
    assert {to for *_, to in link.posted[before:]} == {"a"}
    link.bridge.repeat("a")
    one.report()
    link.bridge.repeat("a")
    assert [out.first_sample for out, _ in one.heard] == [0, 24_000, 48_000]
    assert len(link.posted[before:]) == 8


def test_sound_is_repeated_to_the_page_with_the_voice_only():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.Start(microphone=True))
    two.report()
    link.bridge.audio(1, second(), 24_000, link.now)
    before = len(link.posted)
    link.bridge.repeat("b")
    assert [content for content, *_ in link.posted[before:] if content["lane"] == "speaker"] == []


def test_what_a_page_has_sent_is_acknowledged_soon_after_its_way_has_changed():
    link = Link()
    one = link.page("a")
    link.run(100)
    heartbeats = len(one.of(m.Heartbeat))
    link.bridge.repeat("a")
    link.run(50)
    assert len(one.of(m.Heartbeat)) == heartbeats + 1


def test_nothing_is_repeated_to_a_page_that_is_not_known():
    link = Link()
    link.page("a")
    before = len(link.posted)
    link.bridge.repeat("stranger")
    assert len(link.posted) == before


def test_an_offer_is_for_the_page_that_asked():
    link = Link()
    one, two = link.page("a"), link.page("b")
    one.send(m.SocketRequest(origin="http://localhost:8888"))
    two.send(m.SocketClosed(proof="p"))
    assert link.host.calls == [
        ("socket_request", "a", m.SocketRequest(origin="http://localhost:8888")),
        ("socket_closed", "b", m.SocketClosed(proof="p")),
    ]
    offer = m.SocketOffer(client="a", port=1, token="t", proof="p", page="/x/", page_token="u", reason="")
    link.bridge.send_offer(offer)
    assert ([message for message, _ in one.insights], two.insights) == ([offer], [])


def test_a_message_in_the_name_of_another_page_is_not_taken():
    link = Link()
    one = link.page("a")
    link.page("b")
    said = m.encode(m.Envelope(epoch=0, seq=2, ack=0, message=m.Text(text="x"), client="b"))
    assert link.bridge.receive(msgspec.json.encode(said), [], link.now, "a") is False
    assert link.host.calls == []
    assert link.bridge.receive(msgspec.json.encode(said), [], link.now, "b") is True
    assert link.host.names() == ["text"]
    broken = msgspec.json.encode(said | {"seq": 3, "body": {}})
    assert link.bridge.receive(broken, [], link.now, "a") is False
    assert link.bridge.receive(b"[" * 100_000, [], link.now, "a") is True
    assert link.bridge.unreadable == 2
    assert one.of(m.NoticeView)[-1].code == "page-message"


def test_a_page_with_a_socket_that_is_silent_is_gone_although_a_cell_runs():
    link = Link(owner_lease_ms=10_000)
    one, two = link.page("a"), link.page("b")
    link.sockets.add("a")
    link.host.waits = "cell"
    one.reporting = two.reporting = False
    link.run(11_000)
    assert list(link.bridge.front_ends.clients) == ["b"]


def test_a_kernel_that_stood_still_lost_no_page_with_a_socket():
    link = Link(owner_lease_ms=10_000)
    link.page("a").reporting = False
    link.sockets.add("a")
    link.bridge.tick(link.now)
    link.now += 30_000
    link.bridge.tick(link.now)
    assert list(link.bridge.front_ends.clients) == ["a"]


def test_what_one_page_does_not_read_is_repeated_to_that_page_only():
    link = Link()
    one, _ = link.page("a"), link.page("b")
    link.run(500)
    one.reporting = False
    link.host.waits = "cell"  # so that it counts as there
    link.run(1000)
    since = len(link.posted)
    link.run(4000)
    repeated = [content["seq"] for content, _, to in link.posted[since:] if to == "a"]
    assert repeated
    assert [to for *_, to in link.posted[since:] if to == "b"] == []


# --- A page that holds the socket to the service ---------------------------------------------------------------

OPEN = m.ServiceOpen(
    socket=1,
    url="wss://live.example.org/ws",
    token="auth_tokens/secret",
    token_path="",
    pause_ms=0,
    end_silence_ms=0,
    holds_calls=False,
    needs_all=False,
)


def direct_link(count=1):
    """A link with `count` pages, the first of which owns."""
    link = Link()
    pages = [link.page(name) for name in "abcd"[:count]]
    pages[0].send(m.TakeAudio())
    link.run(300)
    return link, *pages


def test_what_is_said_of_the_service_goes_to_the_owner_alone_in_order():
    link, one, _ = direct_link(2)
    told = [OPEN, m.ServiceSend(socket=1, frame="{}"), m.ServiceTalk(socket=1)]
    for message in told:
        link.bridge.send_service(message)
    assert one.asked == told
    sent = [(content, to) for content, _, to in link.posted if content["lane"] == "service"]
    assert [content["seq"] for content, _ in sent] == [1, 2, 3]
    assert {to for _, to in sent} == {"a"}


def test_nobody_is_told_anything_without_an_owner():
    link = Link()
    link.page("a")
    link.bridge.send_service(OPEN)
    assert all(content["lane"] != "service" for content, _, _ in link.posted)


def test_what_the_owner_has_not_acknowledged_is_said_again_and_what_it_has_is_not():
    link, page = direct_link()
    link.bridge.send_service(OPEN)
    link.run(300)  # a report acknowledges it
    link.posted.clear()
    link.run(5000)
    assert all(content["lane"] != "service" for content, _, _ in link.posted)
    page.deaf = True
    link.bridge.send_service(m.ServiceTalk(socket=1))
    page.deaf = False
    link.run(2500)
    assert page.asked == [OPEN, m.ServiceTalk(socket=1)]


def test_a_page_on_another_way_is_told_again_at_once():
    link, page = direct_link()
    page.deaf = True
    link.bridge.send_service(OPEN)
    page.deaf = False
    link.bridge.repeat("a")
    assert page.asked == [OPEN]


def test_a_new_owner_is_told_nothing_of_the_sockets_of_the_last():
    link, one, two = direct_link(2)
    link.bridge.send_service(OPEN)
    two.send(m.TakeAudio())
    assert ("service_sockets_lost",) in link.host.calls
    later = m.ServiceSend(socket=2, frame="{}")
    link.bridge.send_service(later)
    link.run(3000)
    assert (one.asked, two.asked) == ([OPEN], [later])
    assert two.of(m.State)[-1].service_seq == 1
    assert link.page("c").of(m.Welcome)[-1].service_seq == 2


def test_a_token_that_a_page_did_not_take_is_not_given_to_the_next():
    link, one, two = direct_link(2)
    one.deaf = True
    link.bridge.send_service(OPEN)
    link.posted.clear()
    two.send(m.TakeAudio())
    link.bridge.repeat("b")
    link.run(5000)
    assert all(content["lane"] != "service" for content, _, _ in link.posted)


def test_each_page_counts_its_own_voices():
    link, _, two = direct_link(2)
    link.bridge.send_service(OPEN)
    link.bridge.voices.arrive(7, 0)
    link.bridge.count_audio(3, 24_000, 24_000, link.now)
    two.send(m.TakeAudio())
    link.host.calls.clear()
    two.voice, two.playhead = 7, (0, 12_000)
    link.run(300)
    assert "played" not in link.host.names()


def test_a_page_that_comes_back_in_time_goes_on_with_its_lane():
    link, page = direct_link()
    link.bridge.send_service(OPEN)
    page.send(m.Hello(client="a", last_seq=0))
    link.bridge.send_service(m.ServiceTalk(socket=1))
    assert page.of(m.Welcome)[-1].service_seq == 0
    assert page.asked[-1] == m.ServiceTalk(socket=1)


def test_sockets_are_void_once_their_page_is_gone_and_only_if_there_were_any():
    link, page = direct_link()
    page.send(m.Bye())
    assert ("service_sockets_lost",) not in link.host.calls
    link, page = direct_link()
    link.bridge.send_service(OPEN)
    page.send(m.Bye())
    assert link.host.calls[-2:] == [("service_sockets_lost",), ("audio_owner_lost", True)]


def test_reports_of_a_socket_are_taken_of_the_owner_alone():
    link, one, two = direct_link(2)
    report = m.ServiceReport(socket=1, service_ack=0, items=(m.ServiceOpened(at_ms=1.0),))
    two.send(report)
    assert "service_report" not in link.host.names()
    one.send(report)
    assert link.host.calls[-1] == ("service_report", report)


def test_what_a_page_plays_from_its_own_socket_is_counted_and_not_sent():
    link, page = direct_link()
    link.bridge.voices.arrive(7, 0)
    link.bridge.count_audio(3, 24_000, 24_000, link.now)
    link.bridge.audio_end(3)
    assert page.asked == [m.ServiceVoice(voice=7, first=0, turn=3, sample=0)]
    assert link.bridge.unplayed(3) == (0, 1000.0)
    page.voice, page.playhead = 7, (0, 18_000)
    link.run(300)
    assert ("played", 3, 18_000) in link.host.calls
    assert link.bridge.unplayed(3) == (0, 250.0)
    assert page.heard == []


def test_playback_of_a_voice_that_is_not_known_yet_says_nothing():
    link, page = direct_link()
    link.host.calls.clear()
    page.voice, page.playhead = 9, (0, 18_000)
    link.run(600)
    assert "played" not in link.host.names()
    assert link.bridge.speaker.played_of(0) == 0


def test_a_flush_names_the_voice_and_its_answer_is_of_the_turn():
    link, page = direct_link()
    link.bridge.voices.arrive(7, 0)
    link.bridge.count_audio(3, 12_000, 24_000, link.now)
    link.bridge.voices.arrive(7, 12_000)  # the same voice, in which the kernel sees another turn
    link.bridge.count_audio(4, 24_000, 24_000, link.now)
    link.bridge.flush(4, link.now)
    assert page.of(m.Flush) == [m.Flush(turn=4, voice=7)]
    page.send(m.Flushed(turn=0, sample=15_000, voice=7))
    assert link.host.calls[-1] == ("heard", 4, 3_000)


def test_a_page_that_answers_a_flush_with_a_voice_of_nobodys_is_not_waited_for_for_ever():
    link, page = direct_link()
    link.bridge.voices.arrive(7, 0)
    link.bridge.count_audio(3, 12_000, 24_000, link.now)
    page.voice, page.playhead = 7, (0, 6_000)
    link.run(300)
    link.bridge.flush(3, link.now)
    page.send(m.Flushed(turn=0, sample=2**50, voice=99))
    assert "heard" not in link.host.names()
    link.run(600)
    assert ("heard", 3, 6_000) in link.host.calls


def test_what_a_page_had_not_played_of_an_answer_is_cut_where_another_page_takes_over():
    link, page, two = direct_link(2)
    link.bridge.send_service(OPEN)
    link.bridge.voices.arrive(7, 0)
    link.bridge.count_audio(3, 48_000, 24_000, link.now)
    page.voice, page.playhead = 7, (0, 6_000)
    link.run(300)
    two.send(m.TakeAudio())
    assert ("heard", 3, 6_000) in link.host.calls
    assert two.heard == []
    assert link.bridge.unplayed(3) is None


def test_a_busy_kernel_holds_up_a_page_without_a_socket_and_a_silent_page_is_held_up():
    link, page = direct_link()
    link.run(300)
    assert not link.bridge.is_held_up(link.now)
    link.host.waits = "cell"
    assert link.bridge.is_held_up(link.now)
    link.sockets.add("a")
    link.host.waits = ""
    link.run(1200)
    link.host.waits = "cell"
    assert not link.bridge.is_held_up(link.now)  # its messages arrive by its own socket
    link.sockets.clear()
    assert link.bridge.is_held_up(link.now)
    link.host.waits = ""
    link.run(800)
    assert link.bridge.is_held_up(link.now)  # what was late may still come
    link.run(300)
    assert not link.bridge.is_held_up(link.now)
    link.now += 30_000  # the kernel itself stood still
    link.bridge.tick(link.now)
    assert link.bridge.is_held_up(link.now)
    link.run(1100)
    assert not link.bridge.is_held_up(link.now)
    page.reporting = False
    link.run(1300)
    assert link.bridge.is_held_up(link.now)
    page.send(m.Bye())
    assert not link.bridge.is_held_up(link.now)  # it is gone, which is another matter
