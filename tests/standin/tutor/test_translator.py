"""The phrasebook: what it holds, what it says of what it does not hold, and how it is heard and spoken."""

import asyncio
import re

import numpy as np
import pytest

from livewidget.audio import level_dbfs, to_float, to_pcm16
from livewidget.standin import StandIn
from livewidget.standin.interfaces import NoReply, Phrases, Reply, SpeechEnded, TranslationTarget, VadSettings
from livewidget.standin.tutor import translator
from livewidget.standin.tutor.ears import TutorSpeechToText
from livewidget.standin.tutor.patterns import PatternTable, parse_sections, tokens
from livewidget.standin.tutor.topics import SUGGESTED
from livewidget.standin.tutor.translator import (
    LANGUAGES,
    UNKNOWN,
    TranslationDialogue,
    make_phrasebook,
    phrasebook,
)
from livewidget.standin.tutor.voice import TutorTextToSpeech
from tests.standin.puppets import TRANSCRIPTS, Client, VirtualClock, kinds, said, sound
from tests.standin.tutor.test_ears import around, spoken

pytestmark = pytest.mark.voice

LIVE, OLD = "gemini-3.5-live-translate-preview", "gemini-2.5-flash-s2st-exp-11-2025"
UMLAUTS = {"es": "áéíóúñ¿¡", "fr": "éèêàçùûô'", "de": "äöüß", "it": "èéàòùì'"}


async def translate(text, target="es", **options):
    return await TranslationDialogue(TranslationTarget(target=target, echo=options.pop("echo", False))).reply(
        text, **options
    )


def test_the_book_is_whole():
    assert len(phrasebook().lines) >= 60
    for line in phrasebook().lines:
        assert list(line) == list(LANGUAGES)
        for text in line.values():
            assert re.search(r"[.?!]$", text), text
        assert line["es"].startswith("¿") == line["es"].endswith("?")
    for language, letters in UMLAUTS.items():
        assert set(letters) & set("".join(line[language] for line in phrasebook().lines))
    # The same slots on both sides, in each language.
    for pattern in phrasebook().patterns:
        for text in phrasebook().lines[int(pattern.intent)].values():
            assert sorted(re.findall(r"\{(\w+)\}", text)) == sorted(pattern.names)
    for pattern in phrasebook().patterns:
        assert re.fullmatch(r"[a-z{} ']+", pattern.text), pattern.text


@pytest.mark.parametrize("pattern", phrasebook().patterns, ids=lambda pattern: pattern.text)
async def test_every_sentence_means_itself(pattern):
    table = PatternTable(phrasebook().patterns)
    for sentence in pattern.sentences(12):
        found = table.match(tokens(sentence))
        assert found.pattern.intent == pattern.intent
        for language in LANGUAGES:
            answer = await translate(sentence, language)
            assert answer.language == language
            assert answer.text != UNKNOWN[language]
            assert "{" not in answer.text


@pytest.mark.parametrize(
    ("text", "target", "translation"),
    [
        ("good morning", "es", "Buenos días."),
        ("good morning", "fr-FR", "Bonjour."),
        ("good morning", "de", "Guten Morgen."),
        ("good morning", "it_IT", "Buongiorno."),
        ("where is the station", "de", "Wo ist der Bahnhof?"),
        ("i am from germany", "it", "Vengo dalla Germania."),
        ("i come from the united states", "it", UNKNOWN["it"]),
        ("it costs twenty two euros", "es", "Cuesta 22 euros."),
        ("my name is anna", "fr", "Je m'appelle Anna."),
        ("see you on wednesday", "es", "Hasta el miércoles."),
        ("let us meet at seven o'clock", "de", "Treffen wir uns um 7 Uhr."),
        ("it costs one million euros", "es", UNKNOWN["es"]),
        ("my name is nobody", "es", UNKNOWN["es"]),
        ("the quantum computer dreams of sheep", "fr", UNKNOWN["fr"]),
    ],
)
async def test_translations(text, target, translation):
    assert await translate(text, target) == Reply(translation, language=target)


@pytest.mark.parametrize("target", list(LANGUAGES))
async def test_what_was_not_understood_is_said_to_be_unknown_in_the_target_language(target):
    assert await translate("good morning", target, confident=False) == Reply(UNKNOWN[target], language=target)


async def test_a_language_that_the_book_does_not_have():
    answer = await translate("good morning", "pl")
    assert answer.language == "en"
    assert "Spanish, French, German and Italian" in answer.text


async def test_what_is_in_the_target_language_already_is_repeated_or_passed_over():
    assert await translate("good morning", "en-GB") == NoReply()
    assert await translate("good morning", "en-GB", echo=True) == Reply("Good morning.", language="en-GB")


