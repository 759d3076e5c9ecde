"""What is sent again, and what is not."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.errors import SendQueueFull, StateError
from livewidget.events import ActivityEnd, ActivityStart, GoAway, Interrupted, OutputText, TurnComplete
from livewidget.protocol.messages import ClientMessage, Empty, RealtimeInput
from livewidget.session.outbox import AUDIO_MS, OTHERS, RESULTS, TAKEN_MS, Outbox, OutboxItem
from livewidget.transports.base import SentByPage, SentImage
from livewidget.turns import ConversationTracker

START = ClientMessage(realtime_input=RealtimeInput(activity_start=Empty()))
END = ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True))


def test_what_a_page_has_sent_is_sent_again_in_its_place():
    """In one order with what was sent from here."""
    sent = Sent()
    recorded = [OutboxItem("audio", SentByPage(n * 1600, 1600), ms=100.0, is_speech=True) for n in range(3)]
    sent.outbox.record(recorded[0])
    sent.text("typed")
    for item in recorded[1:]:
        sent.outbox.record(item)
    sent.outbox.record(OutboxItem("picture", SentImage(1, "image/png", 9)))
    sent.outbox.record(OutboxItem("picture", SentImage(2, "image/png", 9)))
    names, words = sent.again()
    assert names == ["typed", SentByPage(1600, 1600), SentByPage(3200, 1600), SentImage(2, "image/png", 9)]
    assert words


def test_of_what_a_page_has_sent_a_minute_is_kept():
    sent = Sent()
    for n in range(700):
        sent.outbox.record(OutboxItem("audio", SentByPage(n * 1600, 1600), ms=100.0, is_speech=True))
    names, _ = sent.again()
    assert len(names) == AUDIO_MS / 100
    assert sent.outbox.dropped_audio_ms == 10_000


async def test_what_no_page_can_send_again_is_counted_and_holds_up_nothing():
    outbox, sent = Outbox(), []
    outbox.mark_sent(outbox.put(OutboxItem("text", "typed")))
    outbox.record(OutboxItem("audio", SentByPage(0, 1600), ms=100.0, is_speech=True))
    outbox.requeue(asked=True)
    outbox.put(OutboxItem("text", "more"))

    async def send(message):
        sent.append(message)
        return not isinstance(message, SentByPage)

    outbox.connect(send, lambda error: None)
    await outbox.drained()
    assert sent == ["typed", SentByPage(0, 1600), "more"]
    assert outbox.page_lost_ms == outbox.dropped_audio_ms == 100.0


class Sent:
    """Sends by name, and tells what is due by name."""

    def __init__(self):
        self.outbox = Outbox()

    def put(self, kind, name, due=False, **more):
        item = self.outbox.put(OutboxItem(kind, name, **more))
        if not due:
            self.outbox.mark_sent(item)

    def sound(self, *names, is_speech=True, ms=100.0, due=False):
        for name in names:
            self.put("audio", name, due, ms=ms, is_speech=is_speech)

    def quiet(self, *names):
        self.sound(*names, is_speech=False)

    def text(self, name, due=False):
        self.put("text", name, due)

    def again(self, asked=True):
        """What is sent over the next connection, and whether words are among it."""
        words = self.outbox.requeue(asked=asked)
        names = []
        while (item := self.outbox.next_due()) is not None:
            self.outbox.mark_sent(item)
            names.append(item.message)
        return names, words


@pytest.fixture
def sent():
    return Sent()


def test_nothing_was_sent(sent):
    assert sent.again() == ([], False)
    assert sent.again(asked=False) == ([], False)


def test_what_was_taken_in_is_not_sent_again(sent):
    sent.sound("a", "b")
    sent.text("hello")
    sent.outbox.ack_all()
    assert sent.again() == ([], False)


def test_a_question_is_sent_again_with_what_was_just_before_it(sent):
    sent.quiet(*"abcdefgh")
    sent.sound("i", "j")
    sent.quiet("k", "l")
    assert sent.again() == (list("defghijkl"), True)


def test_silence_before_anybody_has_spoken_is_not_sent_again(sent):
    sent.quiet(*"abcdefgh")
    assert sent.again(asked=False) == ([], False)


def test_speech_that_the_model_has_not_noticed_yet_is_sent_again(sent):
    sent.sound("old")
    sent.quiet(*map(str, range(15)))
    sent.sound("new")
    assert sent.again(asked=False) == (["10", "11", "12", "13", "14", "new"], True)


def test_a_noise_long_ago_is_not_sent_again_when_nobody_noticed_it(sent):
    sent.sound("cough")
    sent.quiet(*map(str, range(40)))
    assert sent.again(asked=False) == ([], False)


def test_speech_too_soft_to_be_noticed_here_is_sent_again_when_the_model_noticed_it(sent):
    sent.quiet("a", "b")
    assert sent.again()[0] == ["a", "b"]


def test_a_start_that_is_told_late_goes_back_to_it(sent):
    sent.sound("question")
    sent.quiet(*map(str, range(12)))
    sent.sound("x", "y")
    sent.outbox.ack_all()  # the answer to the question begins; meanwhile somebody speaks
    sent.sound("z")
    sent.outbox.keep_current_utterance()
    names, words = sent.again()
    assert (names, words) == (["7", "8", "9", "10", "11", "x", "y", "z"], True)


def test_after_a_turn_only_what_is_being_said_is_not_taken_in(sent):
    sent.sound("echo")
    sent.quiet(*map(str, range(12)))
    sent.sound("x")
    sent.outbox.ack_except_current()
    assert sent.again(asked=False)[0] == ["7", "8", "9", "10", "11", "x"]
    sent.quiet(*map(str, range(40)))
    sent.outbox.ack_except_current()
    assert sent.again(asked=False) == ([], False)


def test_typed_text_is_sent_again_and_not_what_was_said_before_it(sent):
    sent.sound("a")
    sent.text("one")
    sent.sound("b")
    assert sent.again() == (["one", "b"], True)
    assert sent.again(asked=True) == (["one", "b"], True)


def test_the_last_picture_is_sent_again(sent):
    for name in ("one", "two"):
        sent.put("picture", name)
    sent.text("what is this")
    assert sent.again()[0] == ["two", "what is this"]


def test_a_mark_goes_with_its_sound(sent):
    sent.put("mark", END)
    sent.quiet(*"abcdefgh")
    sent.put("mark", START)
    sent.sound("i")
    sent.put("mark", END)
    names, _ = sent.again()
    assert names == [*"defgh", START, "i", END]


def test_results_and_other_messages_are_not_sent_again(sent):
    for kind in ("result", "other"):
        sent.put(kind, kind)
    assert sent.again() == ([], False)


def test_what_waits_is_sent_whatever_happened(sent):
    sent.sound("a", due=True)
    sent.put("other", "b", due=True)
    sent.outbox.ack_all()
    assert sent.again(asked=False)[0] == ["a", "b"]


def test_results_that_nobody_waits_for_are_dropped(sent):
    sent.put("result", "one", due=True, call="1")
    sent.put("result", "two", due=True, call="2")
    assert sent.outbox.drop_results(["2"]) == ["1"]
    assert sent.again()[0] == ["two"]


def test_sound_is_bounded_and_what_was_lost_is_known(sent):
    sent.sound(*map(str, range(1000)), due=True)
    assert sent.outbox.offline_dropped_ms == 1000 * 100 - AUDIO_MS
    assert sent.again()[0] == [str(number) for number in range(400, 1000)]


def test_sound_that_was_sent_is_not_lost(sent):
    sent.sound(*map(str, range(1000)))
    assert sent.outbox.offline_dropped_ms == 0


def test_speech_that_is_to_be_sent_again_and_is_not_there_any_more_is_lost(sent):
    """The server was asked, sent nothing for more than a minute, and broke."""
    sent.sound("a", "b", "c")
    sent.quiet(*map(str, range(650)))
    sent.sound("d")
    assert sent.again()[0][-1] == "d"
    assert sent.outbox.offline_dropped_ms == 300
    sent.again()
    assert sent.outbox.offline_dropped_ms == 300, "it is counted once"


def test_speech_of_which_nothing_is_left_is_lost_though_text_is_asked_again(sent):
    """A question was typed, the server was deaf, and what was said then is longer ago than a minute."""
    sent.text("question")
    sent.sound("a", "b", "c", "d")
    sent.quiet(*map(str, range(650)))
    assert sent.again()[0][0] == "question"
    assert sent.outbox.offline_dropped_ms == 400


@pytest.mark.parametrize("happens", ["taken", "noticed"])
def test_speech_that_needs_no_answer_is_not_lost_when_it_is_dropped(sent, happens):
    sent.sound("a", "b", "c", "d", "e")
    if happens == "taken":
        sent.outbox.ack_all()
    sent.quiet(*map(str, range(650)))
    if happens == "noticed":
        sent.outbox.observe(TurnComplete(), ConversationTracker(), answering=False)
    sent.again(asked=False)
    assert sent.outbox.offline_dropped_ms == 0


def test_speech_that_the_server_has_not_reacted_to_is_sent_again_though_nobody_speaks_any_more(sent):
    """A server that was deaf before its connection broke: however short the question, it has not been heard."""
    sent.sound("a", "b", "c", "d")
    sent.quiet(*map(str, range(100)))
    again, words = sent.again(asked=False)
    assert again[:5] == ["a", "b", "c", "d", "0"]
    assert words
    # Nor has it been when the next connection breaks before anything came over it.
    assert sent.again(asked=False) == (again, True)


@pytest.mark.parametrize("sign", [Interrupted(), TurnComplete(), ActivityEnd(), GoAway(time_left_ms=1000)])
def test_a_server_that_has_sent_something_since_is_not_deaf(sent, sign):
    """It has chosen not to answer; what it then sends has nothing to do with a noise before."""
    sent.sound("a", "b", "c", "d")
    sent.quiet(*map(str, range(100)))
    sent.outbox.observe(sign, ConversationTracker(), answering=False)
    assert sent.again(asked=False) == ([], False)


def test_what_the_model_answers_is_not_what_is_said_into_its_answer(sent):
    """Who goes on speaking within a second after a question does not ask that question again."""
    sent.sound("a", "b", "c")
    sent.quiet(*"12345")
    sent.sound("d")
    sent.outbox.observe(OutputText(text="Yes"), ConversationTracker(), answering=True)
    sent.sound("e")
    sent.outbox.observe(ActivityStart(), ConversationTracker(), answering=False)
    sent.sound("f")
    assert sent.again() == ([*"12345", "d", "e", "f"], True)


@pytest.mark.parametrize(("pause", "is_sent"), [(40, True), (5, False)])
def test_speech_that_a_deaf_server_did_not_react_to_is_sent_again_before_the_text_that_followed(
    sent, pause, is_sent
):
    """Who is not answered types in the end; text that is typed at once takes the place of what was said."""
    sent.sound("a", "b", "c", "d")
    sent.quiet(*map(str, range(pause)))
    sent.text("question")
    again, _ = sent.again()
    assert again == ([*"abcd", *map(str, range(pause))] if is_sent else []) + ["question"]


def test_that_an_answer_stopped_is_no_sign_that_the_server_hears(sent):
    """The end of a turn is inferred here; what was said into the answer has not been noticed."""
    sent.sound("a", "b")
    sent.quiet(*map(str, range(100)))
    sent.outbox.observe(TurnComplete(inferred=True), ConversationTracker(), answering=False)
    assert sent.again(asked=False)[0][:2] == ["a", "b"]


def test_a_click_is_not_sent_again(sent):
    sent.sound("a")
    sent.quiet(*map(str, range(100)))
    assert sent.again(asked=False) == ([], False)


def test_what_was_taken_in_is_forgotten_but_for_a_little(sent):
    for number in range(1000):
        sent.sound(str(number))
        sent.outbox.ack_all()
        sent.text("text")
    assert len(sent.outbox._in_flight) + len(sent.outbox._queued) <= TAKEN_MS / 100 + OTHERS


def test_other_messages_are_bounded(sent):
    for _ in range(OTHERS):
        sent.text("x", due=True)
    with pytest.raises(StateError, match="Too much is waiting"):
        sent.text("x")


@pytest.mark.parametrize("kind", ["text", "picture", "mark", "result", "update", "other"])
def test_what_was_sent_does_not_count_as_waiting(sent, kind):
    """A program may send, and a server ask for, any number of messages in one turn."""
    for number in range(10 * OTHERS):
        sent.put(kind, str(number))
    assert len(sent.outbox._in_flight) <= OTHERS
    names, _ = sent.again()
    expected = {
        "text": [str(number) for number in range(9 * OTHERS, 10 * OTHERS)],
        "picture": [str(10 * OTHERS - 1)],
    }
    assert names == expected.get(kind, [])


@pytest.mark.parametrize("kind", ["text", "picture", "mark", "update", "other"])
def test_what_waits_is_bounded(sent, kind):
    for _ in range(OTHERS):
        sent.put(kind, "x", due=True)
    with pytest.raises(SendQueueFull, match="Too much is waiting"):
        sent.put(kind, "x", due=True)
    sent.put("result", "a call has its answer", due=True)
    sent.sound("and what is said is dropped by its own bound", due=True)
    sent.again()
    sent.put(kind, "x")


def test_results_that_wait_are_bounded_far_from_what_is_asked_for_at_once(sent):
    for number in range(RESULTS):
        sent.put("result", "x", due=True, call=str(number))
    with pytest.raises(SendQueueFull):
        sent.put("result", "x", due=True)
    assert len(sent.outbox.drop_results(kept=["1"])) == RESULTS - 1
    sent.put("result", "x", due=True)
    assert sent.again()[0] == ["x", "x"]
    for _ in range(RESULTS):
        sent.put("result", "x", due=True)


def test_messages_that_were_taken_in_make_room(sent):
    for _ in range(10 * OTHERS):
        sent.text("x")
        sent.outbox.ack_all()


STEP = st.sampled_from(
    [
        *("voice", "voice", "quiet", "quiet", "quiet", "text"),
        *("ack_all", "keep_current_utterance", "ack_except_current", "requeue"),
    ]
)


@given(st.lists(STEP, max_size=120), st.booleans())
def test_whatever_happens_order_is_kept_and_what_waits_is_not_lost(steps, asked):
    outbox, numbers, waiting = Outbox(), itertools.count(), []
    for step in steps:
        match step:
            case "voice" | "quiet":
                sound = OutboxItem("audio", str(next(numbers)), ms=100.0, is_speech=step == "voice")
                if outbox.put(sound).number % 3:
                    outbox.mark_sent(sound)
                else:
                    waiting.append(sound)
            case "text":
                waiting.append(outbox.put(OutboxItem("text", str(next(numbers)))))
            case "requeue":
                outbox.requeue(asked=asked)
            case _:
                getattr(outbox, step)()
    outbox.requeue(asked=asked)
    due = list(outbox._queued)
    assert [item.number for item in due] == sorted(item.number for item in due)
    assert {item.number for item in waiting} <= {item.number for item in due}
    assert sum(item.ms for item in (*outbox._in_flight, *due)) == pytest.approx(outbox._audio_ms)
    assert all(item.queued for item in due)
    assert not any(item.queued for item in outbox._in_flight)


async def test_what_is_sent_again_is_not_dropped_as_late():
    """However much it is: it takes a moment to be sent, and what is said meanwhile is live again."""
    sent = []

    async def send(message):
        sent.append(message)
        await asyncio.sleep(0)

    outbox = Outbox()
    outbox.connect(send, pytest.fail)
    for number in range(200):
        outbox.put(OutboxItem("audio", f"{number}", ms=100.0, is_speech=True, live=True))
        await outbox.drained()
    outbox.disconnect()
    assert outbox.requeue(asked=True)
    sent.clear()
    outbox.connect(send, pytest.fail)
    for number in range(200, 210):
        outbox.put(OutboxItem("audio", f"{number}", ms=100.0, is_speech=True, live=True))
    await outbox.drained()
    assert sent == [f"{number}" for number in range(210)]
    assert outbox.dropped_audio_ms == 0
