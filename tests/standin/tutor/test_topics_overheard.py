import pytest

from livewidget.standin.interfaces import FunctionRequest, NoReply, Reply, Skills
from livewidget.standin.tutor.brain import TutorResponder
from livewidget.standin.tutor.patterns import tokens
from livewidget.standin.tutor.topics import OVERHEARD_PHRASES, addressee

DOOR = {"name": "close_door"}


def mind(**skills):
    return TutorResponder().session([DOOR], Skills(**skills))


@pytest.mark.parametrize(
    "text",
    [*OVERHEARD_PHRASES, "Mom, where are you?", "hey dad", "OK, everybody, let's go", "Alexa, play music"],
)
async def test_what_is_said_to_somebody_else_is_not_answered(text):
    assert await mind(may_ignore=True).reply(text) == NoReply()
    assert isinstance(await mind().reply(text), Reply)  # negative control: who may not be silent answers


@pytest.mark.parametrize(
    "text",
    ["hello", "hey tutor what time is it", "what is seven plus five", "tell me a story", "ok", "who is mom"],
)
async def test_what_is_meant_for_the_tutor_is_answered(text):
    assert isinstance(await mind(may_ignore=True).reply(text), Reply)


async def test_what_was_not_heard_for_sure_is_left_alone():
    answer = await mind(may_ignore=True, proactive_audio=True).reply("mumble", confident=False)
    assert answer == NoReply()
    assert "not sure" in answer.thoughts[0]
    for may in ({}, {"may_ignore": True}):  # so do models that may always be silent
        assert "did not understand" in (await mind(**may).reply("mumble", confident=False)).text


async def test_what_is_typed_is_meant_for_the_tutor():
    assert "did not understand" in (await mind(may_ignore=True).reply("colourless green ideas")).text


async def test_tools_are_called_as_ever():
    assert await mind(may_ignore=True).reply("close the door") == FunctionRequest("close_door", {})


def test_whom_somebody_speaks_to():
    assert addressee(tokens("Hey Mom, look!")) == "mom"
    assert addressee(tokens("ask mom")) is None
    assert addressee([]) is None
