import asyncio
import sys

import numpy as np
import pytest

from livewidget.config import LiveConfig
from livewidget.config.code import to_python
from livewidget.connection import Provider
from livewidget.errors import ExtraMissing
from livewidget.standin import ManualClock, Script, StandIn
from livewidget.standin.serve import Server
from tests.standin.puppets import LOUD, QUIET, Client, Ears, said, sound


def test_it_is_a_provider():
    tutor: Provider = StandIn()
    assert (tutor.model, tutor.service, tutor.label) == ("offline-tutor", "standin", "Offline tutor")
    assert (tutor.speaker, tutor.badge) == ("tutor", "no key · on this computer")
    assert tutor.suggestions(LiveConfig())
    assert tutor.model_path() == "models/offline-tutor"
    assert StandIn(script=Script([])).suggestions(LiveConfig()) == ()


def test_its_repr_says_for_whom_it_stands_in():
    assert repr(StandIn()) == "StandIn(model='offline-tutor')"
    assert repr(StandIn(model="gemini-3.8-live")) == "StandIn(model='gemini-3.8-live')"


async def test_standing_in_for_another_model_it_keeps_its_parts_and_its_memories():
    tutor = StandIn(ears=Ears(), brain=str.upper, voice=sound)
    other = tutor.with_model("gemini-3.8-live")
    assert (other.model, other.service, tutor.model) == ("gemini-3.8-live", "gemini", "offline-tutor")
    assert other._given == tutor._given
    assert other._resumptions is tutor._resumptions


def test_its_expression_names_what_was_put_into_it():
    def shout(text):
        return text.upper()

    assert StandIn().expression() == "offline-tutor"
    assert to_python(StandIn(model="gemini-3.8-live").expression()) == 'StandIn(model="gemini-3.8-live")'
    made = StandIn(ears=lambda samples: "", brain=shout, script=Script([])).expression()
    assert to_python(made) == "StandIn(ears=ears, brain=shout, script=script)"


def test_what_is_worth_trying_depends_on_what_is_declared():
    tutor = StandIn()
    usual = tutor.suggestions(LiveConfig())
    light = {"name": "set_light", "parameters": {"type": "OBJECT", "properties": {"on": {"type": "BOOLEAN"}}}}
    assert "light" in tutor.suggestions(LiveConfig(), [light])[0]
    for field in ("google_search", "code_execution", "url_context", "proactive_audio"):
        assert tutor.suggestions(LiveConfig.from_kwargs(**{field: True}))[0] not in usual
    spanish = StandIn(model="gemini-3.5-live-translate-preview").suggestions(
        LiveConfig.from_kwargs(translation="es")
    )
    assert not set(spanish) & set(usual)


@pytest.mark.parametrize(
    ("model", "service", "path"),
    [
        ("gemini-3.8-live", "gemini", "models/gemini-3.8-live"),
        (
            "gemini-live-2.5-flash-native-audio",
            "vertex",
            "publishers/google/models/gemini-live-2.5-flash-native-audio",
        ),
        ("projects/p/locations/l/publishers/google/models/gemini-3.8-live", "gemini", None),
    ],
)
def test_it_stands_in_for_others(model, service, path):
    tutor = StandIn(model=model)
    assert tutor.service == service
    assert tutor.model_path() == (path or model)


@pytest.mark.parametrize("missing", ["pocketsphinx", "espeakng_loader"])
async def test_what_is_not_installed_is_said_when_dialling(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    from livewidget.standin.tutor.voice import EspeakProcess, TutorTextToSpeech

    voice = TutorTextToSpeech(EspeakProcess()) if missing == "espeakng_loader" else None
    with pytest.raises(ExtraMissing, match=r'pip install "livewidget\[offline\]"'):
        await StandIn(voice=voice, ears=Ears() if voice else None).dial()


async def test_without_the_certificates_library_ws_is_served_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)
    tutor = StandIn(script=Script([]))
    with pytest.raises(ExtraMissing, match=r'pip install "livewidget\[serve\]"'):
        async with Server(tutor):
            pass
    async with Server(tutor, wss_port=None) as server:
        assert server.ws


async def test_plain_functions_are_ears_brain_and_voice():
    heard = []

    def listen(utterance):
        heard.append(utterance)
        return "from my ears"

    async def think(text):
        return text.upper()

    tutor = StandIn(ears=listen, brain=think, voice=lambda text: np.full(4800, 0.25, np.float32))
    client = Client(await tutor.dial())
    await client.setup(
        outputAudioTranscription={}, realtimeInputConfig={"automaticActivityDetection": {"disabled": True}}
    )
    await client.send(realtimeInput={"activityStart": {}})
    await client.audio(LOUD, QUIET)
    await client.send(realtimeInput={"activityEnd": {}})
    turn = await client.turn()
    assert said(turn) == "FROM MY EARS"
    assert len(sound(turn)) == 2 * 4800
    assert heard[0].dtype == np.float32
    assert len(heard[0]) >= 3200
    await client.transport.close()


async def test_closing_the_link_ends_the_server():
    tutor = StandIn(script=Script([]), clock=ManualClock())
    before = asyncio.all_tasks()
    for _ in range(20):
        transport = await tutor.dial()
        await Client(transport).setup()
        await transport.close()
        await transport.close()
    assert asyncio.all_tasks() == before
