"""google-genai's real client, sending into a list instead of a socket."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import google.genai.live
import pytest
from google import genai
from google.auth import credentials
from google.genai import types

Use = Callable[[Any], Awaitable[None]]


class FakeSocket:
    """What the SDK needs of a WebSocket: accepts the setup, keeps all that is sent."""

    def __init__(self, answer: bytes = b'{"setupComplete": {}}') -> None:
        self.sent: list[str] = []
        self._answer = answer

    async def send(self, frame: str) -> None:
        self.sent.append(frame)

    async def recv(self, decode: bool = True) -> bytes:
        return self._answer


class FakeCredentials(credentials.Credentials):
    """Always valid, never asks anyone."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "token"
        self.expiry = datetime.datetime(2999, 1, 1)

    def refresh(self, request: object) -> None:
        raise AssertionError("nothing to refresh")


@cache
def client(service: str) -> genai.Client:
    if service == "gemini":
        return genai.Client(api_key="none", http_options=types.HttpOptions(api_version="v1beta"))
    return genai.Client(vertexai=True, project="p1", location="us-central1", credentials=FakeCredentials())


async def frames_of(
    service: str, model: str, config: types.LiveConnectConfig | None = None, use: Use | None = None
) -> list[str]:
    """Connect as the SDK does, let `use` talk with the session, and return every frame it sent."""
    socket = FakeSocket()

    @asynccontextmanager
    async def ws_connect(uri: str, **options: Any) -> AsyncIterator[FakeSocket]:
        yield socket

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(google.genai.live, "ws_connect", ws_connect)
        async with client(service).aio.live.connect(model=model, config=config) as session:
            if use is not None:
                await use(session)
    return socket.sent
