"""`connect`: from what a person names (nothing, a model, a provider) to a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from livewidget.config import Limits, LiveConfig
from livewidget.connection import Gemini, Provider, find_key
from livewidget.errors import UsageError
from livewidget.session.memory import validate_history
from livewidget.session.session import LiveSession
from livewidget.session.supervisor import ReconnectPolicy
from livewidget.session.tool_runner import ApprovalCallback, prepare_tools
from livewidget.tools import Tool, ToolSource

#: Model name of the stand-in's tutor, which needs no key.
TUTOR: Final = "offline-tutor"


def connect(
    provider_or_model: Provider | str | None = None,
    *,
    tools: Sequence[Any] = (),
    history: Sequence[tuple[str, str]] = (),
    reconnect: ReconnectPolicy | None = None,
    limits: Limits | None = None,
    approve: ApprovalCallback | bool | None = None,
    **config: Any,
) -> LiveSession:
    """Make a session, to be opened with `async with`. Nothing is dialed before that.

    Args:
        provider_or_model: Whom to talk to; see `resolve`.
        tools: Functions that the model may call, MCP sessions, `McpServer`s.
        history: An earlier conversation that the model should know: `[("user", "…"), ("model", "…")]`.
        reconnect: What the session does when connections end, and about silence.
        limits: Bounds of calls, turns and waiting.
        approve: Called before a tool with `require_approval=True` runs; see `LiveSession`.
        config: Fields of `LiveConfig`: `voice="Kore"`, `system_instruction="…"` …

    Raises:
        ConfigError: If a field is unknown, or the model does not take it.
        KeyMissing: If a model of the Gemini API was named and there is no key.
        ToolError: If something cannot be a tool.
    """
    spec = prepare(provider_or_model, tools, history, config, limits)
    return LiveSession(
        spec.provider,
        spec.config,
        tools=spec.tools,
        history=spec.history,
        reconnect=reconnect,
        limits=spec.limits,
        approve=approve,
    )


@dataclass(frozen=True, slots=True)
class SessionSpec:
    """What a session is to be, checked against what its model takes.

    Attributes:
        provider: Whom it is with.
        config: What it is asked to be.
        tools: What the model may call.
        history: What was said before.
        limits: Bounds of calls, turns and waiting.
    """

    provider: Provider
    config: LiveConfig
    tools: Sequence[Tool | Mapping[str, Any] | ToolSource] = ()
    history: Sequence[tuple[str, str]] = ()
    limits: Limits | None = None


def prepare(
    provider_or_model: Provider | str | None,
    tools: Sequence[Any],
    history: Sequence[tuple[str, str]],
    config: Mapping[str, Any],
    limits: Limits | None = None,
) -> SessionSpec:
    """Return what `connect` or `LiveWidget` was asked for; arguments and errors are those of `connect`."""
    provider = resolve(provider_or_model)
    model = provider.capabilities
    settings = LiveConfig.from_kwargs(**config)
    settings.check(model)
    return SessionSpec(
        provider, settings, prepare_tools(tools, model), validate_history(history, model), limits
    )


def resolve(provider_or_model: Provider | str | None = None) -> Provider:
    """Return the provider that is meant.

    Args:
        provider_or_model: None: the Gemini API if there is a key, else the offline tutor. A str: that model
            of the Gemini API, or "offline-tutor". A provider: itself.

    Raises:
        KeyMissing: If a model of the Gemini API was named and there is no key.
        UsageError: If it is none of these, or a provider that sets no model, service or label.
    """
    if provider_or_model is None:
        return _tutor() if find_key() is None else Gemini()
    if isinstance(provider_or_model, str):
        return _tutor() if provider_or_model.strip() == TUTOR else Gemini(provider_or_model)
    if not isinstance(provider_or_model, Provider):
        raise UsageError(
            'Say whom to talk to: nothing, a model such as "gemini-3.8-live", '
            "or Gemini(…), VertexAI(…), StandIn(…), or a Provider of your own."
        )
    missing = [name for name in ("model", "service", "label") if not hasattr(provider_or_model, name)]
    if missing:
        raise UsageError(f"{type(provider_or_model).__name__} sets no {' and no '.join(missing)}.")
    return provider_or_model


def _tutor() -> Provider:
    from livewidget.standin import StandIn

    return StandIn()
