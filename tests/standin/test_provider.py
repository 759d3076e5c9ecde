import asyncio
import sys

import numpy as np
import pytest

from livewidget.audio import resample, to_pcm16
from livewidget.config import LiveConfig
from livewidget.config.code import to_python
from livewidget.connection import Provider
from livewidget.errors import ExtraMissing
from livewidget.standin import ManualClock, Script, StandIn
from livewidget.standin.serve import Server
from tests.cli.conftest import spoken
from tests.standin.puppets import LOUD, QUIET, Client, Ears, VirtualClock, kinds, said, sound


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
    with pytest.raises(ExtraMissing, match=r'pip install "livewidget\[tutor\]"'):
        await StandIn(voice=voice, ears=Ears() if voice else None).dial()


@pytest.fixture
def no_ears(monkeypatch):
    """A computer for which there is no package of pocketsphinx."""
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")


async def speech():
    """Somebody speaks and stops, in pieces of 40 ms at 16 kHz."""
    pcm = to_pcm16(resample(await spoken("what is seven plus five"), 24_000, 16_000)) + bytes(32_000)
    return [pcm[at : at + 1280] for at in range(0, len(pcm), 1280)]


@pytest.mark.voice
async def test_where_no_ears_can_be_installed_it_is_typed_to_and_says_so(no_ears):
    """Kind: a part that cannot be had on a computer takes away what it does, and nothing else."""
    tutor = StandIn(clock=VirtualClock())
    assert tutor.hears is False
    assert tutor.badge == "no key · on this computer · type to it"
    client = Client(await tutor.dial())
    await client.setup(inputAudioTranscription={}, outputAudioTranscription={})
    assert await client.ask("what is seven plus five") == "Seven plus five is twelve."
    for _ in range(2):
        await client.audio(*await speech())
        turn = await client.turn()
        assert "inputTranscription" not in kinds(turn)
        assert said(turn) == "I cannot understand speech on this computer. Please type to me."
    assert await client.ask("what did i ask before") == (
        "The last thing that I remember from you is: what is seven plus five"
    )
    await client.transport.close()


@pytest.mark.voice
async def test_a_dictation_without_ears_is_marked_unclear(no_ears):
    client = Client(await StandIn(model="gemini-3.5-transcribe-live", clock=VirtualClock()).dial())
    await client.setup("models/gemini-3.5-transcribe-live", inputAudioTranscription={})
    await client.audio(*await speech())
    heard = await client.until("serverContent", "inputTranscription")
    assert heard[-1]["serverContent"]["inputTranscription"]["text"] == "[unclear]"
    await client.transport.close()


async def test_other_ears_hear_there(no_ears):
    assert StandIn(ears=lambda samples: "hello").hears
    assert StandIn(script=Script([])).badge == "no key · on this computer"


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
