"""How a model treats the calls of one tool, and what is sent to it in answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from livewidget.config import check_tool
from livewidget.models import BLOCKING, NON_BLOCKING, Model
from livewidget.protocol import FunctionResponse, read_declaration
from livewidget.session.toolbox.sources import sourced
from livewidget.tools import Tool, ToolSource, sorted_out


@dataclass(frozen=True, slots=True)
class Manner:
    """How calls of one tool are answered.

    Attributes:
        name: The tool's, which is sent with each answer.
        declaration: What the model is told of it.
        blocking: The model says nothing until it has the result.
        continues: It takes several results, of which all but the last say that more will come.
        schedules: A result may say when it is spoken of.
        scheduling: When that is where a result does not say it for itself.
    """

    name: str
    declaration: Mapping[str, Any]
    blocking: bool = True
    continues: bool = False
    schedules: bool = False
    scheduling: str | None = None

    @classmethod
    def of(cls, tool: Tool | Mapping[str, Any], model: Model) -> Manner:
        """Return how `model` treats calls of `tool`.

        Raises:
            ConfigError: If it cannot treat them as the tool wants it; it names the models that can.
        """
        if isinstance(tool, Tool):
            name, declaration, scheduling = tool.name, tool.declaration, tool.scheduling
            behavior = tool.behavior or _needed(tool, model)
            if behavior is not None:
                declaration["behavior"] = behavior
        else:
            name, declaration, scheduling = str(tool["name"]), dict(tool), None
            behavior = read_declaration(tool).behavior
        check_tool(model, name, behavior, scheduling)
        blocking = (behavior or model.tool_behaviors[0]) == BLOCKING
        # Where the model waits for a result, the service ignores both, and takes the first result for all.
        return cls(
            name=name,
            declaration=declaration,
            blocking=blocking,
            continues=model.will_continue and not blocking,
            schedules=model.scheduling and not blocking,
            scheduling=scheduling,
        )

    def answer(
        self, id: str | None, value: Mapping[str, Any], scheduling: str | None, *, more: bool | None
    ) -> FunctionResponse:
        """Return the message for a result.

        Args:
            id: What the service knows the call by.
            value: The result, or the error.
            scheduling: When it is spoken of; None: as the tool says.
            more: Whether others follow; None where there is only ever one.
        """
        return FunctionResponse(
            id=id,
            name=self.name,
            response=dict(value),
            scheduling=(scheduling or self.scheduling) if self.schedules else None,
            will_continue=more,
        )


def _needed(tool: Tool, model: Model) -> str | None:
    """Return the behaviour that must be declared for what the tool wants; None: the model's own will do."""
    wants = tool.scheduling is not None or (tool.is_generator and model.will_continue)
    able = NON_BLOCKING in model.tool_behaviors[1:]
    return NON_BLOCKING if wants and able else None


def offer(offered: Iterable[Any], model: Model) -> list[Tool | Mapping[str, Any] | ToolSource]:
    """Return what can be offered to `model`, read over as far as it is known before the talk.

    To be called on the loop that MCP sessions among them were opened on.

    Raises:
        ToolError: If something cannot be a tool, or two have one name.
        ConfigError: If the model does not treat calls as a tool wants it.
    """
    known, sources = sorted_out(sourced(offered))
    for tool in known:
        Manner.of(tool, model)
    return [*known, *sources]
