"""The explorer's settings: what the session is asked to be, what was changed, and how that is applied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec

from livewidget.config import LiveConfig
from livewidget.connection import Provider
from livewidget.errors import ConfigError, LiveError
from livewidget.models import FEATURES, Model, bare_id, find
from livewidget.models.catalogue import catalogue
from livewidget.session.code import program
from livewidget.widget import pending
from livewidget.widget.bridge import Bridge
from livewidget.widget.chores import Chores
from livewidget.widget.messages import Apply, Catalogue, Change, Configure, Explorer, Revert, Settings
from livewidget.widget.pending import MODEL, Checked, Values
from livewidget.widget.sessions import Sessions, Standing
from livewidget.widget.views import offers_of
from livewidget.widget.wording import sentence_of


class Exploration:
    """Keeps the changes that pages made until they are applied. Runs on the background loop.

    Attributes:
        open: Whether pages show the explorer from the beginning.
    """

    def __init__(self, sessions: Sessions, bridge: Bridge, chores: Chores) -> None:
        """Change the settings of `sessions`, and tell the pages of `bridge` that look."""
        self.open = False
        self._sessions = sessions
        self._bridge = bridge
        self._chores = chores
        self._changes: Values = {}
        self._refusal = ""
        self._told: Standing | None = None

    # --- From the pages -------------------------------------------------------------------------------------

    def take(self, message: Explorer | Configure | Apply | Revert) -> None:
        """A page looks at something else than before, changes settings, applies them or gives them up."""
        match message:
            case Explorer(open=True):
                self._tell_catalogue()
                self._tell()
            case Configure(changes=changes):
                self._configure(changes)
            case Apply():
                self._chores.spawn(self._apply())
            case Revert():
                self._changes, self._refusal = {}, ""
                self._tell()

    def _configure(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._changes = pending.put(self._changes, self._values(), change.name, change.value)
        self._refusal = ""
        self._tell()

    async def _apply(self) -> None:
        provider, checked = self._outcome()
        if checked.config is None or checked.errors:
            self._tell()
            return
        self._refusal = ""
        try:
            await self._sessions.become(provider, checked.config)
        except LiveError as error:
            self._refusal = sentence_of(error)
        self.refresh()
        self._tell()

    def refresh(self) -> None:
        """Tell the pages that look, if anything has changed since they were told."""
        if self._sessions.standing != self._told and any(page.looks.open for page in self._bridge.pages):
            self._tell()

    # --- From Python ----------------------------------------------------------------------------------------

    def changed(self, changes: dict[str, Any]) -> tuple[Provider, LiveConfig]:
        """Return what the session would be with other keywords; from any thread.

        Raises:
            ConfigError: It names the keyword, what it may be, and what it is.
        """
        sessions, keywords = self._sessions, dict(changes)
        provider = _with_model(sessions.provider, keywords.pop(MODEL, None))
        said = LiveConfig.of(**keywords)
        config = replace(sessions.config, **{name: getattr(said, name) for name in keywords})
        config.check(_row(provider))
        return provider, config

    async def become(self, changes: dict[str, Any]) -> None:
        """Let the session be as it is with other keywords; an open one is reopened for it."""
        await self._sessions.become(*self.changed(changes))

    def code(self) -> str:
        """Return the Python that makes this session, as it was last asked to be."""
        return program(*self._sessions.wanted)

    # --- Inner ----------------------------------------------------------------------------------------------

    def _values(self) -> Values:
        provider, config, _ = self._sessions.standing
        return {MODEL: bare_id(provider.model), **config.values()}

    def _outcome(self) -> tuple[Provider, Checked]:
        """Return what the session would be, and what keeps it from that."""
        provider, _, _ = self._sessions.standing
        try:
            provider = _with_model(provider, self._changes.get(MODEL))
        except ConfigError as error:
            return provider, Checked(None, {MODEL: str(error)})
        return provider, pending.check(_row(provider), self._values(), self._changes)

    def _tell(self) -> None:
        self._changes = pending.settle(self._changes, self._values())
        provider, checked = self._outcome()
        standing = self._told = self._sessions.standing
        config, values = checked.config or standing[1], self._values()
        errors = checked.errors | ({"": self._refusal} if self._refusal else {})
        self._bridge.tell(
            Settings(
                model=values.pop(MODEL),
                values=values,
                pending=self._changes,
                errors=errors,
                notes=tuple(config.notes(_row(provider))),
                live=tuple(_live(_row(standing[0]))),
                code=_code(provider, config, standing[2], checked.errors),
                acks=self._bridge.pages.acks,
            )
        )

    def _tell_catalogue(self) -> None:
        """Every page gets what one asks for; so each is told once."""
        pages = [page for page in self._bridge.pages if not page.catalogued]
        if any(page.looks.open for page in pages):
            for page in pages:
                page.catalogued = True
            tables = catalogue(offers_of(self._sessions.provider))
            self._bridge.tell(msgspec.convert(tables, Catalogue))


def _row(provider: Provider) -> Model:
    return find(provider.model, provider.service)


def _live(model: Model) -> list[str]:
    return [feature.name for feature in FEATURES if feature.live and getattr(model, feature.live)]


def _with_model(provider: Provider, model: Any) -> Provider:
    """Return the provider of another model; of None: itself.

    Raises:
        ConfigError: If it has no other, or that is no model's name.
    """
    if model is None or model == provider.model:
        return provider
    if not isinstance(model, str) or not bare_id(model.strip()):
        raise ConfigError('A model has a name, such as "gemini-3.8-live".')
    other = getattr(provider, "with_model", None)
    if other is None:
        raise ConfigError(f"{provider.label} has this model only; make a new widget for another one.")
    made: Provider = other(model.strip())
    return made


def _code(provider: Provider, config: LiveConfig, tools: list[Any], errors: dict[str, str]) -> str:
    left_out = ", ".join(name for name in errors if name)
    warning = f"# Left out, for it cannot be: {left_out}\n" if left_out else ""
    return warning + program(provider, config, tools)
