"""What is listened for, and what is worth trying, as the client's declarations have it."""

import pytest

from livewidget.standin.interfaces import FunctionRequest, NoReply, Reply, Skills
from livewidget.standin.tutor.brain import TutorResponder
from livewidget.standin.tutor.topics import SORRY, SUGGESTIONS

LIGHT = {"name": "set_light", "parameters": {"type": "OBJECT", "properties": {"on": {"type": "BOOLEAN"}}}}
ALL = {
    "search": True,
    "code": True,
    "url_context": True,
    "may_ignore": True,
    "proactive_audio": True,
    "affective_dialog": True,
}
ROOMS = (
    {"search": True},
    {"code": True},
    {"url_context": True},
    {"may_ignore": True, "proactive_audio": True},
    {"affective_dialog": True},
)
EACH = [Skills(), *(Skills(**room) for room in ROOMS), Skills(**ALL)]


@pytest.mark.parametrize("skills", EACH)
async def test_suggestions_are_listened_for_and_understood(skills):
    brain = TutorResponder()
    for suggestion in brain.suggestions([LIGHT], skills):
        mind = brain.session([LIGHT], skills)
        assert suggestion in mind.phrases.sentences
        answer = await mind.reply(suggestion)
        assert isinstance(answer, Reply | FunctionRequest | NoReply)
        assert SORRY not in getattr(answer, "text", "")


def test_suggestions_are_those_of_what_was_declared():
    brain = TutorResponder()
    assert brain.suggestions([], Skills()) == SUGGESTIONS
    first = {brain.suggestions([], Skills(**room))[0] for room in ROOMS}
    assert len({*first, SUGGESTIONS[0]}) == 1 + len(ROOMS)
    assert "light" in brain.suggestions([LIGHT], Skills())[0]
    assert len(brain.suggestions([LIGHT], Skills(**ALL))) == 5


async def test_what_can_be_done_names_what_was_declared():
    plain = (await TutorResponder().session([], Skills()).reply("what can you do")).text
    with_search = (await TutorResponder().session([LIGHT], Skills(search=True)).reply("what can you do")).text
    assert "You may also ask" not in plain
    assert with_search.endswith("You may also ask: when was the eiffel tower built or who invented python.")
    assert "light" in with_search


def test_only_what_was_declared_is_listened_for():
    plain = set(TutorResponder().session([], Skills()).phrases.sentences)
    for skills in EACH[1:]:
        mine = set(TutorResponder().session([], skills).phrases.sentences)
        assert plain < mine
    assert set(TutorResponder().session([], Skills()).phrases.sentences) == plain


@pytest.mark.parametrize("skills", EACH[1:])
async def test_every_sentence_that_is_listened_for_is_understood(skills):
    plain = set(TutorResponder().session([], Skills()).phrases.sentences)
    mind = TutorResponder().session([], skills)
    for sentence in sorted(set(mind.phrases.sentences) - plain):
        answer = await mind.reply(sentence)
        assert SORRY not in getattr(answer, "text", ""), sentence
