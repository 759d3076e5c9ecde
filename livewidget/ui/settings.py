"""The explorer's settings: what the session is asked to be, what was changed, and how that is applied.

Settings that were changed in a page and not applied yet, and what keeps them from being applied.

Pure: values by feature name in, sentences by feature name out. "model" is a change like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from livewidget.config import LiveConfig
from livewidget.config.code import program
from livewidget.connection import Provider
from livewidget.errors import ConfigError, LiveError
from livewidget.models import FEATURES, FEATURES_BY_NAME, Feature, Model, bare_id
from livewidget.models.catalogue import catalogue, default_of
from livewidget.ui.bridge import Bridge
from livewidget.ui.messages import Apply, Catalogue, Change, Configure, ExplorerState, Revert, Settings
from livewidget.ui.sessions import Sessions, Standing
from livewidget.ui.state import BackgroundTasks, sentence_of

Values = dict[str, Any]

MODEL: Final = "model"


def put(changes: Mapping[str, Any], values: Mapping[str, Any], name: str, value: Any) -> Values:
    """Return `changes` with one more, and with what follows from it.

    A budget and a level of thinking are one field, so one takes the other's place. What a part holds is
    nothing without the part: a field that is set turns it on, and turning it off unsets its fields.

    Args:
        changes: What was changed before; None stands for a default.
        values: What the session is asked to be now, with its model.
        name: A feature's, or "model".
        value: What it shall be.
    """
    changed = {other: old for other, old in changes.items() if other != name} | {name: value}
    found = FEATURES_BY_NAME.get(name)
    if found is not None:
        if value is not None:
            changed |= {other.name: None for other in FEATURES if _is_rival(other, found)}
        part = FEATURES_BY_NAME.get(name.partition(".")[0], found)
        if part is not found and value is not None and not _is_on(part, {**values, **changed}):
            changed[part.name] = True
        if found.kind == "switch" and not _is_on(found, {**values, **changed}):
            changed |= {other.name: None for other in FEATURES if other.name.startswith(f"{name}.")}
    return settle(changed, values)


def settle(changes: Mapping[str, Any], values: Mapping[str, Any]) -> Values:
    """Return the changes that still change something."""
    plain = {name: None if _is_default(name, value) else value for name, value in changes.items()}
    return {name: value for name, value in plain.items() if not _same(value, values.get(name))}


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of looking at changed settings.

    Attributes:
        config: The settings without what cannot be; None where nothing is left that could.
        errors: By the feature's name ("" where it is none's), one sentence why it cannot be.
    """

    config: LiveConfig | None
    errors: dict[str, str]


def check(model: Model, values: Mapping[str, Any], changes: Mapping[str, Any]) -> Checked:
    """Find out whether settings can be applied, and else which of them keeps them from it.

    Args:
        model: The model that they are for.
        values: What the session is asked to be now.
        changes: What was changed.
    """
    asked = _said({**values, **changes})
    errors: dict[str, str] = {}
    while True:
        config, sentence = _try(model, asked)
        if sentence is None:
            return Checked(config, errors)
        name, mended = _blame(model, asked, changes, sentence)
        if mended is None or name in errors:
            errors.setdefault(name, sentence)
            return Checked(None, errors)
        errors[name] = sentence + _because(name, sentence, model, asked, values, changes)
        asked = mended


def _said(values: Mapping[str, Any]) -> Values:
    return {name: value for name, value in values.items() if value is not None and name != MODEL}


def _try(model: Model, asked: Values) -> tuple[LiveConfig | None, str | None]:
    try:
        config = LiveConfig.from_values(asked)
        config.check(model)
    except ConfigError as error:
        return None, str(error)
    return config, None


def _blame(
    model: Model, asked: Values, changes: Mapping[str, Any], sentence: str
) -> tuple[str, Values | None]:
    """Return whose fault a sentence is, and the settings without it.

    It is the fault of a value without which the sentence is gone: of the one that it begins with, else of the
    one that was changed last. Or of a value that is missing. Or of the other model.
    """
    order = list(changes)

    def rank(name: str) -> tuple[bool, int]:
        where = FEATURES_BY_NAME[name].config_path if name in FEATURES_BY_NAME else name
        return not sentence.startswith(where), -order.index(name) if name in order else len(order)

    for name in sorted(asked, key=rank):
        without = {other: asked[other] for other in asked if other != name and not _is_within(other, name)}
        if _try(model, without)[1] != sentence:
            return name, without
    for feature, value in _samples(model, asked):
        completed = asked | {feature.name: value}
        left = _try(model, completed)[1]
        if left is None or (left != sentence and feature.config_path not in left):
            return feature.name, completed
    return MODEL if MODEL in changes else "", None


