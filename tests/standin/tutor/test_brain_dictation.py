import pytest

from livewidget.audio import to_pcm16
from livewidget.standin import StandIn
from livewidget.standin.interfaces import NoReply, Phrases, Skills, SpeechEnded, VadSettings
from livewidget.standin.tutor.brain import TutorResponder, dictation_sentences
from livewidget.standin.tutor.ears import TutorSpeechToText
from livewidget.standin.tutor.topics import SUGGESTED
from tests.standin.puppets import Client, VirtualClock, kinds
from tests.standin.tutor.test_ears import around, spoken

pytestmark = pytest.mark.voice

DICTATION = Skills(dictation=True)


async def test_it_is_never_asked_and_says_nothing():
    mind = TutorResponder().session([], DICTATION)
    assert await mind.reply("hello") == NoReply()
    assert await mind.result("f", {}) == NoReply()
    assert mind.phrases.sentences == dictation_sentences()


def test_suggestions_can_be_dictated():
    assert TutorResponder().suggestions([], DICTATION) == SUGGESTED["dictation"]
    assert set(SUGGESTED["dictation"]) <= set(dictation_sentences())


async def dictated(*texts, **transcription):
    tutor = StandIn(model="gemini-3.5-transcribe-live", clock=VirtualClock())
    client = Client(await tutor.dial())
    await client.setup(
        tutor.model_path(),
        generationConfig={"responseModalities": ["TEXT"]},
        inputAudioTranscription=transcription,
    )
    lines, previews = [], []
    for text in texts:
        pcm = to_pcm16(around(spoken(text)))
        await client.audio(*[pcm[at : at + 3200] for at in range(0, len(pcm), 3200)])
        told = [
            m["serverContent"]
            for m in await client.until("serverContent", "inputTranscription")
            if "serverContent" in m
        ]
        lines.append(told[-1]["inputTranscription"]["text"])
        previews += [one["interimInputTranscription"]["text"] for one in told[:-1]]
    assert {"modelTurn", "turnComplete", "generationComplete"}.isdisjoint(kinds(client.log))
    await client.transport.close()
    return lines, previews


async def test_what_is_dictated_is_written_down():
    pytest.importorskip("pocketsphinx")
    text = "how do you like it question mark"
    lines, previews = await dictated(text, "what is seven plus five", mode="SMART")
    assert lines == ["How do you like it?", "What is 7 plus 5?"]
    assert len(previews) >= 4
    assert (await dictated(text, mode="VERBATIM"))[0] == [text]


def test_the_vocabulary_is_heard():
    pytest.importorskip("pocketsphinx")
    term = "open the jupyterlab notebook"
    heard = {}
    for phrases in (Phrases(dictation_sentences()), Phrases((*dictation_sentences(), term))):
        hearing = TutorSpeechToText().session(VadSettings(), phrases)
        pcm = to_pcm16(around(spoken(term)))
        ended = [
            one
            for at in range(0, len(pcm), 640)
            for one in hearing.feed(pcm[at : at + 640])
            if isinstance(one, SpeechEnded)
        ]
        heard[len(phrases.sentences)] = ended[0].text
        hearing.close()
    without, with_it = heard.values()
    assert with_it == term
    assert without != term  # negative control: what the vocabulary is for
