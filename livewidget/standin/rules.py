"""What the service rejects, with its own close codes and reasons: at setup, and during a session.

Each rule is a function that returns a close reason or None. Rules read the model's row and the features of
`livewidget.models`, as `LiveConfig` does. Field names and enum values have been checked before, by
`livewidget.protocol.decode_client`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import msgspec

from livewidget import models
from livewidget.models import FEATURES, Feature, Model
from livewidget.protocol.messages import (
    ClientContent,
    ClientMessage,
    ContextUpdate,
    FunctionDeclaration,
    GenerationConfig,
    RealtimeInput,
    Setup,
    Tool,
    ToolResponse,
)
from livewidget.standin.interfaces import VadSettings

TUTOR = "offline-tutor"

# Close reasons, in the service's own words.
INVALID = "Request contains an invalid argument."
# Only the code of this one is published: 1007.
SETUP_FIRST = "The first message must be setup, and only the first."
SESSION_NOT_FOUND = "BidiGenerateContent session not found"
BAD_KEY = "API key not valid. Please pass a valid API key."
UNAVAILABLE = "The service is currently unavailable."
INTERNAL = "Internal error encountered."
DEADLINE = "Deadline expired before operation could complete."
NO_API_KEY = (
    "API keys are not supported by this API. Expected OAuth2 access token or other authentication "
    "credentials that assert a principal."
)
CANCELLED = "The operation was cancelled."
_MANUAL_ONLY = "Explicit activity control is not supported when automatic activity detection is enabled."


class Refusal(Exception):
    """The stand-in ends a session: a close code, and the service's reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def find_model(path: str, version: str) -> Model:
    """Return the row of the model that a setup names.

    Args:
        path: `setup.model`: `models/…`, `projects/…/locations/…/models/…`, `publishers/google/models/…`, or
            Firebase's `projects/…/models/…`, which is of the Gemini API.
        version: The API version that was dialled.

    Raises:
        Refusal: 1008, if there is no such model, with the reason of the service that the path belongs to.
    """
    vertex = is_vertex(path)
    name = models.bare_id(path)
    if name == TUTOR:
        row = models.find(TUTOR, "standin")
        # The tutor belongs to either service; with a Vertex AI path it follows Vertex AI's wire.
        return replace(row, service="vertex", turn_completes_before_result=True) if vertex else row
    row = models.find(name, "vertex" if vertex else "gemini")
    # Preview models exist in v1beta and v1alpha only.
    hidden = row.status == "preview" and version == "v1"
    if not row.known or row.status == "shut down" or hidden:
        raise Refusal(1008, _not_found(path, name, version, vertex))
    return row


def is_vertex(path: str) -> bool:
    """Return whether a model's path is Vertex AI's; Firebase names the Gemini API's without a location."""
    return re.match(r"publishers/|projects/[^/]+/locations/", path) is not None


def relaxed(model: Model) -> Model:
    """Return a model's row without what is only reported to be refused."""
    text = "both" if model.text == "realtime_text" else model.text
    return replace(model, roles_required=False, text=text)


def check_setup(setup: Setup, model: Model) -> None:
    """Check a setup against its model.

    Raises:
        Refusal: 1007, with the service's reason.
    """
    for rule in _SETUP_RULES:
        reason = rule(setup, model)
        if reason:
            raise Refusal(1007, reason)


def check_message(message: ClientMessage, setup: Setup, model: Model, *, seeding: bool) -> None:
    """Check a message of a running session.

    `seeding` says whether `clientContent` still seeds the history (`historyConfig`).

    Raises:
        Refusal: 1007, with the service's reason.
    """
    reason = None
    if message.setup is not None:
        reason = SETUP_FIRST
    elif message.client_content is not None:
        reason = None if seeding or model.text_by_client_content else INVALID
        reason = reason or _roles(message.client_content, model)
    elif message.realtime_input is not None:
        reason = _realtime(message.realtime_input, setup, model)
    elif message.tool_response is not None:
        reason = _results(message.tool_response, model)
    elif message.context_update is not None:
        reason = _update(message.context_update, setup, model)
    if reason:
        raise Refusal(1007, reason)


def check_context(size: int, model: Model) -> None:
    """Check that a context of `size` tokens fits the model.

    Vertex AI closes as its troubleshooting page says. How the Gemini API closes a live session is not
    published; the reason is the one with which it rejects any other prompt that is too long.

    Raises:
        Refusal: 1000 (Vertex AI) or 1007.
    """
    if size <= model.context_tokens:
        return
    if model.service == "vertex":
        raise Refusal(1000, CANCELLED)
    most = model.context_tokens
    raise Refusal(
        1007, f"The input token count ({size}) exceeds the maximum number of tokens allowed ({most})."
    )


def _modalities(setup: Setup, model: Model) -> str | None:
    asked = _generation(setup).response_modalities
    if asked is None or (len(asked) == 1 and asked[0] in model.modalities):
        return None
    listed = ", ".join(asked)
    return f"The requested combination of response modalities ({listed}) is not supported by the model."


