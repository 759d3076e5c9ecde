"""Agents of other people's frameworks in a JupyterLab whose kernel has the framework: by voice, against `livewidget serve`."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from livewidget.audio import resample, to_pcm16
from livewidget.standin.interfaces import Phrases, SpeechEnded, VadSettings
from tests.browser.card import Card
from tests.browser.lab import ROOT
from tests.browser.sounds import heard, say
from tests.browser.test_talk import COLLECT, assert_heard_whole
from tests.integrations.test_clients import KEY, named, serving
from tools import setup

pytestmark = [pytest.mark.clients, pytest.mark.long, pytest.mark.timeout(240)]

#: An agent as somebody has one, in a widget. What it calls its own, the light, is not the notebook's.
ADK = """
import ssl
from google.adk.agents import LlmAgent
from google.adk.models import Gemini
from google.genai import types
from livewidget import LiveWidget
from livewidget.integrations.adk import AdkAgent

lamp, fan = [], []
def set_light(on: bool) -> str:
    "Switch the light."
    lamp.append(on)
    return "the light is on" if on else "the light is off"

context = ssl.create_default_context(cafile={cert!r})
options = types.HttpOptions(base_url={https!r}, api_version="v1beta", async_client_args={{"ssl": context}})
model = Gemini(model={model!r}, client_kwargs={{"vertexai": False, "api_key": {key!r}, "http_options": options}})
agent = LlmAgent(name="lamp", model=model, instruction="Be brief.", tools=[set_light])

def set_fan(on: bool) -> str:
    "Switch the fan."
    fan.append(on)
    return "the fan is on" if on else "the fan is off"

live = LiveWidget(AdkAgent(agent), tools=[set_fan])
live
"""


#: What might be heard: what is meant, and what would be wrong.
POSSIBLE = (
    *("the light is on", "the light is off", "the fan is on", "the fan is off"),
    *(f"two plus three is {number}" for number in ("four", "five", "nine", "seven")),
)


def recognized(page) -> str:
    """What was heard in the page, as the tutor's own ears understand it."""
    from livewidget.standin.tutor.brain import TutorResponder
    from livewidget.standin.tutor.ears import TutorSpeechToText

    functions = [{"name": name, "parametersJsonSchema": {}} for name in ("light", "fan")]
    phrases = TutorResponder().session(functions).phrases
    hearing = TutorSpeechToText().session(VadSettings(), Phrases((*phrases.sentences, *POSSIBLE)))
    samples, rate = heard(page)
    quiet = np.random.default_rng(3).normal(0, 0.001, rate).astype(np.float32)
    pcm = to_pcm16(resample(np.concatenate([samples, quiet]), rate, 16_000))
    events = [one for at in range(0, len(pcm), 640) for one in hearing.feed(pcm[at : at + 640])]
    return " / ".join(event.text for event in events if isinstance(event, SpeechEnded))


@pytest.mark.parametrize("name", named("google-adk"))
@pytest.mark.parametrize("model", ["gemini-2.5-flash-native-audio-latest", "gemini-3.8-live"])
def test_an_agent_of_the_kit_uses_its_own_tool_and_the_notebooks_by_voice(
    lab, open_talk, sounds, name, model
):
    if not setup.client(name).exists():
        pytest.skip(f"{name} has no environment here: run make clients")
    python = setup.client(name) / setup.BIN.name / setup.PYTHON.name
    lab.add_kernel("agents", str(python), env={"PYTHONPATH": str(ROOT)})
    with serving() as server:
        https = server["wss"].replace("wss://", "https://")
        cell = ADK.format(model=model, key=KEY, cert=server["cert"], https=https)
        notebook = open_talk(cell, COLLECT, kernel="agents")
        notebook.run(0)
        card = Card(notebook.page)
        notebook.run(1)
        expect(card.root.locator(".lw-who")).to_have_text("ADK agent lamp")
        card.start()
        say(notebook.page, sounds("turn on the light", before=0.3))
        card.wait_for_words("you", "turn on the light")
        card.wait_for_words("lamp", "the light is on")
        chips = card.root.locator(".lw-chip")
        expect(chips).to_contain_text('set_light(on=True) → "the light is on"')
        expect(chips).to_contain_text("· by lamp")
        say(notebook.page, sounds("turn on the fan", before=1.5))
        card.wait_for_words("lamp", "the fan is on")
        expect(chips).to_have_count(2)
        expect(chips.last).to_contain_text('set_fan(on=True) → "the fan is on"')
        expect(chips.last).not_to_contain_text("· by lamp")
        assert notebook.python("print(lamp, fan)") == "[True] [True]"
        say(notebook.page, sounds("what is two plus three", before=1.5))
        card.wait_for_words("lamp", "two plus three is five")
        assert_heard_whole(notebook)
        assert recognized(notebook.page) == "the light is on / the fan is on / two plus three is five"
        interrupt(notebook, card, sounds)
        assert card.notices() == []
        assert notebook.python("print([tool.__name__ for tool in agent.tools])") == "['set_light']"
        card.stop()


def interrupt(notebook, card, sounds) -> None:
    """Interrupt a story by voice: it falls silent, its words end where it did, and the question is answered."""
    card.type("tell me a story")
    card.wait_for_words("lamp", "once upon")
    say(notebook.page, sounds("what time is it", before=1.0))
    card.wait_for_words("lamp", "interrupted")
    card.wait_for_words("lamp", "it is")
    story = next(words for who, words in card.turns() if who == "lamp" and words.startswith("Once"))
    assert "to somebody" not in story, story
