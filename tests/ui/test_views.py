"""What the page is told of a turn."""

from dataclasses import replace

from livewidget.turns import CodeRun, Span, Timing, ToolUse, Turn, WebPage, WebSource
from livewidget.ui.messages import CodeView, PageView, SourceLink, TimingView
from livewidget.ui.views import CODE_LENGTH, THOUGHTS_LENGTH, tool_view, turn_view


def test_all_that_comes_with_an_answer():
    turn = Turn(
        index=3,
        speaker="model",
        sources=(WebSource("Tides", "https://a.example/x"),),
        queries=("tides",),
        code=(CodeRun("PYTHON", "1/0", "FAILED", "ZeroDivisionError"), CodeRun(None, "f()")),
        pages=tuple(
            WebPage("https://a.example", word)
            for word in ("SUCCESS", "PAYWALL", "UNSAFE", "ERROR", "UNKNOWN")
        ),
        language="es",
        declined=True,
        images=2,
        timing=Timing(decision_ms=500, network_ms=40, tool_ms=10, wait_ms=150, heard_ms=None),
    )
    view = turn_view(turn)
    assert view.sources == (SourceLink(title="Tides", uri="https://a.example/x"),)
    assert view.queries == ("tides",)
    assert view.code == (
        CodeView(language="python", code="1/0", outcome="failed", output="ZeroDivisionError"),
        CodeView(language="", code="f()", outcome=None, output=""),
    )
    assert [page.status for page in view.pages] == ["read", "paywall", "unsafe", "failed", "failed"]
    assert view.pages[0] == PageView(url="https://a.example", status="read")
    assert (view.language, view.declined, view.images) == ("es", True, 2)
    assert view.timing == TimingView(decision_ms=500, network_ms=40, tool_ms=10, wait_ms=150, heard_ms=None)


def test_what_the_service_does_not_say_is_not_shown():
    view = turn_view(Turn(index=0, speaker="user"))
    assert (view.language, view.timing, view.sources, view.code, view.pages) == ("", None, (), (), ())


def test_lengths_are_bounded():
    long = "x" * 100_000
    view = turn_view(
        Turn(index=1, speaker="model", thoughts=long, code=(CodeRun("PYTHON", long, "OK", long),))
    )
    assert len(view.thoughts) == THOUGHTS_LENGTH
    assert len(view.code[0].code) == len(view.code[0].output) == CODE_LENGTH


def test_no_word_waits_for_sound_that_does_not_come():
    spans = (Span("did not ", 34_000), Span("allow ", 43_500), Span("it.", 55_504))
    turn = Turn(index=1, speaker="model", spans=spans, audio_samples=55_395)
    assert [span.sample for span in turn_view(turn).spans] == [34_000, 43_500, 55_504]  # There may be more.
    assert [span.sample for span in turn_view(replace(turn, final=True)).spans] == [34_000, 43_500, 52_995]
    silent = Turn(index=1, speaker="model", spans=spans, final=True)
    assert [span.sample for span in turn_view(silent).spans] == [0, 0, 0]


def test_who_is_asked_sees_more_of_the_arguments():
    use = ToolUse(id="a", name="run", args={"command": "x" * 1000}, state="asking")
    assert len(tool_view(use).args) == len("command=''") + 1000
    assert len(tool_view(replace(use, state="done")).args) == 300
