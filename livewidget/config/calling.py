"""Whether one model calls a tool in the way that it is declared."""

from __future__ import annotations

from livewidget.config.suits import refuse
from livewidget.errors import ConfigError
from livewidget.models import Model


def check_tool(model: Model, name: str, behavior: str | None, scheduling: str | None = None) -> None:
    """Make sure that `model` calls a function, and treats its calls as they are declared.

    Args:
        model: The model's row; one that the table does not know takes everything.
        name: The function.
        behavior: "BLOCKING", "NON_BLOCKING", or None: the model's own.
        scheduling: When its results are spoken of; None: the model's own.

    Raises:
        ConfigError: It says what the model takes, and which models do take that.
    """
    if not model.known:
        return
    if not model.tools:
        raise ConfigError(f"{model.id} calls no functions; leave the tools out or choose another model.")
    if behavior is not None and behavior not in model.tool_behaviors:
        raise refuse(
            f"{behavior[:20]} for the tool {name}",
            model,
            f"it accepts {' or '.join(model.tool_behaviors)}",
            lambda row: behavior in row.tool_behaviors,
        )
    if scheduling is not None and not model.scheduling:
        raise refuse(
            f"scheduling for the tool {name}",
            model,
            "it decides itself when it speaks of a result",
            lambda row: row.scheduling,
        )
