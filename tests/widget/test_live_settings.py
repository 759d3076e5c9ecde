"""Settings from Python, on real sessions with the stand-in."""

import inspect

import pytest

from livewidget import LiveConfig, LiveWidget, StandIn, Tool
from livewidget.errors import ConfigError
from tests.ui.exploring import len_of, made, setup, talk

from .jupyter import comms, until

__all__ = ["comms", "made"]
pytestmark = pytest.mark.usefixtures("comms")


def test_python_changes_what_it_names_at_once(made):
    live = made(voice="Kore", turn_detection={"silence_ms": 500})
    assert live.configure(voice="Puck") is None
    until(lambda: live.config.voice == "Puck")
    assert live.config.turn_detection.silence_ms == 500
    talk(live)
    live.configure(turn_detection="push_to_talk", temperature=1)
    until(lambda: live.config.temperature == 1)
    assert live.config.turn_detection.mode == "push_to_talk"
    until(lambda: setup(live)["generationConfig"].get("temperature") == 1)
    live.configure(model="gemini-3.8-live", temperature=None)
    until(lambda: "gemini-3.8-live" in repr(live))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"voise": "Puck"}, "did you mean voice"),
        ({"temperature": 3}, "temperature must be"),
        ({"voice": "Puck", "vad_signal": True}, "does not take vad_signal"),
        ({"model": "gemini-2.0-flash-live-001"}, "was shut down"),
    ],
)
def test_python_is_told_before_anything_changes(made, changes, words):
    live = made(voice="Kore")
    with pytest.raises(ConfigError, match=words):
        live.configure(**changes)
    assert live.config == LiveConfig(voice="Kore")


def test_the_code_of_the_widget_makes_it_again(made, monkeypatch):
    live = made(StandIn(model="gemini-3.8-live"), voice="Kore", tools=[len_of])
    names = {"len_of": len_of}
    exec(live.code(), names)
    again = names["live"]
    assert again.config == live.config
    assert again.code() == live.code()
    again.close()


@pytest.mark.parametrize("talking", [False, True])
def test_what_python_changed_is_read_back_at_once(made, talking):
    live = made()
    if talking:
        live.ask("hello")
    for silence_ms in range(300, 800, 100):
        live.configure(turn_detection={"silence_ms": silence_ms})
        assert f'"silence_ms": {silence_ms}' in live.code()
        assert live.config.turn_detection.silence_ms == silence_ms
    live.configure(voice="Puck")
    live.tool(len_of)
    assert "len_of" in live.code()
    assert '"silence_ms": 700' in live.code()


def test_the_options_of_a_tool_are_those_that_tools_have():
    """They are written in both places, so that Tab shows them in both."""
    options = {
        function: {
            name: (one.default, one.annotation)
            for name, one in inspect.signature(function).parameters.items()
            if one.kind is one.KEYWORD_ONLY
        }
        for function in (LiveWidget.tool, Tool.of)
    }
    assert options[LiveWidget.tool] == options[Tool.of]
