from html.parser import HTMLParser

import pytest

from livewidget.turns import Span, ToolUse, Turn
from livewidget.ui.transcript import MAX_TURNS, Transcript

XSS = [
    "<script>window.__xss=1</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "</p></div><iframe srcdoc='x'>",
    "[a](javascript:alert(1)) **bold** $x$",
    "\x00\x1b[31m<b>\x08",
    "&lt;script&gt;",
]


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []
        self.attributes = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text += data


def turn(index, speaker, text, **more):
    return Turn(index=index, speaker=speaker, spans=(Span(text),), final=True, **more)


def parse(bundle):
    elements = Elements()
    elements.feed(bundle["text/html"])
    return elements


def test_turns_are_told_in_html_and_in_plain_text():
    bundle = Transcript("tutor", None).bundle(
        [turn(0, "user", "what is two plus two"), turn(1, "model", "Four.")]
    )
    assert bundle["text/plain"] == "you: what is two plus two\ntutor: Four."
    assert "Four." in parse(bundle).text


@pytest.mark.parametrize("text", XSS)
def test_text_stays_text(text):
    use = ToolUse(id="1", name=text, args={text: text}, result={"result": text}, error=None, state="done")
    elements = parse(
        Transcript("tutor", None).bundle([turn(0, "model", text, tools=(use,), interrupted=True)])
    )
    assert set(elements.seen) == {"div", "p", "strong", "span", "br", "code"}
    assert set(elements.attributes) <= {"class", "style", "role", "aria-label"}
    assert "".join(letter for letter in text if letter >= " ") in elements.text


def test_a_turn_that_still_goes_on_is_left_out():
    going = Turn(index=0, speaker="user", interim="what is")
    assert Transcript("tutor", None).bundle([going])["text/plain"] == "(no turns yet)"


def test_a_cut_turn_holds_what_was_heard():
    cut = Turn(
        index=0,
        speaker="model",
        spans=(Span("One two.", 0), Span(" Three four.", 24_000)),
        final=True,
        interrupted=True,
        heard_sample=24_000,
        audio_samples=48_000,
    )
    assert Transcript("tutor", None).bundle([cut])["text/plain"] == "tutor: One two. (interrupted)"


def test_a_very_long_talk_is_bounded():
    bundle = Transcript("tutor", None).bundle([turn(index, "user", "x") for index in range(MAX_TURNS + 5)])
    assert parse(bundle).seen.count("p") == MAX_TURNS + 1
    assert "5 earlier turns" in bundle["text/html"]


def test_two_widgets_have_two_classes():
    assert Transcript("a", None).css_class != Transcript("a", None).css_class


def test_it_is_published_only_on_change():
    published = []
    transcript = Transcript("tutor", lambda *output: published.append(output))
    turns = [turn(0, "user", "hello")]
    assert not transcript.update(turns)
    transcript.display([])
    assert transcript.update(turns)
    assert not transcript.update(turns)
    assert [update for _, _, update in published] == [False, True]
    assert len({display_id for _, display_id, _ in published}) == 1