def _samples(model: Model, asked: Values) -> Iterator[tuple[Feature, Any]]:
    """Yield a value for each feature that is not asked for and of which one could be needed."""
    for feature in FEATURES:
        if feature.name not in asked and feature.supported_by(model):
            if feature.kind == "choice" and feature.choices_for(model):
                yield feature, feature.choices_for(model)[0]
            elif feature.kind == "text":
                yield feature, "en"


def _because(
    name: str,
    sentence: str,
    model: Model,
    asked: Values,
    values: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> str:
    """Say which change made a value impossible that was not changed itself; the model is named anyway."""
    if name in changes:
        return ""
    for change in reversed(list(changes)):
        before = _said({**asked, change: values.get(change)})
        if change in FEATURES_BY_NAME and _try(model, before)[1] != sentence:
            return f" The change of “{FEATURES_BY_NAME[change].label}” does it."
    return ""


def _is_within(name: str, part: str) -> bool:
    return name.startswith(f"{part}.")


def _is_rival(other: Feature, feature: Feature) -> bool:
    return other.config_path == feature.config_path and other is not feature


def _is_on(feature: Feature, values: Mapping[str, Any]) -> bool:
    value = values.get(feature.name)
    return bool(feature.default if value is None else value)


def _is_default(name: str, value: Any) -> bool:
    return name in FEATURES_BY_NAME and _same(value, default_of(FEATURES_BY_NAME[name]))


def _same(one: Any, two: Any) -> bool:
    """Whether two JSON values are the same; to Python True is 1."""
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)


class SettingsController:
    """Keeps the changes that pages made until they are applied. Runs on the background loop.

    Attributes:
        open: Whether pages show the explorer from the beginning.
    """

    def __init__(self, sessions: Sessions, bridge: Bridge, chores: BackgroundTasks) -> None:
        """Change the settings of `sessions`, and tell the pages of `bridge` that look."""
        self.open = False
        self._sessions = sessions
        self._bridge = bridge
        self._chores = chores
        self._changes: Values = {}
        self._refusal = ""
        self._told: Standing | None = None

    # --- From the pages -------------------------------------------------------------------------------------

    def take(self, message: ExplorerState | Configure | Apply | Revert) -> None:
        """A page looks at something else than before, changes settings, applies them or gives them up."""
        match message:
            case ExplorerState(open=True):
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
            self._changes = put(self._changes, self._values(), change.name, change.value)
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
        said = LiveConfig.from_kwargs(**keywords)
        config = replace(sessions.config, **{name: getattr(said, name) for name in keywords})
        config.check(provider.capabilities)
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
        return provider, check(provider.capabilities, self._values(), self._changes)

    def _tell(self) -> None:
        self._changes = settle(self._changes, self._values())
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
                notes=tuple(config.warnings(provider.capabilities)),
                live=tuple(_live(standing[0].capabilities)),
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
            tables = catalogue(self._sessions.provider.catalogue_service)
            self._bridge.tell(msgspec.convert(tables, Catalogue))


def _live(model: Model) -> list[str]:
    return [feature.name for feature in FEATURES if feature.can_update(model)]


def _with_model(provider: Provider, model: Any) -> Provider:
    """Return the provider of another model; of None: itself.

    Raises:
        ConfigError: If it has no other, or that is no model's name.
    """
    if model is None or model == provider.model:
        return provider
    if not isinstance(model, str) or not bare_id(model.strip()):
        raise ConfigError('A model has a name, such as "gemini-3.8-live".')
    return provider.with_model(model.strip())


def _code(provider: Provider, config: LiveConfig, tools: list[Any], errors: dict[str, str]) -> str:
    left_out = ", ".join(name for name in errors if name)
    warning = f"# Left out, for it cannot be: {left_out}\n" if left_out else ""
    return warning + program(provider, config, tools)
