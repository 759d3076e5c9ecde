"""`connect`: from what a person names (nothing, a model, a provider) to a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final, Unpack

from livewidget.config import ConfigOptions, Limits, LiveConfig
from livewidget.config.options import show_options
from livewidget.connection import Gemini, Key, Provider, find_key
from livewidget.connection.keys import hide_key, refuse_key
from livewidget.errors import KeyMissing, UsageError
from livewidget.secret import Secret, hide
from livewidget.session.memory import validate_history
from livewidget.session.session import LiveSession
from livewidget.session.supervisor import ReconnectPolicy
from livewidget.session.tool_runner import ApprovalCallback, prepare_tools
from livewidget.tools import Tool, ToolSource

#: Model name of the stand-in's tutor, which needs no key.
TUTOR: Final = "offline-tutor"
NO_KEY_DIRECT: Final = (
    "direct=True needs a key of the Gemini API, with which the page gets its tokens, and none was found: set "
    "GEMINI_API_KEY, add a Colab secret of that name, or pass api_key=…; or leave direct out to talk with "
    "the offline tutor."
)


@show_options
def connect(
    provider_or_model: Provider | str | None = None,
    *,
    model: str | None = None,
    api_key: str | Key | None = None,
    tools: Sequence[Any] = (),
    history: Sequence[tuple[str, str]] = (),
    reconnect: ReconnectPolicy | None = None,
    limits: Limits | None = None,
    approve: ApprovalCallback | bool | None = None,
    **config: Unpack[ConfigOptions],
) -> LiveSession:
    """Make a session, to be opened with `async with`. Nothing is dialed before that.

    Args:
        provider_or_model: Whom to talk to; see `resolve`.
        model: A model, as in `provider_or_model`.
        api_key: A key of the Gemini API, in place of the one in the environment.
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
    provider_or_model, model, api_key = hide_key(provider_or_model), hide_key(model), hide(api_key)
    config = hide_unknown(config)
    check_policies(reconnect, limits)
    provider = resolve(provider_or_model, model=model, api_key=api_key)
    spec = prepare(provider, tools, history, config, limits)
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


def resolve(
    provider_or_model: Provider | str | Secret | None = None,
    *,
    model: str | Secret | None = None,
    api_key: str | Secret | None = None,
    direct: bool = False,
) -> Provider:
    """Return the provider that is meant.

    Args:
        provider_or_model: None: the Gemini API if there is a key, else the offline tutor. A str: that model
            of the Gemini API, or "offline-tutor". A provider: itself.
        model: A model, as in `provider_or_model`.
        api_key: A key of the Gemini API, in place of the one in the environment.
        direct: Whether a page is to hold the socket to the service; see `Gemini`. There is no tutor then.

    Raises:
        ConfigError: If there is no such model, or no page can connect to it.
        KeyMissing: If a model of the Gemini API was named and there is no key.
        UsageError: If it is none of these, or a provider that sets no model, service or label.
    """
    provider_or_model, model, api_key = hide_key(provider_or_model), hide_key(model), hide(api_key)
    if not isinstance(direct, bool):
        raise UsageError(f"direct is True or False, not {type(direct).__name__}.")
    provider = _named(provider_or_model, model, api_key, direct)
    return provider.with_direct() if direct and not provider.direct else provider


def _named(
    provider_or_model: Provider | str | Secret | None,
    model: str | Secret | None,
    api_key: str | Secret | None,
    direct: bool,
) -> Provider:
    if model is not None:
        if provider_or_model is not None:
            raise UsageError("The model is given twice: leave out model=… or what stands before it.")
        provider_or_model = model
    if provider_or_model is None:
        has_key = find_key(api_key) is not None
        if direct and not has_key:
            raise KeyMissing(NO_KEY_DIRECT)
        return Gemini(api_key=api_key) if has_key else _tutor()
    refuse_key(provider_or_model)
    if isinstance(provider_or_model, str):
        return _tutor() if provider_or_model.strip() == TUTOR else Gemini(provider_or_model, api_key=api_key)
    if api_key is not None and isinstance(provider_or_model, Provider):
        raise UsageError("The key goes to the provider: Gemini(…, api_key=…).")
    if isinstance(provider_or_model, type) and issubclass(provider_or_model, Provider):
        name = provider_or_model.__name__
        raise UsageError(f"This is the class {name} itself: call it, {name}(…).")
    if isinstance(provider_or_model, LiveConfig):
        raise UsageError("The fields of a LiveConfig are keywords here: LiveWidget(**config.kwargs()).")
    if not isinstance(provider_or_model, Provider):
        if hint := _wrapper_of(provider_or_model):
            raise UsageError(hint)
        raise UsageError(
            'Say whom to talk to: nothing, a model such as "gemini-3.8-live", '
            "or Gemini(…), VertexAI(…), StandIn(…), or a Provider of your own."
        )
    missing = [name for name in ("model", "service", "label") if not hasattr(provider_or_model, name)]
    if missing:
        raise UsageError(f"{type(provider_or_model).__name__} sets no {' and no '.join(missing)}.")
    return provider_or_model


