"""A connection speaks the Live API over a transport; `Gemini` and `VertexAI` say where to find it."""

from livewidget.connection.connection import Connection
from livewidget.connection.gemini import DEFAULT_MODEL, Gemini, mint
from livewidget.connection.keys import KEY_NAMES, Key, find_key
from livewidget.connection.provider import MicrophoneTerms, PageDialer, Provider, ServiceAddress
from livewidget.connection.tokens import Token
from livewidget.connection.vertex import VertexAI

__all__ = [
    "DEFAULT_MODEL",
    "KEY_NAMES",
    "Connection",
    "Gemini",
    "Key",
    "MicrophoneTerms",
    "PageDialer",
    "Provider",
    "ServiceAddress",
    "Token",
    "VertexAI",
    "find_key",
    "mint",
]
