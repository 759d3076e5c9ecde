"""Turns in writing: everything in them is somebody else's."""

from html.parser import HTMLParser

import pytest

from livewidget.turns import CodeRun, Page, Source, Span, ToolUse, Turn
from livewidget.widget.writing import html_of, text_of

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
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "a":
            self.links.append(dict(attrs))

    def handle_data(self, data):
        self.text += data


def everything(text, uri="https://a.example/?q=1&r=%22"):
    return Turn(
        index=1,
        speaker="model",
        spans=(Span(text),),
        final=True,
        interrupted=True,
        thoughts=text,
        tools=(ToolUse(id="1", name=text, args={text: text}, result={"result": text}, state="done"),),
        sources=(Source(text, uri), Source("a.example", uri + "2")),
        queries=(text,),
        code=(CodeRun("PYTHON", text, "FAILED", text), CodeRun(None, text)),
        pages=(Page(uri, "PAYWALL"),),
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
        sources=(Source("Tides", "https://a.example/x"),),
        code=(
            CodeRun("PYTHON", "print(1)\nprint(2)", "OK", "1\n2\n"),
            CodeRun(None, "boom()", "FAILED", "no"),
        ),
        pages=(Page("https://a.example/y", "ERROR"),),
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
    turn = Turn(index=1, speaker="model", final=True, waited=True)
    assert text_of(turn, "tutor") == "tutor: (chose not to answer)"
    assert "(chose not to answer)" in Elements(html_of(turn, "tutor")).text
