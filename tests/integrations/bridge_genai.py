"""The Gen AI SDK: no agent, so that its function is one of the notebook's; see `bridging`."""

import dataclasses
import socket

from google import genai

from livewidget.integrations.genai import GenAIClient
from tests.integrations.bridging import main, set_light

FAULTS = {
    "wrong_key": "does not accept this key",
    "refuses": "does not know the model",
    "nobody": "Nothing listens",
    "never_ready": "did not answer within 10 s",
}

#: Takes connections and says nothing.
_silent = socket.create_server(("127.0.0.1", 0))


def provider(server, fault=None):
    port = None
    if fault == "nobody":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
    elif fault == "never_ready":
        port = _silent.getsockname()[1]
    elif fault == "wrong_key":
        server = dataclasses.replace(server, key="somebody-elses")
    if port is not None:
        server = dataclasses.replace(server, wss=f"wss://127.0.0.1:{port}")
    client = genai.Client(**server.account(), http_options=server.http_options())
    model = "gemini-9-live" if fault == "refuses" else server.model
    return GenAIClient(client, model, check_model=False)


if __name__ == "__main__":
    main(provider, FAULTS, [set_light])
