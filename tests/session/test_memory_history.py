"""What the service of a session is told of what was said before."""

import pytest

from livewidget.config import LiveConfig
from livewidget.errors import UsageError
from livewidget.models import find
from livewidget.session import LiveSession
from livewidget.session.memory import history_messages
from tests.peer import eventually

from .exchange import Exchange, Talk, settle, texts_of

LOST = (1006, "")
FORGOTTEN = (1008, "BidiGenerateContent session not found")


async def test_before_there_is_a_handle_the_talk_is_told():
    async with Talk() as talk:
        await talk.exchange("one", "first", handle=None)
        await talk.peer.close(*LOST)
        moved = await talk.moved()
        assert not moved.resumed
        assert talk.peer.setups[-1].session_resumption.handle is None
        (told,) = await talk.peer.rest()
        assert texts_of(told.client_content) == [("user", "one"), ("model", "first")]


@pytest.mark.parametrize("refusal", [FORGOTTEN, (1007, "Request contains an invalid argument.")])
async def test_a_handle_that_is_refused_is_dropped_and_the_talk_is_told(refusal):
    async with Talk() as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [refusal]
        await talk.peer.go_away("50s")
        moved = await talk.moved()
        assert (moved.resumed, moved.why) == (False, "go_away")
        assert talk.peer.dials == 3
        (told,) = await talk.peer.rest()
        assert texts_of(told.client_content) == [("user", "one"), ("model", "first")]
        assert "new" in talk.notices["not-resumed"]


async def test_a_model_that_must_be_told_first_is_told_first():
    async with Talk(Exchange("gemini-3.1-flash-live-preview")) as talk:
        assert talk.peer.setups[0].history_config is None
        await talk.exchange("one", "first", handle=None)
        await talk.peer.close(*LOST)
        await talk.moved()
        assert talk.peer.setups[-1].history_config.initial_history_in_client_content
        (told,) = await talk.peer.rest()
        assert texts_of(told.client_content) == [("user", "one"), ("model", "first")]
        assert told.client_content.turn_complete is True
        await talk.peer.remember("handle-9")
        await eventually(lambda: talk.session.handle)
        await talk.peer.go_away("50s")
        assert (await talk.moved(2)).resumed
        assert talk.peer.setups[-1].history_config is None


async def test_a_model_that_takes_no_text_moves_without_a_word():
    peer = Exchange("gemini-3.5-live-translate-preview")
    async with Talk(peer, LiveConfig.from_kwargs(translation="es")) as talk:
        await peer.heard("Hello.")
        await peer.say("Hola.")
        await eventually(lambda: len(talk.session.turns) == 2)
        await peer.close(*LOST)
        await talk.moved()
        assert await peer.rest() == []
        await peer.heard("Good bye.")
        await eventually(lambda: talk.texts[-1] == ("user", "Good bye."))


async def test_the_handle_that_is_still_good_is_used_while_the_service_gives_none():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.peer.remember(resumable=False)
        await settle()
        await talk.peer.close(*LOST)
        assert (await talk.moved()).resumed
        assert talk.peer.setups[-1].session_resumption.handle == "handle-1"


async def test_a_history_is_told_to_the_first_connection():
    history = [("user", "My name is Ada."), ("model", "Hello, Ada.")]
    async with Talk(history=history) as talk:
        (told,) = await talk.peer.rest()
        assert texts_of(told.client_content) == history
        assert told.client_content.turn_complete is False
        assert talk.session.turns == []
        await talk.exchange("one", "first", handle=None)
        await talk.peer.close(*LOST)
        await talk.moved()
        (told,) = await talk.peer.rest()
        assert texts_of(told.client_content) == [*history, ("user", "one"), ("model", "first")]


async def test_a_model_that_must_be_told_first_is_told_a_history_so():
    history = [("user", "My name is Ada."), ("model", "Hello, Ada.")]
    async with Talk(Exchange("gemini-3.1-flash-live-preview"), history=history) as talk:
        assert talk.peer.setups[0].history_config.initial_history_in_client_content
        (told,) = await talk.peer.rest()
        assert texts_of(told.client_content) == history
        assert told.client_content.turn_complete is True


async def test_without_a_history_nothing_is_told():
    for model in ("gemini-3.8-live", "gemini-3.1-flash-live-preview"):
        async with Talk(Exchange(model), history=[("user", " ")]) as talk:
            assert talk.peer.setups[0].history_config is None
            assert await talk.peer.rest() == []


async def test_a_handle_is_better_than_a_history():
    async with Talk(handle="handle-0", history=[("user", "Hello")]) as talk:
        assert talk.peer.setups[0].session_resumption.handle == "handle-0"
        assert await talk.peer.rest() == []


@pytest.mark.parametrize("model", ["gemini-3.5-live-translate-preview", "gemini-3.5-transcribe-live"])
def test_a_model_that_takes_no_text_cannot_be_told(model):
    with pytest.raises(UsageError, match="takes no text, so it cannot be told"):
        LiveSession(Exchange(model), history=[("user", "Hello")])


@pytest.mark.parametrize(
    "history", ["Hello", [("user",)], [("me", "x")], [("user", 3)], [3], [("user", "a", "b")]]
)
def test_what_is_no_history(history):
    with pytest.raises(UsageError, match="list of pairs"):
        LiveSession(Exchange(), history=history)


def test_of_a_long_history_the_end_is_told():
    model = find("gemini-3.8-live", "gemini")
    history = [("user", f"{number:05d} " + "x" * 994) for number in range(200)]
    (message,) = history_messages(history, model, closes=False)
    turns = texts_of(message.client_content)
    assert turns == history[-len(turns) :]
    assert len(turns) == model.context_tokens // 1000
    assert history_messages([("user", "x" * 1_000_000)], model, closes=True) == []


async def test_words_nobody_heard_of_a_cut_answer_are_not_told():
    async with Talk() as talk:
        await talk.session.send_text("one")
        await talk.peer.receive()
        await talk.peer.say("first and last", seconds=1)
        await talk.peer.content(interrupted=True)
        await talk.peer.turn_complete()
        await eventually(lambda: len(talk.session.turns) == 2 and talk.session.turns[-1].final)
        talk.session.playback_stopped(talk.session.turns[-1].index, 6000)
        await talk.peer.close(*LOST)
        await talk.moved()
        (message,) = await talk.peer.rest()
        assert texts_of(message.client_content) == [("user", "one"), ("model", "first")]
