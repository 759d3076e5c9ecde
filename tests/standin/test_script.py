import asyncio
import base64

import numpy as np
import pytest

from livewidget.standin import Close, ManualClock, Script, StandIn, When
from livewidget.transports.base import TransportClosed
from tests.standin.puppets import Client, kinds, said, settle, sound

PCM = np.arange(12_000, dtype="<i2").tobytes()  # half a second


async def dial(script, clock=None):
    client = Client(await StandIn(script=script, clock=clock).dial())
    await client.setup()
    return client


def test_sound_is_cut_where_words_begin():
    messages = Script.audio(PCM, [("one ", 0), ("two", 6000)], chunk_ms=200)
    sizes = []
    words = []
    for message in messages:
        content = message.server_content
        sizes.append(len(content.model_turn.parts[0].inline_data.data) // 2)
        words.append(content.output_transcription and content.output_transcription.text)
    assert sizes == [4800, 1200, 3600, 2400]
    assert words == ["one ", None, "two", None]


async def test_an_answer_is_what_was_written():
    client = await dial(Script([When("text", Script.answer(PCM, [("half a second", 0)]))]))
    await client.send(realtimeInput={"text": "go"})
    turn = await client.turn()
    assert sound(turn) == PCM
    assert said(turn) == "half a second"
    assert kinds(turn)[-3:] == ["generationComplete", "turnComplete", "usageMetadata"]
    assert turn[-1]["usageMetadata"]["responseTokenCount"] == 12
    await client.transport.close()


async def test_times_are_exact():
    clock = ManualClock()
    steps = [
        When(
            "setup",
            [Script.input_transcript("a", finished=False), Script.input_transcript("a b")],
            delay_ms=100,
            every_ms=50,
        )
    ]
    client = await dial(Script(steps), clock)
    next_one = asyncio.create_task(client.next())
    for ms, ready in ((99, False), (1, True)):
        clock.advance(ms)
        await settle()
        assert next_one.done() == ready
    next_one = asyncio.create_task(client.next())
    for ms, ready in ((49, False), (1, True)):
        clock.advance(ms)
        await settle()
        assert next_one.done() == ready
    assert (await next_one)["serverContent"]["inputTranscription"] == {"text": "a b", "finished": True}
    await client.transport.close()


DEEDS = [
    ("text", {"realtimeInput": {"text": "x"}}),
    ("text", {"clientContent": {"turnComplete": True}}),
    ("content", {"clientContent": {"turns": []}}),
    ("audio", {"realtimeInput": {"audio": {"data": "AAAA", "mimeType": "audio/pcm"}}}),
    ("audio_end", {"realtimeInput": {"audioStreamEnd": True}}),
    ("image", {"realtimeInput": {"video": {"data": "AAAA", "mimeType": "image/png"}}}),
    ("tool_result", {"toolResponse": {"functionResponses": [{"id": "fc_1", "name": "f", "response": {}}]}}),
    ("context", {"contextUpdate": {}}),
]


@pytest.mark.parametrize(("deed", "message"), DEEDS)
async def test_each_deed_is_waited_for(deed, message):
    client = await dial(Script([When(deed, [Script.tool_call("f")])]))
    for other, another in DEEDS:
        if other != deed:
            await client.send(**another)
    with pytest.raises(TimeoutError):
        await client.next(0.02)
    await client.send(**message)
    assert kinds([await client.next()]) == ["toolCall"]
    await client.transport.close()


async def test_activity():
    client = Client(
        await StandIn(script=Script([When("activity_start"), When("activity_end", ["{}"])])).dial()
    )
    manual = {"automaticActivityDetection": {"disabled": True}}
    await client.setup(realtimeInputConfig=manual)
    await client.send(realtimeInput={"activityEnd": {}})
    await client.send(realtimeInput={"activityStart": {}})
    assert await client.transport.receive() == "{}"
    await client.transport.close()


async def test_so_much_audio():
    script = Script([When("audio", [Script.input_transcript("stop"), *Script.interrupted()], samples=3200)])
    client = await dial(script)
    piece = base64.b64encode(bytes(3200)).decode()
    await client.send(realtimeInput={"audio": {"data": piece, "mimeType": "audio/pcm;rate=16000"}})
    with pytest.raises(TimeoutError):
        await client.next(0.02)
    await client.send(realtimeInput={"audio": {"data": piece, "mimeType": "audio/pcm;rate=16000"}})
    expected = ["inputTranscription", "interrupted", "turnComplete", "usageMetadata"]
    assert kinds(await client.turn()) == expected
    assert len(script.received) == 2
    await client.transport.close()


async def test_raw_frames_and_the_close():
    script = Script([When("setup", ["no json", b"\xff", Script.go_away(1500), Close(1008, "because")])])
    client = await dial(script)
    assert await client.transport.receive() == "no json"
    assert await client.transport.receive() == b"\xff"
    assert await client.next() == {"goAway": {"timeLeft": "1.5s"}}
    with pytest.raises(TransportClosed) as error:
        await client.next()
    assert (error.value.code, error.value.reason) == (1008, "because")


async def test_again_and_again():
    client = await dial(Script([When("text", Script.answer(PCM))], repeat=True))
    for _ in range(3):
        await client.send(realtimeInput={"text": "go"})
        assert sound(await client.turn()) == PCM
    await client.transport.close()


async def test_the_setup_is_checked_all_the_same():
    client = Client(await StandIn(script=Script([])).dial())
    await client.send(setup={"model": "models/offline-tutor", "wrong": 1})
    with pytest.raises(TransportClosed) as error:
        await client.next()
    assert error.value.code == 1007