#: What people pass who have an agent already, by the module of its type (the first that fits), and what to
#: pass in its place. Nothing of these packages is imported for it.
_WRAPPERS: Final = (
    (
        "livewidget.integrations.agent",
        'This is the run of an agent: pass AgentProvider("name", RunClass), from '
        "livewidget.integrations.agent.",
    ),
    (
        "livewidget.integrations.pipecat",
        "This is the transport for a Pipecat pipeline: pass its provider, LiveWidget(transport.provider).",
    ),
    (
        "google.adk.models",
        "This is a model of the Agent Development Kit: make an agent with it, and pass AdkAgent(agent), from "
        "livewidget.integrations.adk.",
    ),
    (
        "google.adk",
        "This belongs to the Agent Development Kit: pass AdkAgent(agent) or AdkAgent(runner), from "
        "livewidget.integrations.adk.",
    ),
    (
        "livekit.agents.voice.agent_session",
        "This is one session of a LiveKit agent, and each conversation needs its own: pass "
        "LiveKitAgent(lambda: AgentSession(llm=…), agent), from livewidget.integrations.livekit.",
    ),
    (
        "livekit",
        "This belongs to a LiveKit agent: pass LiveKitAgent(lambda: AgentSession(llm=…), agent), from "
        "livewidget.integrations.livekit.",
    ),
    (
        "pipecat",
        "This is a part of a Pipecat bot: pass PipecatBot(run_bot), where run_bot(transport) makes and runs "
        "the pipeline, from livewidget.integrations.pipecat.",
    ),
    (
        "google.genai.live",
        "This is a session of the Gen AI SDK: pass GenAIClient(client), which opens its own, or "
        "GenAISession(session, model) for one that is open, from livewidget.integrations.genai.",
    ),
    (
        "google.genai",
        'This belongs to the Gen AI SDK: pass GenAIClient(client, model="gemini-3.8-live"), from '
        "livewidget.integrations.genai.",
    ),
)
_FUNCTION: Final = (
    "This is a function: if it is a Pipecat bot, pass PipecatBot(run_bot); if it makes a LiveKit "
    "AgentSession, LiveKitAgent(make_session, agent); if it makes a run of your own agent, "
    'AgentProvider("name", new_run).'
)


def _wrapper_of(thing: object) -> str:
    """Return what to pass in the place of something that belongs to an agent; "" for anything else."""
    if isinstance(thing, FunctionType | MethodType | partial):
        return _FUNCTION
    for cls in (thing if isinstance(thing, type) else type(thing)).__mro__:
        for module, sentence in _WRAPPERS:
            if f"{cls.__module__}.".startswith(f"{module}."):
                return sentence
    return ""


#: The arguments of a `LiveWidget` beside the fields of `LiveConfig` and the key.
_ARGUMENTS: Final = frozenset(
    {"provider_or_model", "model", "direct", "tools", "history", "reconnect", "limits", "explorer"}
)


@dataclass(frozen=True, slots=True)
class WidgetOptions:
    """What a `LiveWidget`'s arguments come to where there is no widget: on a server, on the phone.

    Attributes:
        spec: What the sessions are to be.
        reconnect: What they do when connections end, and about silence.
        explorer: Whether the explorer is open from the beginning.
    """

    spec: SessionSpec
    reconnect: ReconnectPolicy | None
    explorer: bool


def read_options(given: Any) -> WidgetOptions:
    """Read what stands in place of a widget: its first argument, or a mapping of its keyword arguments.

    A caller who keeps `given` in a variable passes it through `hide_options` first.

    Raises:
        UsageError: As `LiveWidget` does.
    """
    given = hide_options(given)
    return _options_of(**given) if isinstance(given, Mapping) else _options_of(given)


def _options_of(
    provider_or_model: Provider | str | Secret | None = None,
    *,
    model: str | Secret | None = None,
    api_key: Secret | None = None,
    direct: bool = False,
    tools: Sequence[Any] = (),
    history: Sequence[tuple[str, str]] = (),
    reconnect: ReconnectPolicy | None = None,
    limits: Limits | None = None,
    explorer: bool = False,
    **config: Any,
) -> WidgetOptions:
    check_policies(reconnect, limits)
    provider = resolve(provider_or_model, model=model, api_key=api_key, direct=direct)
    return WidgetOptions(prepare(provider, tools, history, config, limits), reconnect, bool(explorer))


def hide_options(given: Any) -> Any:
    """Return what `read_options` takes, with every key that may be in it as a secret."""
    if not isinstance(given, Mapping):
        return hide_key(given)
    return {**hide_unknown(given), **{name: hide_key(given[name]) for name in _ARGUMENTS & given.keys()}}


def hide_unknown(options: Mapping[str, Any]) -> Any:
    """Return options with those that `LiveConfig` lacks as secrets: one may be a misspelt `api_key`."""
    known = LiveConfig.__dataclass_fields__
    return {name: value if name in known else hide(value) for name, value in options.items()}


def check_policies(reconnect: object, limits: object) -> None:
    """Make sure that both are what they are called, or None.

    Raises:
        UsageError: If one is not.
    """
    if reconnect is not None and not isinstance(reconnect, ReconnectPolicy):
        raise UsageError("reconnect is a ReconnectPolicy, such as ReconnectPolicy(enabled=False).")
    if limits is not None and not isinstance(limits, Limits):
        raise UsageError("limits is a Limits, such as Limits(ask_s=60).")


def _tutor() -> Provider:
    from livewidget.standin import StandIn

    return StandIn()