def _thinking(setup: Setup, model: Model) -> str | None:
    thinking = _generation(setup).thinking_config
    level = thinking.thinking_level if thinking else None
    budget = thinking.thinking_budget if thinking else None
    if level is None:
        if model.thinking_required:
            return "Thinking level must be specified for this model."
        if thinking is not None and model.thinking is None:
            return INVALID
        return INVALID if budget is not None and model.thinking != "budget" else None
    if model.thinking != "level":
        return "Thinking level is not supported for this model."
    if level not in model.thinking_levels:
        return f"Thinking level {level} is not supported for this model"
    return INVALID if budget is not None else None


def _behaviors(setup: Setup, model: Model) -> str | None:
    for declaration in declarations(setup.tools):
        behavior = declaration.behavior
        if behavior in (None, "UNSPECIFIED"):
            continue
        if behavior not in model.tool_behaviors:
            return f"{behavior} function calls are not supported for this model"
    return None


def _functions(setup: Setup, model: Model) -> str | None:
    return INVALID if not model.tools and any(True for _ in declarations(setup.tools)) else None


def _translation(setup: Setup, model: Model) -> str | None:
    # The service accepts a missing target, too: the session then streams silence.
    by_config = _generation(setup).translation_config is not None and not model.translation_by_config
    by_switch = setup.enable_speech_to_speech_translation and not model.translation_by_language
    return INVALID if by_config or by_switch else None


def _features(setup: Setup, model: Model) -> str | None:
    """Check every other field: whether the model supports it, and whether its value is valid."""
    fields = msgspec.to_builtins(setup)
    if "proactivity" in fields and not model.proactive_audio:
        return INVALID  # The object itself is rejected, whatever it holds.
    for feature in FEATURES:
        value = None if feature.wire in _OWN else _at(fields, feature.wire)
        if value is None or value is False:
            continue
        if not feature.supported_by(model) or not _usable(feature, value, model):
            return INVALID
    return None


_SETUP_RULES: tuple[Callable[[Setup, Model], str | None], ...] = (
    _modalities,
    _thinking,
    _behaviors,
    _functions,
    _translation,
    _features,
)
#: Fields that a rule above checks; "" is a feature without a field.
_OWN: Final = (
    "",
    "generationConfig.responseModalities",
    "generationConfig.thinkingConfig.thinkingLevel",
    "generationConfig.translationConfig.targetLanguageCode",
)


def _roles(content: ClientContent, model: Model) -> str | None:
    # Vertex AI takes a new system instruction as a turn.
    roles: set[str | None] = {"user", "model", *([] if model.service == "gemini" else ["system"])}
    if not model.roles_required:
        roles.add(None)
    return INVALID if any(turn.role not in roles for turn in content.turns or []) else None


def _realtime(sent: RealtimeInput, setup: Setup, model: Model) -> str | None:
    if (sent.text is not None and model.text == "none") or (sent.video is not None and not model.video):
        return INVALID
    explicit = sent.activity_start is not None or sent.activity_end is not None
    manual = VadSettings.from_config(setup.realtime_input_config).manual
    return _MANUAL_ONLY if explicit and not manual else None


def _results(response: ToolResponse, model: Model) -> str | None:
    results = response.function_responses or []
    continues = not model.will_continue and any(result.will_continue for result in results)
    schedules = not model.scheduling and any(result.scheduling for result in results)
    # Clients of Vertex AI may omit the id.
    nameless = model.service == "gemini" and any(not result.id for result in results)
    return INVALID if continues or schedules or nameless else None


def _update(update: ContextUpdate, setup: Setup, model: Model) -> str | None:
    if not model.context_update:
        return INVALID
    changed = Setup(model=setup.model, tools=update.tools.tools if update.tools else None)
    return next(filter(None, (rule(changed, model) for rule in (_behaviors, _functions, _features))), None)


def declarations(tools: list[Tool] | None) -> Iterator[FunctionDeclaration]:
    """Yield every function declared in `tools`."""
    for tool in tools or []:
        yield from tool.function_declarations or []


def _generation(setup: Setup) -> GenerationConfig:
    return setup.generation_config or GenerationConfig()


def _at(value: Any, path: str) -> Any:
    """Return the value at a dotted path; of a list, in the first item that has the next name."""
    for name in path.split("."):
        if isinstance(value, list):
            value = next((one for one in value if name in one), None)
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _usable(feature: Feature, value: Any, model: Model) -> bool:
    if feature.kind == "number":
        fits = math.isfinite(value) and feature.lowest <= value <= feature.highest
        return fits and (not feature.whole or value == int(value))
    if feature.kind == "choice" and feature.choices_of:
        listed: tuple[str, ...] = getattr(model, feature.choices_of)
        return value in listed
    return True


def _not_found(path: str, name: str, version: str, vertex: bool) -> str:
    if vertex:
        return f"Publisher Model `{path}` was not found or your project does not have access to it."
    return (
        f"models/{name} is not found for API version {version}, or is not supported for bidiGenerateContent. "
        "Call ListModels to see the list of available models and their supported methods."
    )
