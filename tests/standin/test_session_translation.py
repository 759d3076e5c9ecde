"""Models that translate in the stand-in: two languages, no end of a turn, and silence without a target."""

import numpy as np
import pytest

from livewidget.standin import ManualClock
from livewidget.standin.interfaces import NoReply, Reply, TranslationTarget
from tests.standin.puppets import LOUD, SECOND, kinds, said, settle, sound

LIVE, OLD = "gemini-3.5-live-translate-preview", "gemini-2.5-flash-s2st-exp-11-2025"


def target(model, code, **config):
    if model == OLD:
        return {
            "generationConfig": {"speechConfig": {"languageCode": code}},
            "enableSpeechToSpeechTranslation": True,
        }
    return {"generationConfig": {"translationConfig": {"targetLanguageCode": code, **config}}}


async def until_quiet(client):
    """Read to the usage that follows a translation."""
    return await client.until("usageMetadata")


@pytest.mark.parametrize("model", [LIVE, OLD])
async def test_a_translation_says_its_languages_and_ends_no_turn(bench, model):
    one = bench("hello", "bye", model=model)
    one.brain.answers |= {"hello": Reply("buenos días"), "bye": Reply("adiós")}
    client = await one.client(**target(model, "es"))
    for text, words in (("hello", "buenos días"), ("bye", "adiós")):
        await client.audio(LOUD, *SECOND)
        read = await until_quiet(client)
        told = [m["serverContent"] for m in read if "serverContent" in m]
        heard = [c["inputTranscription"] for c in told if "inputTranscription" in c]
        spoken = [c["outputTranscription"] for c in told if "outputTranscription" in c]
        assert heard[0] == {"languageCode": "en"}, "a preamble with only the code"
        assert heard[1]["text"] == text
        assert heard[1]["languageCode"] == "en"
        assert spoken[0] == {"languageCode": "es"}
        assert said(read) == words
        assert {one.get("languageCode") for one in spoken} - {None} == {"es"}
        assert np.frombuffer(sound(read), "<i2").any()
    assert not {"generationComplete", "turnComplete", "waitingForInput"} & set(kinds(client.log))
    assert one.voice.languages == ["es", "es"]
    assert one.brain.minds[0].skills.translation == TranslationTarget(target="es")


@pytest.mark.parametrize("model", [LIVE, OLD])
async def test_without_a_target_all_that_comes_is_silence(bench, model):
    one = bench("hello", model=model)
    client = await one.client()
    await client.audio(LOUD, *SECOND)
    read = await until_quiet(client)
    assert len(sound(read)) == 2 * 2 * 24_000
    assert not np.frombuffer(sound(read), "<i2").any()
    assert "outputTranscription" not in kinds(read)
    assert one.voice.voices == []
    assert one.brain.minds[0].asked == []
    assert not {"generationComplete", "turnComplete"} & set(kinds(client.log))


async def test_what_needs_no_translation_is_passed_over_and_echoing_is_a_skill(bench):
    one = bench("hola", "hello", model=LIVE)
    one.brain.answers |= {"hola": NoReply(), "hello": Reply("buenos días")}
    client = await one.client(**target(LIVE, "es", echoTargetLanguage=True))
    await client.audio(LOUD, *SECOND, LOUD, *SECOND)
    read = await until_quiet(client)
    assert said(read) == "buenos días"
    assert one.brain.minds[0].skills.translation == TranslationTarget(target="es", echo=True)


async def test_who_is_translated_may_go_on_speaking(bench):
    one = bench("first", "second", model=LIVE, clock=ManualClock())
    client = await one.client(**target(LIVE, "de"))
    await client.audio(LOUD, *SECOND, LOUD, *SECOND)
    await settle()
    await one.advance(3000)
    read = [*await until_quiet(client), *await until_quiet(client)]
    assert said(read) == "echo firstecho second"
    assert "interrupted" not in kinds(read)
