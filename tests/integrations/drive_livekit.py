"""Drive a running `livewidget serve` with an agent of livekit-agents, without a room; see `driving`."""

import asyncio
import time

from livekit import rtc
from livekit.agents import Agent, AgentSession, __version__, function_tool, io
from livekit.plugins import google

from tests.integrations import driving

WIDTH, HEIGHT = 640, 480  # the plugin brings every picture to 1024 by 768


class Microphone(io.AudioInput):
    def __init__(self):
        super().__init__(label="microphone")
        self.frames = asyncio.Queue(1000)

    async def __anext__(self):
        return await self.frames.get()


class Camera(io.VideoInput):
    """Once it is on, it sees the same green wall; the session decides how often it looks."""

    def __init__(self):
        super().__init__(label="camera")
        self.on = asyncio.Event()
        self._wall = rtc.VideoFrame(
            WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, bytes((0, 100, 0, 255)) * (WIDTH * HEIGHT)
        )

    async def __anext__(self):
        await self.on.wait()
        await asyncio.sleep(0.1)
        return self._wall


class Captions(io.TextOutput):
    def __init__(self, log):
        super().__init__(label="captions", next_in_chain=None)
        self._log = log

    async def capture_text(self, text):
        self._log.note("said", text)

    def flush(self):
        pass


class Speaker(io.AudioOutput):
    """Plays nothing, but takes as long as playing takes, and can be stopped amid it."""

    def __init__(self, log):
        super().__init__(label="speaker", capabilities=io.AudioOutputCapabilities(pause=False))
        self._log = log
        self._began = None
        self._seconds = 0.0
        self._whole = None

    async def capture_frame(self, frame):
        await super().capture_frame(frame)
        assert (frame.sample_rate, frame.num_channels) == (24_000, 1)
        self._log.note("audio", frame.duration * 1000)
        self._seconds += frame.duration
        if self._began is None:
            self._began = time.monotonic()
            self.on_playback_started(created_at=time.time())

    def flush(self):
        super().flush()
        if self._began is not None:
            left = self._began + self._seconds - time.monotonic()
            self._whole = asyncio.get_running_loop().call_later(max(0, left), self._finish, False)

    def clear_buffer(self):
        if self._began is not None:
            self._log.note("interrupted")
            self._finish(True)

    def _finish(self, interrupted):
        if self._whole:
            self._whole.cancel()
        played = min(self._seconds, time.monotonic() - self._began) if interrupted else self._seconds
        self._began, self._seconds, self._whole = None, 0.0, None
        self.on_playback_finished(playback_position=played, interrupted=interrupted)


class Client:
    """One agent's session; its `log` is the session's events, its speaker and its captions."""

    def __init__(self, model):
        self.log = driving.Log()
        self.session = AgentSession(llm=model, aec_warmup_duration=None)
        self._microphone, self._camera = Microphone(), Camera()
        self.session.input.audio, self.session.input.video = self._microphone, self._camera
        self.session.output.audio = Speaker(self.log)
        self.session.output.transcription = Captions(self.log)
        for event in (
            "user_input_transcribed",
            "function_tools_executed",
            "conversation_item_added",
            "error",
        ):
            self.session.on(event, getattr(self, f"_{event}"))

    async def start(self):
        await self.session.start(Agent(instructions="Be brief.", tools=[self._tool()]))

    async def hear(self, pcm):
        frame = rtc.AudioFrame(pcm, driving.RATE, 1, len(pcm) // 2)
        self._microphone.frames.put_nowait(frame)

    async def type(self, text):
        self.session.generate_reply(user_input=text)

    async def show(self):
        self._camera.on.set()

    def _tool(self):
        @function_tool
        async def set_light(on: bool) -> str:
            """Switch the light."""
            self.log.note("call", ["set_light", {"on": on}])
            return "the light is on" if on else "the light is off"

        return set_light

    def _user_input_transcribed(self, event):
        if event.is_final:
            self.log.note("heard", event.transcript)

    def _function_tools_executed(self, event):
        self.log.note("result")

    def _conversation_item_added(self, event):
        if getattr(event.item, "role", None) == "assistant":
            self.log.note("end")

    def _error(self, event):
        if not event.error.recoverable:
            self.log.note("error", str(event.error))


def model_for(server, **options):
    """Return a model that dials `server`."""
    return google.realtime.RealtimeModel(
        model=server.model, **server.account(), http_options=server.http_options(), **options
    )


async def drive(server):
    client = Client(model_for(server))
    await client.start()
    report = await driving.play(client, server, driving.broken_link)
    await client.session.aclose()
    return {"version": __version__, **report}


if __name__ == "__main__":
    driving.main(drive)
