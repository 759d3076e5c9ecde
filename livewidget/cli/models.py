"""`livewidget models`: prints what each model of the Live API accepts."""

from __future__ import annotations

import argparse

from livewidget.cli import console
from livewidget.errors import UsageError
from livewidget.models import FEATURES, Model, bare_id, suggest
from livewidget.models.catalogue import catalogue, facts, models_of


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the command line."""
    command = commands.add_parser(
        "models",
        help="say what each model accepts",
        description="Say what each model of the Live API accepts: the table by which a configuration "
        "is checked. With a model's id: every field, and whether that model takes, ignores or refuses it.",
    )
    command.add_argument("model", nargs="?", help="one model's id")
    command.add_argument(
        "--service", choices=("gemini", "vertex", "standin"), help="the models of one service only"
    )
    command.add_argument("--json", action="store_true", help="print both tables as JSON")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the tables.

    Raises:
        UsageError: If the table does not have the model.
    """
    rows = [model for model in models_of(arguments.service) if arguments.model in (None, model.id)]
    if arguments.model and not rows:
        rows = [model for model in models_of(arguments.service) if model.id == bare_id(arguments.model)]
    if not rows:
        near = suggest(arguments.model, arguments.service)
        hint = f" did you mean {near}?" if near else " livewidget models lists all of them."
        raise UsageError(f"There is no model {bare_id(arguments.model)[:60]!r} in the table;{hint}")
    if arguments.json:
        console.out(console.to_json(_json(arguments.service, rows), indent=2))
    elif arguments.model:
        console.out("\n\n".join(_in_full(model) for model in rows))
    else:
        console.out("\n\n".join(_in_short(model) for model in rows))
    return 0


def _json(service: str | None, rows: list[Model]) -> dict[str, object]:
    tables = catalogue(service)
    wanted = {(model.service, model.id) for model in rows}
    tables["models"] = [row for row in tables["models"] if (row["service"], row["id"]) in wanted]
    return tables


def _in_short(model: Model) -> str:
    return "\n".join(
        [f"{model.id}  ({model.service}, {model.status})", *(f"  {fact}" for fact in facts(model))]
    )


def _in_full(model: Model) -> str:
    width = max(len(feature.name) for feature in FEATURES)
    lines = [_in_short(model), ""]
    for feature in FEATURES:
        support = feature.support(model)
        mark = {"supported": "✓", "ignored": "–", "refused": "✗"}[support]
        choices = ", ".join(feature.choices_for(model))
        says = choices or feature.about if support == "supported" else f"{support}: {feature.otherwise}"
        lines.append(f"  {mark} {feature.name:<{width}}  {says}")
    return "\n".join(lines)
