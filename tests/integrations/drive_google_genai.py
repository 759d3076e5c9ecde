"""Drive a running `livewidget serve` with whatever google-genai is installed; no livewidget is needed here.

::

    python tests/integrations/drive_google_genai.py '{"wss": "wss://127.0.0.1:…", "cert": "…"}' FOLDER

FOLDER holds `question.wav`, `tool.wav` and `interruption.wav` (16 kHz mono), see `questions.py`. One spoken turn,
one tool call, one interruption; prints what happened as one line of JSON, and fails where something is not right.
"""

import asyncio
import json
import ssl
import sys
import time
import wave
from pathlib import Path

from google import genai
from google.genai import types

FRAME_S = 0.04
SPEED = 4  # times as fast as a microphone: the tutor's ears count samples, not seconds
LIGHT = {
    "name": "set_light",
    "description": "Switch the light.",
    "parameters": {"type": "OBJECT", "properties": {"on": {"type": "BOOLEAN"}}},
}
TURN_S = 15


def client_for(line):
    """Return a client that dials the server of a ready line, trusting its certificate and no other."""
    context = ssl.create_default_context(cafile=line["cert"])
    options = types.HttpOptions(
        base_url=line["wss"].replace("wss://", "https://"),
        api_version="v1beta",
        async_client_args={"ssl": context},
    )
    return genai.Client(api_key="any", vertexai=False, http_options=options)


def frames(path):
    """Return a WAV's PCM16 in frames of 40 ms."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        size = int(16_000 * FRAME_S)
        return [file.readframes(size) for _ in range(0, file.getnframes(), size)]


async def speak(session, pieces):
    """Send sound piece by piece, as a microphone that is in a hurry."""
    began = time.monotonic()
    for count, piece in enumerate(pieces):
        blob = types.Blob(data=piece, mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=blob)
        await asyncio.sleep(max(0.0, began + (count + 1) * FRAME_S / SPEED - time.monotonic()))


class Turn:
    """What one turn brought."""

    def __init__(self):
        self.heard = self.said = ""
        self.audio = 0
        self.calls = []
        self.interrupted = self.complete = self.generated = False
        self.tokens = 0

    def take(self, message):
        content = message.server_content
        if message.tool_call:
            self.calls += message.tool_call.function_calls
        if message.usage_metadata:
            self.tokens = message.usage_metadata.total_token_count
        if not content:
            return
        for part in (content.model_turn and content.model_turn.parts) or []:
            if part.inline_data:
                assert part.inline_data.mime_type == "audio/pcm;rate=24000"
                self.audio += len(part.inline_data.data) // 2
        if content.input_transcription:
            self.heard += content.input_transcription.text or ""
        if content.output_transcription:
            self.said += content.output_transcription.text or ""
        self.interrupted |= bool(content.interrupted)
        self.generated |= bool(content.generation_complete)
        self.complete |= bool(content.turn_complete)


async def listen(session, until):
    """Read until `until(turn)` holds. The SDK's `receive` ends with each turn: it is called again."""
    turn = Turn()
    async with asyncio.timeout(TURN_S):
        while True:
            async for message in session.receive():
                turn.take(message)
                if until(turn):
                    return turn


async def spoken_turn(session, folder):
    turn, _ = await asyncio.gather(
        listen(session, lambda turn: turn.complete), speak(session, frames(folder / "question.wav"))
    )
    assert "capital" in turn.heard, turn.heard
    assert "Paris" in turn.said, (turn.heard, turn.said)
    assert turn.audio > 24_000 * 0.5
    assert turn.generated
    assert turn.tokens > 0
    return {"heard": turn.heard, "said": turn.said, "audio_ms": turn.audio / 24, "tokens": turn.tokens}


async def tool_call(session, folder):
    asked, _ = await asyncio.gather(
        listen(session, lambda turn: turn.calls), speak(session, frames(folder / "tool.wav"))
    )
    call = asked.calls[0]
    assert (call.name, call.args) == ("set_light", {"on": True}), call
    response = types.FunctionResponse(id=call.id, name=call.name, response={"result": "the light is on"})
    await session.send_tool_response(function_responses=[response])
    turn = await listen(session, lambda turn: turn.complete)
    assert turn.said
    return {"call": call.name, "args": call.args, "said": turn.said}


async def interruption(session, folder):
    await session.send_realtime_input(text="tell me a story")
    await listen(session, lambda turn: turn.audio > 0)
    began = time.monotonic()
    speaking = asyncio.create_task(speak(session, frames(folder / "interruption.wav")))
    stopped = await listen(session, lambda turn: turn.complete)
    assert stopped.interrupted
    after = time.monotonic() - began
    answer = await listen(session, lambda turn: turn.complete)
    await speaking
    assert "time" in answer.heard, answer.heard
    assert not answer.interrupted
    return {"stopped_after_ms": round(after * 1000), "then_heard": answer.heard, "said": answer.said}


async def drive(line, folder):
    """Run all three on one connection."""
    config = types.LiveConnectConfig(
        response_modalities=["AUDIO"],
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        tools=[{"function_declarations": [LIGHT]}],
    )
    report = {"google-genai": genai.__version__}
    async with client_for(line).aio.live.connect(model="offline-tutor", config=config) as session:
        for part in (spoken_turn, tool_call, interruption):
            report[part.__name__] = await part(session, Path(folder))
    return report


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drive(json.loads(sys.argv[1]), sys.argv[2]))))
