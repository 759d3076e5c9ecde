"""The server of both examples: the conversation, its tools, a token for each card, and the pages themselves.

    .venv/bin/python examples/server.py

With a key in GEMINI_API_KEY one talks with Gemini, else with the offline tutor. `--direct` lets the page
connect to the service itself, with an ephemeral token: the key, the tools and the transcript stay here.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from socket import socket
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection

from livewidget import web

HERE = Path(__file__).resolve().parent
#: Where `npm run dev` shows the React example while one works on it.
VITE = ("http://localhost:5173", "http://127.0.0.1:5173")
SERVICE = "wss://generativelanguage.googleapis.com"


def conversation(page: HTTPConnection) -> dict[str, Any]:
    """Return what a LiveWidget takes, for the conversation of one card."""

    def set_light(on: bool) -> str:
        """Turn the light on or off."""
        return "the light is on" if on else "the light is off"

    def what_time_is_it() -> str:
        """Tell what time it is."""
        return f"{datetime.now():%H:%M}"

    return {
        "tools": [set_light, what_time_is_it],
        "system_instruction": "You look after a house. Answer in one or two short sentences.",
    }


def make_api(*, direct: bool = False) -> FastAPI:
    """Return the application."""

    def make(page: HTTPConnection) -> dict[str, Any]:
        return conversation(page) | ({"direct": True} if direct else {})

    talk = web.app(make, tokens=True, origins=VITE, connect=[SERVICE] if direct else [])
    api = FastAPI(lifespan=talk.lifespan)
    # A page of any site could ask for tokens by a name of its own that resolves to this computer.
    api.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    @api.post("/token")
    def token() -> dict[str, str]:
        # Here your own login says who may talk: for this example, whoever has the page.
        return {"token": talk.token(60).reveal()}

    @api.get("/")
    def home() -> RedirectResponse:
        return RedirectResponse("/plain/")

    api.mount("/live", talk)
    api.mount("/livewidget", StaticFiles(directory=HERE.parent / "js" / "dist"))
    api.mount("/plain", StaticFiles(directory=HERE / "plain", html=True))
    api.mount("/react", StaticFiles(directory=HERE / "react" / "dist", html=True))
    return api


class Server(uvicorn.Server):
    """Says where the pages are, once they are there."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        address = f"http://127.0.0.1:{self.config.port}"
        print(f"{address}/plain/", f"{address}/react/", flush=True)


def main() -> None:
    """Serve it on this computer."""
    parser = argparse.ArgumentParser(description="The server of the examples.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--direct", action="store_true", help="connect to the service from the page itself")
    options = parser.parse_args()
    for built in (HERE.parent / "js" / "dist", HERE / "react" / "dist"):
        if not built.is_dir():
            parser.error("the package and the React example are not built yet: run `make examples` first.")
    Server(uvicorn.Config(make_api(direct=options.direct), port=options.port, log_level="warning")).run()


if __name__ == "__main__":
    main()
