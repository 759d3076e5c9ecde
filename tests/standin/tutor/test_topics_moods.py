import pytest

from livewidget.audio import to_float
from livewidget.standin import StandIn
from livewidget.standin.interfaces import Reply, Skills
from livewidget.standin.tutor.brain import TutorResponder
from livewidget.standin.tutor.topics import MOODS, SORRY, SUGGESTED
from tests.standin.puppets import TRANSCRIPTS, Client, VirtualClock, said, sound
from tests.standin.tutor.test_voice import semitones

pytestmark = pytest.mark.voice

SAYS = [(text, mood) for mood, _, texts in MOODS for text in texts]


async def ask(text, **skills):
    return await TutorResponder().session([], Skills(**skills)).reply(text)


@pytest.mark.parametrize(("text", "mood"), SAYS)
async def test_a_mood_is_answered_in_its_tone(text, mood):
    answer = await ask(text, affective_dialog=True)
    assert answer.mood == mood
    assert "your tone of voice is too much for me" in answer.text


async def test_without_affective_dialog_there_are_no_moods():
    answer = await ask("i have good news")
    assert answer.mood is None
    assert SORRY in answer.text
    assert (await ask("what is seven plus five", affective_dialog=True)) == Reply(
        "Seven plus five is twelve."
    )


def test_suggestions_are_understood():
    assert set(SUGGESTED["affective_dialog"]) <= {text for text, _ in SAYS}


async def test_the_tone_is_heard():
    """The same tutor, asked for two moods, speaks higher and faster in one of them."""
    pytest.importorskip("espeakng_loader")
    tutor = StandIn(model="gemini-2.5-flash-native-audio-latest", clock=VirtualClock())
    client = Client(await tutor.dial())
    await client.setup(tutor.model_path(), **TRANSCRIPTS, generationConfig={"enableAffectiveDialog": True})
    heard = {}
    for text in ("i had a bad day today", "i have good news"):
        await client.send(clientContent={"turns": [{"parts": [{"text": text}]}], "turnComplete": True})
        turn = await client.turn()
        speech = to_float(sound(turn))
        heard[text] = semitones(speech), len(speech) / len(said(turn))
    await client.transport.close()
    (low, slow), (high, fast) = heard.values()
    assert high - low > 3
    assert slow > 1.15 * fast
