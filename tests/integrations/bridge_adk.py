"""An agent of the Agent Development Kit for the scenes of `bridging`, and all that may go wrong with it."""

import asyncio

from google.adk.agents import LlmAgent
from google.adk.models import Gemini

from livewidget.integrations.adk import AdkAgent
from tests.integrations.bridging import main

FAULTS = {
    "raises": "The ADK agent lamp stopped: the bulb is broken.",
    "ends": "The ADK agent lamp ended the talk.",
    "never_ready": "The ADK agent lamp was not ready within 20 s",
    "refuses": "The ADK agent lamp could not start: the lamp is not plugged in.",
    "wrong_key": "The ADK agent lamp could not start: The service does not accept this key",
    "hangs_at_close": "",
}


def set_light(on: bool) -> str:
    """Switch the light."""
    return "the light is on" if on else "the light is off"


def break_light(on: bool) -> str:
    """Switch the light."""
    raise RuntimeError("the bulb is broken")


break_light.__name__ = "set_light"


class EndsItself(LlmAgent):
    """Ends the conversation after the first use of a tool."""

    async def _run_live_impl(self, ctx):
        async for event in super()._run_live_impl(ctx):
            yield event
            if event.get_function_responses():
                return


class IsNeverReady(LlmAgent):
    """Does not connect to its model."""

    async def _run_live_impl(self, ctx):
        await asyncio.Event().wait()
        yield


class HangsAtClose(LlmAgent):
    """Does not end when it is cancelled."""

    async def _run_live_impl(self, ctx):
        try:
            async for event in super()._run_live_impl(ctx):
                yield event
        finally:
            await asyncio.Event().wait()


def refuse(callback_context):
    raise RuntimeError("the lamp is not plugged in")


def model(server, key=None):
    """Return a model that dials `server`."""
    account = server.account() | ({"api_key": key} if key else {})
    return Gemini(model=server.model, client_kwargs={**account, "http_options": server.http_options()})


def provider(server, fault=None):
    kinds = {"ends": EndsItself, "never_ready": IsNeverReady, "hangs_at_close": HangsAtClose}
    agent = kinds.get(fault, LlmAgent)(
        name="lamp",
        model=model(server, key="not-the-key" if fault == "wrong_key" else None),
        instruction="Be brief.",
        tools=[break_light if fault == "raises" else set_light],
        before_agent_callback=refuse if fault == "refuses" else None,
    )
    return AdkAgent(agent)


if __name__ == "__main__":
    main(provider, FAULTS)
