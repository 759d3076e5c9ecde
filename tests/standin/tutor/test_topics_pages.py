import pytest

from livewidget.standin.interfaces import RequestedPage, Skills
from livewidget.standin.tutor.brain import TutorResponder
from livewidget.standin.tutor.topics import PAGE_PATTERNS, SORRY, page_addresses


async def ask(text, *, url_context=True):
    return await TutorResponder().session([], Skills(url_context=url_context)).reply(text)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("Read https://example.com/a?b=c, please.", ["https://example.com/a?b=c"]),
        ("what does python.org say", ["https://python.org"]),
        ("Compare http://a.org and (www.b.de/x).", ["http://a.org", "https://www.b.de/x"]),
        ("read example dot com", ["https://example.com"]),
        ("what is on wikipedia dot org", ["https://www.wikipedia.org"]),
        ("https://x.org https://x.org", ["https://x.org"]),
    ],
)
async def test_a_page_that_is_named_is_said_not_to_be_read(text, addresses):
    answer = await ask(text)
    assert answer.pages == tuple(RequestedPage(address, retrieved=False) for address in addresses)
    assert answer.text.startswith("I could not read ")
    assert "no network" in answer.text


async def test_the_answer_names_hosts_only():
    answer = await ask("read https://www.example.com/secret/path?token=x and python.org")
    assert answer.text.startswith("I could not read example.com and python.org:")


@pytest.mark.parametrize("text", ["what is seven plus five", "hello.", "it is 3.45 o'clock", "e.g. this", ""])
async def test_what_names_no_page(text):
    assert page_addresses(text) == ()
    assert not (await ask(text)).pages


async def test_without_the_declaration_no_page_is_looked_at():
    answer = await ask("read example dot com", url_context=False)
    assert answer.pages == ()
    assert SORRY in answer.text


def test_a_question_has_a_bounded_number_of_pages():
    assert len(page_addresses(" ".join(f"https://example.com/{n}" for n in range(1000)))) == 20


@pytest.mark.parametrize("pattern", PAGE_PATTERNS, ids=lambda pattern: pattern.text)
async def test_what_is_listened_for_is_understood(pattern):
    for sentence in pattern.choices(10):
        assert len((await ask(sentence)).pages) == 1
