"""An agent of livekit-agents for the harness of the bridges; see `bridging`."""

import asyncio

from google.genai.types import AutomaticActivityDetection, RealtimeInputConfig
from livekit.agents import Agent, AgentSession, RunContext, function_tool

from livewidget.integrations.livekit import LiveKitAgent
from tests.integrations.drive_livekit import model_for

#: What can go wrong, and words of the sentence in the card.
FAULTS = {
    "raises": "the session is closed by force",
    "ends": "ended the talk",
    "never_ready": "was not ready within",
    "refuses": "no lamp today",
    "wrong_key": "API key not valid",
    "hangs_at_close": "",
    "wrong_session": "has to return an AgentSession",
}


@function_tool
async def set_light(on: bool) -> str:
    """Switch the light."""
    return "the light is on" if on else "the light is off"


def broken_light(fault):
    @function_tool
    async def set_light(context: RunContext, on: bool) -> str:
        """Switch the light."""
        if fault == "ends":
            context.session.shutdown()
        else:
            fail(context.session)
        return "the light is on"

    return set_light


def fail(session):
    """Let the model report an error from which it cannot recover, as its connection does when it is lost."""
    from livekit.agents.llm import RealtimeModelError

    error = RuntimeError("the session is closed by force")
    report = RealtimeModelError(timestamp=0.0, label="model", error=error, recoverable=False)
    session.current_agent.realtime_llm_session.emit("error", report)


class Clinging(Agent):
    async def on_exit(self):
        await asyncio.Event().wait()


class Lamp(LiveKitAgent):
    """An agent whose owner lets its model wait for push-to-talk where that is wanted."""

    manual = None

    def for_config(self, config):
        return self.manual if config.turn_detection.mode == "push_to_talk" else self


def provider(server, fault=None):
    lamp = Lamp(*parts(server, fault), name="lamp")
    detection = AutomaticActivityDetection(disabled=True)
    options = {"realtime_input_config": RealtimeInputConfig(automatic_activity_detection=detection)}
    lamp.manual = LiveKitAgent(*parts(server, fault, **options), name="lamp")
    return lamp


def parts(server, fault, **options):
    if fault == "wrong_key":
        server = type(server)(**{**vars(server), "key": "not-the-right-key"})
    kind = Clinging if fault == "hangs_at_close" else Agent
    light = broken_light(fault) if fault in ("raises", "ends") else set_light

    async def make_session():
        if fault == "never_ready":
            await asyncio.Event().wait()
        if fault == "refuses":
            raise RuntimeError("no lamp today")
        model = model_for(server, **options)
        return model if fault == "wrong_session" else AgentSession(llm=model, aec_warmup_duration=None)

    def make_agent():
        return kind(instructions="Be brief.", tools=[light])

    return make_session, make_agent


if __name__ == "__main__":
    from tests.integrations.bridging import main

    main(provider, FAULTS)
