"""What was said before, as it is told to a session that does not know it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from livewidget.errors import UsageError
from livewidget.models import Model
from livewidget.protocol import ClientContent, ClientMessage, Content, Part
from livewidget.turns import Turn

Said = tuple[str, str]
"""Who said it, "user" or "model", and what."""


def checked(history: Iterable[Any], model: Model) -> tuple[Said, ...]:
    """Return a history that a person gave.

    Raises:
        UsageError: If it is none, or the model cannot be told any.
    """
    told: list[Said] = []
    for entry in history:
        pair = tuple(entry) if isinstance(entry, tuple | list) else ()
        if len(pair) != 2 or pair[0] not in ("user", "model") or not isinstance(pair[1], str):
            raise UsageError('history is a list of pairs such as ("user", "Hello") and ("model", "Hi.").')
        if pair[1].strip():
            told.append((pair[0], pair[1]))
    if told and model.text == "none":
        raise UsageError(
            f"{model.id} takes no text, so it cannot be told what was said before; leave it out."
        )
    return tuple(told)


def said(turns: Iterable[Turn], *, after: int = -1) -> list[Said]:
    """Return what was said in those of the turns whose index is higher: as far as it was heard."""
    return [(turn.speaker, turn.text) for turn in turns if turn.index > after and turn.text.strip()]


def told(history: Sequence[Said], model: Model, *, closes: bool) -> list[ClientMessage]:
    """Return the messages that tell a history; none where there is none.

    Args:
        history: Oldest first; the oldest are left out where it would fill more than about a quarter of the
            model's context.
        model: Whom it is told.
        closes: Whether the model waits for the history to end; else nothing is asked for by it.
    """
    length, first = 0, len(history)  # A token is about four characters, in English.
    while first and length + len(history[first - 1][1]) <= model.context_tokens:
        first -= 1
        length += len(history[first][1])
    turns = [Content(role=role, parts=[Part(text=text)]) for role, text in history[first:]]
    if not turns:
        return []
    return [ClientMessage(client_content=ClientContent(turns=turns, turn_complete=closes))]
