import re

import pytest

from livewidget.standin.interfaces import Reply, Skills
from livewidget.standin.tutor.brain import TutorResponder
from livewidget.standin.tutor.topics import FACT_PREFIX, FACTS, SORRY, SUGGESTED

ASKED = [(text, fact) for fact in FACTS for text in fact.phrases]


async def ask(text, **skills):
    return await TutorResponder().session([], Skills(**skills)).reply(text)


@pytest.mark.parametrize(("text", "fact"), ASKED, ids=[text for text, _ in ASKED])
async def test_every_fact_is_found_with_its_sources(text, fact):
    answer = await ask(text, search=True)
    assert answer.text == f"{FACT_PREFIX} {fact.text}"
    assert answer.grounding.sources == fact.sources
    assert answer.grounding.text == fact.text
    assert answer.grounding.queries == (fact.query,)


@pytest.mark.parametrize("text", ["Who painted the Mona Lisa?", "please tell me who invented the telephone"])
async def test_it_may_be_asked_in_other_words(text):
    assert (await ask(text, search=True)).grounding


async def test_nothing_is_looked_up_that_was_not_declared():
    answer = await ask("who painted the mona lisa")
    assert answer.grounding is None
    assert SORRY in answer.text


async def test_what_is_not_on_the_shelf_is_not_made_up():
    answer = await ask("who painted the night watch", search=True)
    assert answer.grounding is None
    assert SORRY in answer.text


async def test_what_it_knows_by_heart_needs_no_shelf():
    assert await ask("what is the capital of france", search=True) == Reply("The capital of France is Paris.")


def test_the_shelf_is_small_and_every_page_can_be_opened():
    assert 12 <= len(FACTS) <= 25
    for fact in FACTS:
        assert fact.text.endswith(".")
        assert all(re.fullmatch(r"https://[a-z.-]+/[^\s]*", source.uri) for source in fact.sources)
        assert all(re.fullmatch(r"[a-z ]+", text) for text in fact.phrases)
    assert any(len(fact.sources) > 1 for fact in FACTS)
    assert set(SUGGESTED["search"]) <= {text for text, _ in ASKED}


async def test_what_it_thinks_says_that_there_is_no_network():
    answer = await ask("who painted the mona lisa", search=True)
    assert "mona lisa painter" in answer.thoughts[0]
    assert "no network" in answer.thoughts[2]
