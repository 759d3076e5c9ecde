"""What turns, meters and counters show of themselves: words for people, and tables for programs."""

from __future__ import annotations

import builtins
import sys
from dataclasses import fields, replace

import pytest

from livewidget.errors import ExtraMissing
from livewidget.events import Usage
from livewidget.session.usage import Meter, SessionStats
from livewidget.tables import html_table, one_line, text_table
from livewidget.turns import Span, ToolUse, Turn, Turns, WebSource
from livewidget.ui.state import WidgetStats

ASKED = Turn(index=0, speaker="user", spans=(Span("what is seven plus five"),), final=True)
ANSWER = Turn(
    index=1,
    speaker="model",
    spans=(Span("Seven plus five "), Span("is twelve.", 1000)),
    final=True,
    latency_ms=612.0,
    audio_samples=48_000,
    tools=(ToolUse(id="c1", name="add", args={"a": 7, "b": 5}, result={"result": 12}, state="done"),),
    sources=(WebSource("Sums", "https://example.org/sums"),),
)
METER = Meter(
    usage=Usage(prompt_tokens=30, response_tokens=12, total_tokens=42),
    context_tokens=30,
    context_limit=131_072,
    cost_usd=0.0012,
    time_left_ms=61_000,
    time_limit_ms=600_000,
)
WIDGET_STATS = WidgetStats(
    unreadable_messages=0,
    repeated_messages=0,
    stale_chunks=2,
    lost_chunks=0,
    dropped_callbacks=0,
    session=SessionStats(dropped_audio_ms=40),
)
FACES = [ANSWER, Turns([ASKED, ANSWER]), METER, SessionStats(), WIDGET_STATS]


def test_a_turn_prints_its_text_and_names_itself_in_one_line():
    assert str(ANSWER) == "Seven plus five is twelve."
    assert repr(ANSWER) == ("<Turn 1, model: 'Seven plus five is twelve.', answered in 0.61 s, add() done>")
    assert repr(Turn(index=3, speaker="user")) == "<Turn 3, user: '', not complete>"


def test_a_turn_shows_who_said_it_and_what_was_called():
    html = ANSWER._repr_html_()
    assert "<strong>model</strong> Seven plus five is twelve." in html
    assert "answered in 0.61 s" in html
    assert "add(a=7, b=5) → {&#x27;result&#x27;: 12}" in html
    assert "[1] Sums: https://example.org/sums" in html


def test_what_moves_a_terminal_is_not_printed():
    said = Turn(index=0, speaker="model", spans=(Span("safe\x1b]52;c;cm0=\x07 \u202eetxt"),), final=True)
    assert str(said) == "safe \\u202Eetxt"
    assert "\x1b" not in f"{said!r}{said._repr_html_()}"


def test_turns_are_a_list_that_prints_one_line_each():
    turns = Turns([ASKED, ANSWER])
    assert turns == [ASKED, ANSWER]
    assert isinstance(turns, list)
    assert turns[1] is ANSWER
    assert isinstance(turns[-1:], Turns)
    assert str(turns).splitlines()[1:] == [
        "0  user     what is seven plus five",
        "1  model    Seven plus five is twelve.  answered in 0.61 s, add() done",
    ]
    assert str(Turns()) == Turns()._repr_html_() == "(no turns yet)"


def test_turns_make_a_pandas_table_with_a_row_each():
    frame = Turns([ASKED, ANSWER]).to_frame()
    assert list(frame["text"]) == ["what is seven plus five", "Seven plus five is twelve."]
    assert list(frame["speaker"]) == ["user", "model"]
    assert list(Turns([ANSWER, replace(ANSWER, agent="kitchen")]).to_frame()["agent"]) == ["", "kitchen"]
    assert frame["audio_s"][1] == 2.0
    assert frame["tools"][1] == ["add"]
    assert frame["sources"][1] == ["https://example.org/sums"]
    assert list(Turns().to_frame().columns) == list(frame.columns)
    assert ANSWER.to_frame().equals(frame[1:].reset_index(drop=True))


def test_a_meter_says_what_people_want_to_know():
    assert str(METER) == (
        "tokens 42, context 30 of 131,072 tokens, cost about $0.0012 (prices of 2026-11-22), "
        "connection 1:01 left"
    )
    frame = METER.to_frame()
    assert frame["total_tokens"][0] == 42
    assert frame["cost_usd"][0] == 0.0012


def test_counters_show_only_what_was_lost_and_make_a_table_of_all():
    assert str(SessionStats()) == SessionStats()._repr_html_() == "nothing was lost or repeated"
    assert str(WIDGET_STATS) == "stale chunks 2, dropped audio ms 40"
    frame = WIDGET_STATS.to_frame()
    assert frame["stale_chunks"][0] == 2
    assert frame["session.dropped_audio_ms"][0] == 40
    assert len(frame.columns) == len(fields(WidgetStats)) - 1 + len(fields(SessionStats))


@pytest.mark.parametrize("face", FACES, ids=lambda face: type(face).__name__)
def test_every_face_has_text_html_and_a_table(face):
    assert "(" not in str(face)[:1]
    assert len(str(face).splitlines()) <= 3
    assert hasattr(face, "_repr_html_")
    assert len(face.to_frame()) >= 1


def test_what_was_said_is_text_and_never_html():
    turns = Turns([Turn(index=0, speaker="user", spans=(Span("<img src=x onerror=alert(1)>"),), final=True)])
    assert "<img" not in turns._repr_html_() + turns[0]._repr_html_()
    assert "&lt;img" in turns._repr_html_()
    assert "<b>" not in html_table(("<b>",), [("<b>",)])


def test_a_long_or_broken_line_stays_one_line():
    assert one_line("a\n b\t c") == "a b c"
    assert len(one_line("word " * 1000)) == 72
    assert text_table(("a", "b"), [("1", "x\ny")]).splitlines() == ["a  b", "1  x y"]


def test_without_pandas_one_sentence_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without_pandas(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ExtraMissing, match="pip install pandas"):
        Turns([ASKED]).to_frame()


def test_what_was_said_acts_on_no_terminal_and_becomes_no_formula():
    said = Turn(
        index=0, speaker="user", spans=(Span("a\x1b[2J\x9b31mb\u202ec\u200b $5 or $10\ud800"),), final=True
    )
    turns = Turns([said])
    for shown in (str(said), repr(said), repr(turns), turns._repr_html_()):
        shown.encode()
        assert {letter for letter in shown if not letter.isprintable()} <= {"\n"}
    assert str(said) == "ab\\u202Ec $5 or $10\ufffd"
    assert 'class="mathjax_ignore tex2jax_ignore"' in turns._repr_html_()
