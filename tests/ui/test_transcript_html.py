"""Turns in writing: everything in them is somebody else's."""

from html.parser import HTMLParser

import pytest

from livewidget.turns import CodeRun, Span, ToolUse, Turn, WebPage, WebSource
from livewidget.ui.transcript import Transcript, html_of, pairs_of, text_of

HOSTILE = [
    "<script>window.__xss=1</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</pre></code></ol></div><iframe srcdoc='x'>",
    "[a](javascript:alert(1)) **bold** $x$",
    "\x00\x1b[31m<b>\x08",
    "&lt;script&gt;",
]
KNOWN = {"p", "strong", "span", "br", "code", "pre", "ol", "li", "a", "details", "summary"}


class Elements(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.seen = []
        self.attributes = []
        self.links = []
        self.text = ""
        self.pieces = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "a":
            self.links.append(dict(attrs))

    def handle_data(self, data):
        self.text += data
        self.pieces += [data.strip()] if data.strip() else []


def everything(text, uri="https://a.example/?q=1&r=%22"):
    return Turn(
        index=1,
        speaker="model",
        spans=(Span(text),),
        final=True,
        interrupted=True,
        thoughts=text,
        tools=(ToolUse(id="1", name=text, args={text: text}, result={"result": text}, state="done"),),
        sources=(WebSource(text, uri), WebSource("a.example", uri + "2")),
        queries=(text,),
        code=(CodeRun("PYTHON", text, "FAILED", text), CodeRun(None, text)),
        pages=(WebPage(uri, "PAYWALL"),),
        language="es",
        images=2,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text):
    elements = Elements(html_of(everything(text), text))
    assert set(elements.seen) <= KNOWN
    assert set(elements.attributes) <= {"style", "href", "target", "rel"}
    assert elements.text.count("".join(letter for letter in text if letter >= " ")) >= 7


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", 'https://a.example/" onclick="alert(1)', "//x"]
)
def test_an_address_that_is_none_is_no_link(address):
    """The readers of metadata let none through; here it is not taken on trust."""
    turn = everything("Tides", address)
    elements = Elements(html_of(turn, "tutor"))
    assert elements.links == []
    assert set(elements.attributes) == {"style"}


def test_a_link_opens_elsewhere_and_says_where_it_leads():
    elements = Elements(html_of(everything("Tides"), "tutor"))
    assert len(elements.links) == 3
    for link in elements.links:
        assert link["href"].startswith("https://a.example/?q=1&r=%22")
        assert (link["target"], link["rel"]) == ("_blank", "noopener noreferrer")
    assert "Tides a.example" in elements.text


def test_plain_text_has_all_of_it():
    turn = Turn(
        index=0,
        speaker="model",
        spans=(Span("High water is at noon."),),
        final=True,
        images=1,
        language="en",
        queries=("tides",),
        sources=(WebSource("Tides", "https://a.example/x"),),
        code=(
            CodeRun("PYTHON", "print(1)\nprint(2)", "OK", "1\n2\n"),
            CodeRun(None, "boom()", "FAILED", "no"),
        ),
        pages=(WebPage("https://a.example/y", "ERROR"),),
    )
    assert text_of(turn, "tutor").splitlines() == [
        "tutor [en]: High water is at noon. (1 picture)",
        "    print(1)",
        "    print(2)",
        "    → 1",
        "    → 2",
        "    boom()",
        "    → failed: no",
        "    searched for: tides",
        "    [1] Tides: https://a.example/x",
        "    could not be read: https://a.example/y",
    ]


def test_no_answer_is_said():
    turn = Turn(index=1, speaker="model", final=True, declined=True)
    assert text_of(turn, "tutor") == "tutor: (chose not to answer)"
    assert "(chose not to answer)" in Elements(html_of(turn, "tutor")).text


# --- Translation and dictation ------------------------------------------------------------------------------


def said(index, speaker, text, language=None):
    return Turn(index=index, speaker=speaker, spans=(Span(text),), final=True, language=language)


PAIRS = [
    said(0, "user", "Hello.", "en"),
    said(1, "model", "Hola.", "es"),
    said(2, "user", "Hm."),
    said(5, "model", "¿Sí?", "es"),
]


def test_a_translation_is_a_table():
    bundle = Transcript("tutor", None, "translation").bundle(PAIRS)
    elements = Elements(bundle["text/html"])
    assert [elements.seen.count(tag) for tag in ("table", "th", "tr", "td")] == [1, 2, 4, 6]
    assert elements.pieces == ["en", "es", "Hello.", "Hola.", "Hm.", "¿Sí?"]
    assert bundle["text/plain"].splitlines() == [
        "you [en]: Hello.",
        "tutor [es]: Hola.",
        "you: Hm.",
        "tutor [es]: ¿Sí?",
    ]
    assert pairs_of(PAIRS) == [(PAIRS[0], PAIRS[1]), (PAIRS[2], None), (None, PAIRS[3])]


def test_a_dictation_is_one_text():
    bundle = Transcript("tutor", None, "dictation").bundle(
        [said(0, "user", "Dear Alice, "), said(1, "user", " hello.")]
    )
    assert bundle["text/plain"] == "Dear Alice, hello."
    assert Elements(bundle["text/html"]).text.strip() == "Dear Alice, hello."


@pytest.mark.parametrize("view", ["translation", "dictation"])
@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text_in_other_views(view, text):
    turns = [said(0, "user", text, text), said(1, "model", text, text)]
    elements = Elements(Transcript("tutor", None, view).bundle(turns)["text/html"])
    assert set(elements.seen) <= {"div", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert set(elements.attributes) <= {"style", "class", "role", "aria-label"}


@pytest.mark.parametrize("view", ["talk", "translation", "dictation"])
def test_nothing_said_is_said(view):
    assert Transcript("tutor", None, view).bundle([])["text/plain"] == "(no turns yet)"
