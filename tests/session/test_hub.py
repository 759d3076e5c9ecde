"""What comes with an answer, from the real stand-in through the wire into turns."""

import asyncio

import numpy as np
import pytest

from livewidget.config import LiveConfig
from livewidget.events import TurnComplete
from livewidget.session import LiveSession
from livewidget.standin import StandIn
from tests.peer import eventually, until
from tests.standin.puppets import LOUD, SECOND, Ears

pytestmark = pytest.mark.timeout(60)


def beep(text: str) -> np.ndarray:
    """A voice that says a letter in 20 ms."""
    return 0.2 * np.sin(np.arange(480 * len(text)) / 10, dtype=np.float32)


def tutor(*said: str, **more) -> StandIn:
    """The tutor itself, quick of tongue; what is said loudly to it is the next of `said`."""
    return StandIn(ears=Ears(*said), voice=beep, **more)


async def say(session) -> None:
    """Say something, then nothing for as long as it takes to notice."""
    for piece in (LOUD, *SECOND):
        await session.send_audio(piece)


async def test_a_search_gives_sources():
    async with LiveSession(tutor(), LiveConfig(google_search=True)) as session:
        turn = await session.ask("when was the eiffel tower built")
        assert "1889" in turn.text
        assert turn.queries == ("eiffel tower built",)
        assert turn.sources[0].uri.startswith("https://en.wikipedia.org/")
        assert all(source.title for source in turn.sources)


async def test_code_and_its_output():
    async with LiveSession(tutor(), LiveConfig(code_execution=True)) as session:
        turn = await session.ask("what are the first ten prime numbers")
        (run,) = turn.code
        assert (run.language, run.outcome) == ("PYTHON", "OK")
        assert run.output.rstrip().endswith("23, 29]")
        assert "print(" in run.code
        assert "print(" not in turn.text


async def test_pages_that_cannot_be_read():
    async with LiveSession(tutor(), LiveConfig(url_context=True)) as session:
        turn = await session.ask("what does https://example.org/tides say")
        assert [(page.url, page.status) for page in turn.pages] == [("https://example.org/tides", "ERROR")]


async def test_thoughts_are_apart_from_the_answer():
    config = LiveConfig(thinking="HIGH", include_thoughts=True)
    async with LiveSession(tutor(), config) as session:
        turn = await session.ask("what is seven plus five")
        assert "twelve" in turn.text
        assert turn.thoughts
        assert turn.thoughts not in turn.text


async def test_the_model_chooses_not_to_answer():
    async with LiveSession(tutor("dinner is ready"), LiveConfig(proactive_audio=True)) as session:
        stream = aiter(session)
        await say(session)
        await until(stream, TurnComplete)
        question, answer = session.turns
        assert question.text == "dinner is ready"
        assert (answer.declined, answer.text, answer.final) == (True, "", True)


async def test_the_decision_is_seen_where_the_service_says_when_speech_ended():
    async with LiveSession(tutor("what is seven plus five")) as session:
        stream = aiter(session)
        for piece in (LOUD, *SECOND):
            await session.send_audio(piece)
            await asyncio.sleep(0.02)
        await until(stream, TurnComplete)
        timing = session.turns[-1].timing
        # Half a second of silence was sent before the end was noticed, a tenth each 20 ms at the quickest.
        assert timing.decision_ms >= 80
        assert timing.wait_ms <= session.turns[-1].latency_ms


@pytest.mark.parametrize(
    ("language", "words"),
    [("es", "Buenos días"), ("fr", "Bonjour"), ("de", "Guten Morgen"), ("it", "Buongiorno")],
)
async def test_a_translation(language, words):
    provider = tutor("good morning", model="gemini-3.5-live-translate-preview")
    async with LiveSession(provider, LiveConfig.from_kwargs(translation=language)) as session:
        await say(session)
        await eventually(lambda: len(session.turns) == 2 and words in session.turns[-1].text)
        source, target = session.turns
        assert (source.text, source.language) == ("good morning", "en")
        assert target.language == language


async def test_a_dictation():
    provider = tutor("dear alice", "thank you", model="gemini-3.5-transcribe-live")
    async with LiveSession(provider, LiveConfig(modalities=("TEXT",))) as session:
        await say(session)
        await eventually(lambda: session.turns and session.turns[0].final)
        await say(session)
        await eventually(lambda: len(session.turns) == 2 and session.turns[1].final)
        assert [turn.speaker for turn in session.turns] == ["user", "user"]
        text = " ".join(turn.text for turn in session.turns).lower()
        assert "dear alice" in text
        assert "thank you" in text
