"""What beginners type, and the sentence that they get: what is wrong, and what to do.

Each row is typed into a cell in which `live` is a widget of the offline tutor and `add` a function. The kinds:
a name that is misspelled or comes from another library, a value of the wrong type, a thing in the place of
another, a call where there is none to make. A row's sentence is what the person reads, and stands in the error.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import livewidget
from livewidget.connection import KEY_NAMES

from .widget.jupyter import comms

__all__ = ["comms"]
pytestmark = pytest.mark.usefixtures("comms")
KEY = "AIzaSyCANARY0000000000000000000000000000"

MISTAKES = {
    # Whom to talk with.
    'LiveWidget("gemini-3.8-live")': "needs a key of the Gemini API and none was found: set GEMINI_API_KEY",
    'LiveWidget("gemini-3.8-liv")': "There is no model gemini-3.8-liv; did you mean gemini-3.8-live?",
    'LiveWidget("Gemini 3.8 Live")': "did you mean gemini-3.8-live?",
    'LiveWidget(model="gemini-2.5-flash")': "did you mean gemini-2.5-flash-native-audio-latest?",
    'LiveWidget("gpt-4o-realtime")': "There is no model gpt-4o-realtime; there are gemini-3.8-live",
    'LiveWidget("tutor")': "did you mean offline-tutor?",
    'LiveWidget("Puck")': 'Puck is a voice, not a model: pass it as voice="Puck".',
    'LiveWidget("You are a kind teacher of French")': "an instruction goes in system_instruction=",
    "LiveWidget(KEY)": "This looks like a key, not like a model: pass it as api_key=",
    "LiveWidget(Gemini)": "This is the class Gemini itself: call it, Gemini(…).",
    "LiveWidget(LiveConfig())": "The fields of a LiveConfig are keywords here: LiveWidget(**config.kwargs()).",
    'LiveWidget(["gemini-3.8-live"])': "Say whom to talk to: nothing, a model such as",
    "LiveWidget(direct=True)": "or leave direct out to talk with the offline tutor.",
    "LiveWidget(StandIn(), direct=True)": "nothing for a page to connect to: leave direct out; or run livewidget serve",
    'LiveWidget("offline-tutor", direct=True)': "nothing for a page to connect to",
    'LiveWidget(VertexAI("gemini-3.8-live", "p", credentials=str), direct=True)': "Vertex AI has no ephemeral tokens",
    'LiveWidget(direct="gemini-3.8-live")': "direct is True or False, not str.",
    "LiveWidget(StandIn(), api_key=KEY)": "The key goes to the provider: Gemini(…, api_key=…).",
    'LiveWidget(StandIn(), model="gemini-3.8-live")': "The model is given twice",
    'LiveWidget(model="gemini-3.8-live", api_key="")': "The argument api_key is empty: leave it out, or give",
    'LiveWidget(model="gemini-3.8-live", api_key="YOUR KEY HERE")': "holds signs that no key has; copy it again.",
    'LiveWidget(model="gemini-3.8-live", api_key=12345)': "The argument api_key must be text, not int.",
    'Gemini(api_key="auth_tokens/abc")': "is an ephemeral token: pass it as token=",
    "Gemini(token=KEY)": "An ephemeral token begins with auth_tokens/; a key goes in api_key=",
    'Gemini(api_key=KEY, token="auth_tokens/abc")': "with a key or with a token: give one of them, api_key, token or",
    'Gemini(api_key=KEY, base_url="example.org")': "base_url is an address such as ws://127.0.0.1:8080",
    'VertexAI("gemini-3.8-live")': "VertexAI needs a model and a project",
    'VertexAI("gemini-3.8-live", "my project")': 'A project is named like "my-project"',
    'StandIn("gemini-3.8-liv")': "did you mean gemini-3.8-live?",
    'StandIn(connection_s="10")': "connection_s must be a number of seconds above 0.",
    # Options.
    'LiveWidget(voise="Puck")': "no option 'voise'; did you mean voice?",
    'LiveWidget(Voice="Puck")': "did you mean voice?",
    'LiveWidget(prompt="Be brief.")': "no option 'prompt'; did you mean system_instruction?",
    "LiveWidget(functions=[add])": "did you mean tools?",
    "LiveWidget(key=KEY)": "no option 'key'; did you mean api_key?",
    'LiveWidget(response_modalities=["AUDIO"])': "did you mean modalities?",
    'LiveWidget(voice="Pukc")': "has no voice 'Pukc'; did you mean Puck?",
    "LiveWidget(voice=3)": "voice must be text, not int.",
    'LiveWidget(temperature="hot")': "temperature must be a number from 0 to 2, not 'hot'.",
    "LiveWidget(temperature=3)": "temperature must be a number from 0 to 2, not 3.",
    'LiveWidget(system_instruction=["Be", "brief"])': "system_instruction must be text, not list.",
    'LiveWidget(modalities=["AUDIO", "TEXT"])': "modalities must name exactly one",
    'LiveWidget(turn_detection="manual")': 'must be "automatic" or "push_to_talk", not \'manual\'.',
    'LiveWidget(turn_detection={"silence": 500})': "no option 'silence'; did you mean silence_ms?",
    'LiveWidget(turn_detection={"silence_ms": "500"})': "must be a whole number of 0 or more, not '500'.",
    "LiveWidget(translation=True)": "translation must be a language code",
    'LiveWidget(history="hello")': 'history is a list of pairs such as ("user", "Hello")',
    'LiveWidget(history=[{"role": "user", "content": "hello"}])': "history is a list of pairs",
    "LiveWidget(reconnect=False)": "reconnect is a ReconnectPolicy, such as ReconnectPolicy(enabled=False).",
    "LiveWidget(limits=60)": "limits is a Limits, such as Limits(ask_s=60).",
    'Limits(ask_s="30")': "ask_s must be a number above 0, not a str.",
    "Limits(calls_per_turn=2.5)": "calls_per_turn must be a whole number above 0, not 2.5.",
    "ReconnectPolicy(max_attempts=0)": "max_attempts is the number of connections to try, 1 or more.",
    # What to say, show and wait for.
    'live.ask("")': "There is no text to send.",
    "live.ask(5)": "What is sent as text must be a str, not int.",
    "live.ask(None)": "must be a str, not NoneType.",
    'live.ask("hello", timeout="5")': "timeout is a number of seconds",
    'live.ask("hello", timeout=-1)': "timeout",
    "live.say(5)": "say takes the text to send, not int.",
    'live.show("nothing.png")': "There is no picture file at this path",
    'live.show("https://example.org/cat.png")': "nothing is fetched from the internet.",
    "live.show(5)": "int is not a picture; show a path",
    "live.show(np.zeros(10))": "An array is a picture if it is height × width",
    'live.show(b"words")': "This is not a picture that can be read; save it as JPEG, PNG",
    'live.wait("long")': "timeout is a number of seconds",
    'live.save_wire("/no/such/folder/wire.jsonl")': "name a file in your folder.",
    # Attributes.
    "live.aks": "no attribute 'aks'; did you mean ask?",
    'live.voise = "Puck"': "no setting 'voise'; did you mean voice?",
    'live.voice = "Pukc"': "did you mean Puck?",
    "live.turns = []": "turns can be read and not set.",
    'live.ask = "hello"': "ask is a method: call it, as in live.ask(…).",
    'live.configure(voise="Puck")': "did you mean voice?",
    'live.configure(model="gemini-3.8-liv")': "did you mean gemini-3.8-live?",
    "livewidget.LiveWidgets": "no attribute 'LiveWidgets'; did you mean LiveWidget?",
    # Tools and callbacks.
    'LiveWidget(tools="add")': "tools is a list of functions, such as tools=[weather]",
    "LiveWidget(tools=[add(1, 2)])": "A tool is a function, not an int",
    "LiveWidget(tools=[add, add])": "Two tools are called add; give one of them another name.",
    "LiveWidget(tools=[lambda x: x])": 'give it one, as in Tool.of(function, name="weather").',
    "live.tool(add(1, 2))": "A tool is a function, not an int",
    'live.tool(add, timeout="x")': "The timeout of the tool add must be a number of seconds above 0.",
    'live.on("TurnComplete")': "on takes the type of an event, such as TurnComplete",
    "live.on(TurnComplete())": "on takes the type of an event, such as TurnComplete",
    "live.on(int)": "on takes the type of an event, such as TurnComplete",
    # asyncio.
    'await connect().ask("hello")': "The session is not open yet; use async with, or await start().",
    "await mint(Gemini(api_key=KEY), uses=-1)": "uses",
}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names that a cell knows."""
    for name in KEY_NAMES:
        monkeypatch.delenv(name, raising=False)
    live = livewidget.LiveWidget()
    names = {name: getattr(livewidget, name) for name in livewidget.__all__}
    yield names | {"livewidget": livewidget, "np": np, "add": add, "KEY": KEY, "live": live}
    live.close()


def run(typed: str, names: dict[str, Any]) -> None:
    """Run a line as a notebook does: `await` is allowed."""
    code = compile(typed, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    coroutine = eval(code, names)
    if asyncio.iscoroutine(coroutine):
        asyncio.run(coroutine)


def test_there_are_at_least_sixty() -> None:
    assert len(MISTAKES) >= 60


@pytest.mark.parametrize("typed", MISTAKES)
def test_a_mistake_gets_a_sentence_that_says_what_to_do(typed: str, cell: dict[str, Any]) -> None:
    with pytest.raises((livewidget.LiveError, AttributeError)) as caught:
        run(typed, cell)
    sentence = str(caught.value)
    assert MISTAKES[typed] in sentence
    assert len(sentence.splitlines()) == 1
    assert len(sentence) <= 420
    assert "CANARY" not in sentence
    assert "/no/such" not in sentence
    assert len(sentence.split()) >= 5
