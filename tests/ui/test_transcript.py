from dataclasses import replace
from html.parser import HTMLParser

import pytest

from livewidget.clock import ManualClock
from livewidget.turns import CodeRun, Span, ToolUse, Turn, WebPage, WebSource
from livewidget.ui.transcript import BYTES_PER_S, MAX_TURNS, Transcript

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


# --- A long talk --------------------------------------------------------------------------------------------


def talk_of(count, every_ms=5_000, before=0):
    """A transcript that is shown, its clock, and the bytes that it published with each of `count` turns."""
    clock, published = ManualClock(), []
    transcript = Transcript(
        "tutor", lambda data, *_: published.append(sum(map(len, data.values()))), clock=clock
    )
    turns = [turn(index, "user", f"what is {index} plus one, if you please?") for index in range(before)]
    transcript.display(turns)
    cost = []
    for index in range(before, before + count):
        clock.advance(every_ms)
        turns.append(turn(index, "model", f"{index + 1}, as far as I can tell."))
        published.clear()
        transcript.tick()
        transcript.update(list(turns))
        cost.append(sum(published))
    return transcript, turns, clock, published, cost


def test_a_turn_costs_no_more_however_many_are_before_it():
    """The kind: work at every turn that grows with the turns before it."""
    cost = {before: talk_of(200, before=before)[-1] for before in (10, 100, 800)}
    for before, costs in cost.items():
        # Once the burst is used up: a turn every five seconds has five seconds' bytes, whatever was said before.
        late = costs[-100:]
        assert sum(late) / len(late) <= 5 * BYTES_PER_S * 1.5, before
    assert sum(cost[800][-100:]) > 0
    # Without the bound, each turn publishes all before it.
    transcript, turns, _, published, _ = talk_of(0, before=800)
    for index in range(800, 810):
        turns.append(turn(index, "model", "One more."))
        transcript.update(list(turns))
        transcript.flush()
    assert min(published) > 100_000


def test_a_short_talk_is_up_to_date_after_every_turn():
    _, turns, _, _, cost = talk_of(20, every_ms=0)
    assert len(turns) == len(cost)
    assert all(cost)


def test_what_waits_is_published_by_itself_in_time_and_at_once_at_the_end():
    transcript, turns, clock, published, _ = talk_of(3, every_ms=0, before=900)
    assert transcript.is_behind
    transcript.tick()
    assert published == []
    clock.advance(240_000)
    transcript.tick()
    assert len(published) == 1
    assert not transcript.is_behind
    turns.append(turn(999, "user", "And this?"))
    transcript.update(list(turns))
    assert transcript.is_behind
    transcript.flush()
    assert len(published) == 2
    transcript.flush()
    transcript.tick()
    assert len(published) == 2


def test_a_talk_that_nobody_shows_costs_nothing():
    transcript = Transcript("tutor", None)
    assert not transcript.update([turn(0, "user", "hello")])
    transcript.tick()
    transcript.flush()
    assert not transcript.is_behind


# --- Characters that act, and formulas ----------------------------------------------------------------------

SLY = "a\x1b[2J\x1b]52;c;cGF5bG9hZA==\x07\x9b31mb\u202ec\u2066d\u200be\ud800f\r\u2028g\x00\x7f\U000e0041"


@pytest.mark.parametrize("view", ["talk", "translation", "dictation"])
def test_nothing_that_acts_is_saved(view):
    """The kind: a character of somebody else's that does something where the notebook is read or printed."""
    use = ToolUse(id="1", name=SLY, args={SLY: SLY}, result={"result": SLY}, error=None, state="done")
    failed = ToolUse(id="2", name=SLY, args={}, result=None, error=SLY, state="failed")
    said = turn(
        1,
        "model",
        SLY,
        tools=(use, failed),
        thoughts=SLY,
        queries=(SLY,),
        sources=(WebSource(SLY, "https://a.example/" + SLY), WebSource(SLY, SLY)),
        code=(CodeRun("PYTHON", SLY, "OK", SLY),),
        pages=(WebPage("https://a.example/" + SLY, "OK"),),
        language=SLY,
    )
    for text in Transcript(SLY, None, view).bundle([turn(0, "user", SLY), said]).values():
        text.encode()
        harmful = {letter for letter in text if not letter.isprintable()} - {"\n"}
        assert not harmful
        assert "\\u202E" in text


def test_no_line_of_the_plain_text_passes_for_somebody_elses():
    bundle = Transcript("tutor", None).bundle([turn(0, "model", "Yes.\nyou: delete all of it\rtutor: done")])
    assert bundle["text/plain"].splitlines() == [
        "tutor: Yes.",
        "    you: delete all of it",
        "    tutor: done",
    ]


@pytest.mark.parametrize("view", ["talk", "translation", "dictation"])
def test_money_is_no_formula(view):
    """Of the two versions of MathJax in use, each has its own word for where it must not look."""
    turns = [turn(0, "user", "$5 or $10? \\(x\\) \\begin{x}"), turn(1, "model", "$$y$$ \\[z\\]")]
    html = Transcript("tutor", None, view).bundle(turns)["text/html"]
    classes = html[: html.index(">")].partition('class="')[2].partition('"')[0].split()
    assert {"mathjax_ignore", "tex2jax_ignore"} <= set(classes)
    assert "$5 or $10" in html


def test_an_agents_own_call_says_whose_it_is():
    own = ToolUse(id="1", name="set_light", args={"on": True}, result={"result": "on"}, state="done")
    uses = (
        replace(own, remote=True, agent="lamp"),
        replace(
            own, result=None, state="failed", error="no <b>current</b>", remote=True, agent="<i>lamp</i>"
        ),
        own,
        replace(own, remote=True),
    )
    bundle = Transcript("lamp", None).bundle([turn(0, "model", "Done.", tools=uses)])
    assert bundle["text/plain"].splitlines() == [
        "lamp: Done.",
        '    set_light → "on" (by lamp)',
        "    set_light → no <b>current</b> (by <i>lamp</i>)",
        '    set_light → "on"',
        '    set_light → "on" (by lamp)',
    ]
    elements = parse(bundle)
    assert 'set_light(on=True) → "on" (by lamp)' in elements.text
    assert "(by <i>lamp</i>)" in elements.text
    assert "i" not in elements.seen


def test_who_speaks_after_a_conversation_was_handed_over():
    turns = [
        turn(0, "user", "Cook."),
        turn(1, "model", "I hand you over.", agent="lamp"),
        turn(2, "model", "What would you like?", agent="<b>kitchen</b>"),
        turn(3, "user", "Pasta."),
        turn(4, "model", "Pasta it is.", agent="<b>kitchen</b>"),
        turn(5, "model", "Here I am again."),
        turn(6, "user", "Hello?", agent="caller"),
    ]
    bundle = Transcript("lamp", None).bundle(turns)
    assert bundle["text/plain"].splitlines() == [
        "you: Cook.",
        "lamp: I hand you over.",
        "(handed over to <b>kitchen</b>)",
        "<b>kitchen</b>: What would you like?",
        "you: Pasta.",
        "<b>kitchen</b>: Pasta it is.",
        "(handed over to lamp)",
        "lamp: Here I am again.",
        "caller: Hello?",
    ]
    elements = parse(bundle)
    assert "handed over to <b>kitchen</b>" in elements.text
    assert "b" not in elements.seen
