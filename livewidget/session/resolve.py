"""From what a person names — nothing, a model, a provider — to a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from livewidget.connection import Provider
from livewidget.session.live import LiveSession


def connect(
    provider_or_model: Provider | str | None = None, *, tools: Sequence[Any] = (), **config: Any
) -> LiveSession:
    """Return a session that is not yet open: `async with connect(...) as session`."""
    raise NotImplementedError


def resolve(provider_or_model: Provider | str | None = None) -> Provider:
    """Return whom to talk to."""
    raise NotImplementedError
