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
        timing=Timing(decision_ms=500, network_ms=40, tool_ms=10, wait_ms=150, heard_ms=None, direct=True),
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
    assert view.timing == TimingView(
        decision_ms=500,
        network_ms=40,
        tool_ms=10,
        wait_ms=150,
        kernel_ms=None,
        playback_ms=None,
        heard_ms=None,
        direct=True,
    )


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


def _asked(**args):
    use = ToolUse(id="a", name="run", args=args, state="asking")
    return {argument.name: argument.value for argument in tool_view(use).arguments}


def test_who_is_asked_gets_every_argument_by_itself_and_whole():
    """The kind: what decides whether a call may run, and is cut, disguised or pushed away."""
    long = "x" * 10_000 + " && rm -rf /"
    assert _asked(note=long, command=long) == {"note": repr(long), "command": repr(long)}
    many = {f"a{at}": at for at in range(300)}
    assert _asked(**many) == {name: str(value) for name, value in many.items()}
    assert _asked(text="5", number=5, flag=True, nothing=None) == {
        "text": "'5'",
        "number": "5",
        "flag": "True",
        "nothing": "None",
    }
    assert _asked(**{"on=True, force": False}) == {"on=True, force": "False"}


def test_what_is_not_seen_is_an_escape_where_a_call_asks():
    sly = "a\u202eb\u200bc\x1b[8md\ud800e\u3164f\U000e0041g"
    for args in ({"x": sly}, {"x": f"{sly}\n"}, {"x": [sly]}, {"x": [sly] * 9}, {sly: 1}):
        shown = "".join(name + value for name, value in _asked(**args).items())
        assert shown.isprintable() or "\n" in shown
        for escape in ("\\u202e", "\\u200b", "\\ud800", "\\u3164", "\\U000e0041"):
            assert escape in shown.replace("\\\\", "\\")


def test_lines_and_nested_values_stay_readable_where_a_call_asks():
    assert _asked(code="import os\nos.remove('x')") == {"code": "import os\nos.remove('x')"}
    assert _asked(steps=["ls"] * 40)["steps"].splitlines()[1] == '  "ls",'
    assert _asked(code="pass\n" + "\n" * 5000 + "rm") == {"code": "pass\n⟨5000 empty lines⟩\nrm"}
    assert _asked(code="pass\n" + " " * 5000 + "rm") == {"code": "pass\n⟨5000 spaces⟩rm"}
    deep = []
    for _ in range(150):
        deep = [deep]
    assert len(_asked(deep=deep)["deep"]) == 302


def test_only_a_call_that_asks_brings_its_arguments():
    use = ToolUse(id="a", name="run", args={"command": "x" * 1000}, state="asking")
    assert len(tool_view(use).args) == 300
    assert tool_view(replace(use, state="running")).arguments == ()


def test_an_agents_own_call_is_never_one_to_decide_on():
    asking = ToolUse(id="1", name="open_door", args={"which": "front"}, state="asking")
    assert tool_view(asking).arguments
    view = tool_view(replace(asking, remote=True, agent="lamp"))
    assert (view.arguments, view.remote, view.agent) == ((), True, "lamp")
