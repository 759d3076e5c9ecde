"""The explorer's settings: what the session is asked to be, what was changed, and how that is applied.

The first half is pure: values by a feature's name in, sentences by a feature's name out. "model" is a change
like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from livewidget.config import LiveConfig
from livewidget.config.code import program
from livewidget.connection import Provider
from livewidget.errors import ConfigError, LiveError
from livewidget.models import FEATURES, FEATURES_BY_NAME, Feature, Model, bare_id, language_code
from livewidget.models.catalogue import catalogue, default_of
from livewidget.session.client import SessionSpec
from livewidget.ui.bridge import Bridge
from livewidget.ui.messages import Catalogue, Change, ExplorerState, Settings
from livewidget.ui.sessions import Sessions
from livewidget.ui.state import BackgroundTasks, error_text

Values = dict[str, Any]

MODEL: Final = "model"


def add_change(changes: Mapping[str, Any], values: Mapping[str, Any], name: str, value: Any) -> Values:
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
    return effective_changes(changed, values)


def effective_changes(changes: Mapping[str, Any], values: Mapping[str, Any]) -> Values:
    """Return the changes that still change something."""
    plain = {name: None if _is_default(name, value) else value for name, value in changes.items()}
    return {
        name: value for name, value in plain.items() if not _same(_in_code(name, value), values.get(name))
    }


def _in_code(name: str, value: Any) -> Any:
    """Return a language that was typed by name as the settings hold it, and anything else as it is."""
    if name == "language" or name == "translation.target" or name.endswith(".languages"):
        if isinstance(value, str):
            return language_code(value) or value
        if isinstance(value, list):
            return [_in_code(name, one) for one in value]
    return value


@dataclass(frozen=True, slots=True)
class SettingsDraft:
    """Settings with changes that are not applied yet.

    Attributes:
        config: The settings without what the model does not take; None where nothing usable is left.
        errors: By the feature's name ("" for none), one sentence why it cannot be applied.
    """

    config: LiveConfig | None
    errors: dict[str, str]


def check_draft(model: Model, values: Mapping[str, Any], changes: Mapping[str, Any]) -> SettingsDraft:
    """Check changed settings, and find which of them cannot be applied.

    Args:
        model: The model that they are for.
        values: What the session is asked to be now.
        changes: What was changed.
    """
    asked = _set_values({**values, **changes})
    errors: dict[str, str] = {}
    while True:
        config, sentence = _checked_config(model, asked)
        if sentence is None:
            return SettingsDraft(config, errors)
        name, remaining = _find_cause(model, asked, changes, sentence)
        if remaining is None or name in errors:
            errors.setdefault(name, sentence)
            return SettingsDraft(None, errors)
        errors[name] = sentence + _cause_note(name, sentence, model, asked, values, changes)
        asked = remaining


def _set_values(values: Mapping[str, Any]) -> Values:
    return {name: value for name, value in values.items() if value is not None and name != MODEL}


def _checked_config(model: Model, asked: Values) -> tuple[LiveConfig | None, str | None]:
    try:
        config = LiveConfig.from_values(asked)
        config.check(model)
    except ConfigError as error:
        return None, str(error)
    return config, None


def _find_cause(
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
        if _checked_config(model, without)[1] != sentence:
            return name, without
    for feature, value in _samples(model, asked):
        completed = asked | {feature.name: value}
        left = _checked_config(model, completed)[1]
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


def _cause_note(
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
        before = _set_values({**asked, change: values.get(change)})
        if change in FEATURES_BY_NAME and _checked_config(model, before)[1] != sentence:
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
        is_open: Whether pages show the explorer from the beginning.
    """

    def __init__(
        self, sessions: Sessions, bridge: Bridge, tasks: BackgroundTasks, *, is_open: bool = False
    ) -> None:
        """Change the settings of `sessions`, and show them to the pages of `bridge` that watch."""
        self.is_open = is_open
        self._sessions = sessions
        self._bridge = bridge
        self._tasks = tasks
        self._changes: Values = {}
        self._refusal = ""
        self._sent: SessionSpec | None = None

    def watch(self, message: ExplorerState) -> None:
        """Send everything to a page that opens the explorer."""
        if message.open:
            self._send_catalogue()
            self._send_settings()

    def change(self, changes: Iterable[Change]) -> None:
        """Keep changes that were made in a page."""
        for change in changes:
            self._changes = add_change(self._changes, self._values(), change.name, change.value)
        self._refusal = ""
        self._send_settings()

    def apply(self) -> None:
        """Go on with the changed settings, soon."""
        self._tasks.start(self._apply())

    def revert(self) -> None:
        """Forget the changes."""
        self._changes, self._refusal = {}, ""
        self._send_settings()

    async def _apply(self) -> None:
        provider, draft = self._draft()
        if draft.config is None or draft.errors:
            self._send_settings()
            return
        self._refusal = ""
        try:
            await self._reopen(provider, draft.config)
        except LiveError as error:
            self._refusal = error_text(error)
        self.refresh()
        self._send_settings()

    async def _reopen(self, provider: Provider, config: LiveConfig) -> None:
        self._sessions.want(provider=provider, config=config)
        await self._sessions.reopen()

    def refresh(self) -> None:
        """Send the settings to the pages that watch, if anything has changed since they were sent."""
        watched = any(front_end.watching.open for front_end in self._bridge.front_ends)
        if watched and self._sessions.in_effect != self._sent:
            self._send_settings()

    def with_keywords(self, changes: Mapping[str, Any]) -> tuple[Provider, LiveConfig]:
        """Return what the session would be with other keywords; from any thread.

        Raises:
            ConfigError: If it cannot be; the message names the keyword, what it may be, and what it is.
        """
        sessions, keywords = self._sessions, dict(changes)
        provider = _with_model(sessions.provider, keywords.pop(MODEL, None))
        given = LiveConfig.from_kwargs(**keywords)
        config = replace(sessions.config, **{name: getattr(given, name) for name in keywords})
        config.check(provider.capabilities)
        return provider, config

    async def configure(self, changes: Mapping[str, Any]) -> None:
        """Change keywords of the session; an open one is reopened for it."""
        await self._reopen(*self.with_keywords(changes))

    def code(self) -> str:
        """Return the Python that makes this session, as it was last asked to be."""
        wanted = self._sessions.wanted
        return program(wanted.provider, wanted.config, wanted.tools)

    def _values(self) -> Values:
        spec = self._sessions.in_effect
        return {MODEL: bare_id(spec.provider.model), **spec.config.values()}

    def _draft(self) -> tuple[Provider, SettingsDraft]:
        """Return what the session would be with the changes."""
        provider = self._sessions.in_effect.provider
        try:
            provider = _with_model(provider, self._changes.get(MODEL))
        except ConfigError as error:
            return provider, SettingsDraft(None, {MODEL: str(error)})
        return provider, check_draft(provider.capabilities, self._values(), self._changes)

    def _send_settings(self) -> None:
        self._changes = effective_changes(self._changes, self._values())
        provider, draft = self._draft()
        spec = self._sent = self._sessions.in_effect
        config, values = draft.config or spec.config, self._values()
        errors = draft.errors | ({"": self._refusal} if self._refusal else {})
        self._bridge.send(
            Settings(
                model=values.pop(MODEL),
                values=values,
                pending=self._changes,
                errors=errors,
                notes=tuple(config.warnings(provider.capabilities)),
                live=tuple(_live(spec.provider.capabilities)),
                code=_code(provider, config, spec.tools, draft.errors),
                acks=self._bridge.front_ends.acks,
            )
        )

    def _send_catalogue(self) -> None:
        """Send the tables, once to each page; every page gets what one asks for."""
        lacking = [front_end for front_end in self._bridge.front_ends if not front_end.has_catalogue]
        if any(front_end.watching.open for front_end in lacking):
            for front_end in lacking:
                front_end.has_catalogue = True
            provider = self._sessions.provider
            agent = provider.capabilities if provider.capabilities.takes is not None else None
            tables = catalogue(provider.catalogue_service, agent)
            self._bridge.send(msgspec.convert(tables, Catalogue))


def _live(model: Model) -> list[str]:
    return [feature.name for feature in FEATURES if feature.can_update(model)]


def _with_model(provider: Provider, model: Any) -> Provider:
    """Return the provider of another model, or the same one for None.

    Raises:
        ConfigError: If it has no other, or that is not a model's name.
    """
    if model is None or model == provider.model:
        return provider
    if not isinstance(model, str) or not bare_id(model.strip()):
        raise ConfigError('A model has a name, such as "gemini-3.8-live".')
    return provider.with_model(model.strip())


def _code(provider: Provider, config: LiveConfig, tools: Sequence[Any], errors: dict[str, str]) -> str:
    left_out = ", ".join(name for name in errors if name)
    warning = f"# Left out, for it cannot be: {left_out}\n" if left_out else ""
    return warning + program(provider, config, tools)
