"""Whom you talk to: the little that a connection needs to know of a service, a stand-in or a proxy."""

from __future__ import annotations

from typing import Protocol

from livewidget.transports.base import Transport


class Provider(Protocol):
    """A maker of links to one model. It holds what is needed to reach it, and opens nothing before `dial`."""

    @property
    def model(self) -> str:
        """The model's id, as in `livewidget.models`."""

    @property
    def service(self) -> str:
        """Which rows of `livewidget.models` hold: "gemini", "vertex" or "standin"."""

    @property
    def label(self) -> str:
        """A name for people: "Gemini", "Offline tutor"."""

    @property
    def speaker(self) -> str:
        """One lower-case word that stands before what it says: "gemini", "tutor"."""

    @property
    def badge(self) -> str:
        """What the person should know about where their voice goes: "no key · on this computer"."""

    @property
    def suggestions(self) -> tuple[str, ...]:
        """Sentences worth trying; may be empty."""

    def model_path(self) -> str:
        """Return the model's name on the wire: "models/gemini-3.8-live"."""

    async def dial(self) -> Transport:
        """Open a new link.

        Raises:
            LinkError, ServiceError, UsageError: With one plain sentence, if there is none to be had.
        """
