"""Answers that are interrupted, and answers that fail."""

import pytest

from livewidget import StandIn, connect
from livewidget.standin import ManualClock
from tests.peer import SOON
from tests.standin.puppets import LOUD, SECOND, kinds, said, settle


async def test_a_brain_that_breaks_says_so_and_the_talk_goes_on(bench):
    client = await bench().client()
    await client.send(realtimeInput={"text": "break"})
    assert said(await client.turn()) == "Sorry, my brain failed: ZeroDivisionError."
    await client.send(realtimeInput={"text": "again"})
    assert said(await client.turn()) == "echo again"


class Panic(BaseException):
    """What extensions written in Rust raise, such as tokenizers."""


@pytest.mark.parametrize("error", [Panic("boom"), SystemExit(1), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("is_async", [False, True])
async def test_whatever_a_brain_raises_is_said(error, is_async):
    def breaks(text):
        raise error

    async def breaks_later(text):
        raise error

    async with connect(
        StandIn(brain=breaks_later if is_async else breaks, voice=lambda text: b"")
    ) as session:
        for _ in range(2):
            turn = await session.ask("hello", timeout=SOON)
            assert turn.text == f"Sorry, my brain failed: {type(error).__name__}."


@pytest.mark.parametrize("after_ms", [30, 1500])
async def test_the_users_voice_interrupts_while_it_is_sent_and_while_it_is_heard(bench, after_ms):
    one = bench("stop", clock=ManualClock())
    client = await one.client()
    await client.send(realtimeInput={"text": " ".join(["word"] * 19)})
    await one.advance(after_ms)
    await client.audio(LOUD)
    await settle()
    turn = await client.turn()
    got = kinds(turn)
    assert got[-4:] == ["voiceActivity", "interrupted", "turnComplete", "usageMetadata"]
    assert ("generationComplete" in got) == (after_ms > 500)
    assert one.voice.running == 0
    await client.audio(*SECOND)
    await one.advance(500)
    assert said(await client.turn()) == "echo stop"


async def test_no_interruption_is_honoured_and_the_question_is_answered_afterwards(bench):
    one = bench("second", clock=ManualClock())
    client = await one.client(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
    await client.send(realtimeInput={"text": "first"})
    await one.advance(20)
    await client.audio(LOUD, *SECOND)
    await one.advance(1000)
    first, second = await client.turn(), await client.turn()
    assert said(first) == "echo first"
    assert "interrupted" not in kinds(first + second)
    assert said(second) == "echo second"


@pytest.mark.parametrize(
    "message",
    [
        {"clientContent": {"turns": [], "turnComplete": False}},
        {"clientContent": {"turns": [{"parts": [{"text": "new"}]}], "turnComplete": True}},
        {"realtimeInput": {"text": "new"}},
    ],
)
async def test_text_interrupts_always(bench, message):
    one = bench(clock=ManualClock())
    client = await one.client(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
    await client.send(realtimeInput={"text": "a long answer to be heard"})
    await one.advance(20)
    await client.send(**message)
    await settle()
    assert "interrupted" in kinds(await client.turn())
    if message != {"clientContent": {"turns": [], "turnComplete": False}}:
        await one.advance(500)
        assert said(await client.turn()) == "echo new"