def test_a_line_that_is_wrong_is_told():
    with pytest.raises(ValueError, match="4 columns"):
        make_phrasebook(parse_sections("[sentences]\nhello | a | b | c"))
    with pytest.raises(ValueError, match="no values for"):
        make_phrasebook(parse_sections("[sentences]\nthe {thing} | a | b | c | d"))
    mine = make_phrasebook(
        parse_sections("[sentences]\nthe cat | el gato | le chat | die Katze | il gatto\n")
    )
    assert mine.patterns[0].text == "the cat"


# --- Through the ears ---------------------------------------------------------------------------------------


def test_the_book_is_heard():
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("espeakng_loader")
    voices = ("en-us+adam", "en-us+edward", "en-us+m6", "en-us+klatt4", "en-us+f2", "en-us+f5")
    texts = [pattern.sentences(1, seed=5)[0] for pattern in phrasebook().patterns][::4]
    table, phrases = PatternTable(phrasebook().patterns), Phrases(translator.sentences())
    right = wrong = 0
    for number, text in enumerate(texts):
        hearing = TutorSpeechToText().session(VadSettings(), phrases)
        pcm = to_pcm16(around(spoken(text, voices[number % len(voices)])))
        heard = [one for at in range(0, len(pcm), 640) for one in hearing.feed(pcm[at : at + 640])]
        hearing.close()
        (ended,) = [one for one in heard if isinstance(one, SpeechEnded)]
        found = table.match(tokens(ended.text)) if ended.confident else None
        right += ended.text == text
        wrong += found is not None and found.pattern.intent != table.match(tokens(text)).pattern.intent
    assert right >= 0.8 * len(texts)
    assert wrong <= 0.05 * len(texts)


# --- On the wire, with the tutor's own ears and voice -------------------------------------------------------


def fields(model, target, **config):
    if model == OLD:
        return {
            "generationConfig": {"speechConfig": {"languageCode": target}},
            "enableSpeechToSpeechTranslation": True,
        }
    return {"generationConfig": {"translationConfig": {"targetLanguageCode": target, **config}}}


async def interpreted(model, target, text):
    """Say `text` to a model that translates; return what came of it."""
    tutor = StandIn(model=model, clock=VirtualClock())
    client = Client(await tutor.dial())
    await client.setup(tutor.model_path(), **TRANSCRIPTS, **fields(model, target))
    pcm = to_pcm16(await asyncio.to_thread(lambda: around(spoken(text))))
    await client.audio(*[pcm[at : at + 3200] for at in range(0, len(pcm), 3200)])
    read = await client.until("usageMetadata")
    await client.transport.close()
    return read


@pytest.mark.parametrize(
    ("model", "target", "translation"),
    [
        (LIVE, "es", "¿Dónde está la estación?"),
        (LIVE, "fr", "Où est la gare ?"),
        (LIVE, "de", "Wo ist der Bahnhof?"),
        (LIVE, "it", "Dov'è la stazione?"),
        (OLD, "es", "¿Dónde está la estación?"),
    ],
)
async def test_english_in_and_another_language_out(model, target, translation):
    pytest.importorskip("pocketsphinx")
    read = await interpreted(model, target, "where is the station")
    told = [m["serverContent"] for m in read if "serverContent" in m]
    heard = [c["inputTranscription"] for c in told if "inputTranscription" in c]
    assert "".join(one.get("text", "") for one in heard) == "where is the station"
    assert said(read) == translation
    assert {
        c["outputTranscription"].get("languageCode", target) for c in told if "outputTranscription" in c
    } == {target}
    assert not {"generationComplete", "turnComplete"} & set(kinds(read))
    # It is really spoken, by a voice of that language, and is no silence.
    speech = to_float(sound(read))
    own = to_float(
        b"".join([piece.pcm async for piece in TutorTextToSpeech().speak(translation, None, target)])
    )
    english = to_float(b"".join([piece.pcm async for piece in TutorTextToSpeech().speak(translation)]))
    assert alike(speech, own) > 0.9
    assert alike(speech, english) < 0.5  # negative control: the same letters, read as English
    assert level_dbfs(speech) > -35
    assert np.mean(np.abs(speech) > 0.01) > 0.3


def alike(one, other):
    """The correlation of the loudness of two sounds, every 10 ms: no two utterances have the same samples."""
    loud = [np.sqrt(np.mean(np.square(x[: len(x) // 240 * 240].reshape(-1, 240)), 1)) for x in (one, other)]
    length = min(map(len, loud))
    return float(np.corrcoef(loud[0][:length], loud[1][:length])[0, 1])


def test_suggestions_are_in_the_book():
    assert set(SUGGESTED["translation"]) <= set(translator.sentences())
