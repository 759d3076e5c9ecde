"""A session as the Python that makes it: what "Copy as code" gives.

From what a person names — nothing, a model, a provider — to a session.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name, written
from livewidget.connection import Gemini, Provider, find_key
from livewidget.errors import UsageError
from livewidget.session.session import LiveSession
from livewidget.session.supervisor import ReconnectPolicy
from livewidget.session.tool_runner import ApprovalCallback
from livewidget.tools import Tool, ToolSource

#: Where names come from that are not of `livewidget` itself.
_HOMES: Final = {"Tool": "livewidget.tools", "McpServer": "livewidget.integrations.mcp"}


def program(
    provider: Provider, config: LiveConfig, tools: Sequence[Tool | Mapping[str, Any] | ToolSource] = ()
) -> str:
    """Return a cell that makes exactly this session in a widget: imports, the widget, its display.

    Functions stand in it by their names. Keys, tokens and credentials are left out: they are found where the
    cell runs.
    """
    partner = provider.expression()
    offered = [_tool(tool) for tool in tools]
    keywords = ({"tools": offered} if offered else {}) | config.kwargs()
    made = written(Call("LiveWidget", (partner,), keywords), column=len("live = "))
    lines = [*_imports([partner, *offered]), "", f"live = {made}", "live", ""]
    return "\n".join(lines)


def _tool(tool: Tool | Mapping[str, Any] | ToolSource) -> Any:
    if isinstance(tool, Mapping):
        return tool
    if not isinstance(tool, Tool):
        expression = getattr(tool, "expression", None)
        return Name("session") if expression is None else expression()
    name = getattr(tool.function, "__name__", "")
    function = Name(name if name.isidentifier() else tool.name)
    return Call("Tool.of", (function,), tool.options) if tool.options else function


def _imports(expressions: Iterable[Any]) -> list[str]:
    """Return the lines that import what the expressions need."""
    homes: dict[str, set[str]] = {"livewidget": {"LiveWidget"}}
    for expression in expressions:
        if isinstance(expression, Call):
            name = expression.name.partition(".")[0]
            homes.setdefault(_HOMES.get(name, "livewidget"), set()).add(name)
    return [f"from {home} import {', '.join(sorted(names))}" for home, names in sorted(homes.items())]


#: The model that is always there.
TUTOR: Final = "offline-tutor"


def connect(
    provider_or_model: Provider | str | None = None,
    *,
    tools: Sequence[Any] = (),
    history: Sequence[tuple[str, str]] = (),
    reconnect: ReconnectPolicy | None = None,
    approve: ApprovalCallback | bool | None = None,
    **config: Any,
) -> LiveSession:
    """Prepare a session, to be opened with `async with`.

    Args:
        provider_or_model: Whom to talk to; see `resolve`.
        tools: Functions that the model may call, MCP sessions, `McpServer`s.
        history: What was said before, for the model to know: `[("user", "…"), ("model", "…")]`.
        reconnect: What the session does about connections that end, and about silence.
        approve: Asked before a tool with `require_approval=True` runs; see `LiveSession`.
        config: Fields of `LiveConfig`: `voice="Kore"`, `system_instruction="…"` …

    Raises:
        ConfigError: If a field is unknown, or the model does not take it.
        KeyMissing: If a model of the Gemini API was named and there is no key.
        ToolError: If something cannot be a tool.
    """
    provider = resolve(provider_or_model)
    settings = LiveConfig.from_kwargs(**config)
    settings.check(provider.capabilities)
    return LiveSession(provider, settings, tools=tools, history=history, reconnect=reconnect, approve=approve)


def resolve(provider_or_model: Provider | str | None = None) -> Provider:
    """Return whom to talk to.

    Args:
        provider_or_model: None: the Gemini API if there is a key, else the offline tutor. A str: that model
            of the Gemini API, or "offline-tutor". A provider: itself.

    Raises:
        KeyMissing: If a model of the Gemini API was named and there is no key.
        UsageError: If it is nothing of these.
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
