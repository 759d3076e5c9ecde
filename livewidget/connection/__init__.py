"""A connection speaks the Live API over a transport; `Gemini` and `VertexAI` say where to find it."""

from livewidget.connection.provider import Provider

__all__ = ["Provider"]
