"""What the service knows of a conversation, and what a new connection must be told of it.

Where the service can resume a session, it gives handles: each stands for the conversation as it was when the
last turn was complete. Without one, a new connection is told the turns as text.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from livewidget import events
from livewidget.clock import Clock
from livewidget.errors import UsageError
from livewidget.events import Event
from livewidget.models import Model
from livewidget.protocol.inspect import redact
from livewidget.protocol.messages import ClientContent, ClientMessage, Content, Part
from livewidget.text import capitalized
from livewidget.turns import Turn, TurnTracker

#: The service gives a handle for a turn within this time after its end, in ms, or gives none. Chosen: handles
#: follow the end of a turn at once, and waiting for one that does not come holds up a reconnect.
HANDLE_MS: Final = 2_000.0
#: Handles remembered, so that they can be redacted. Chosen: a new one comes with every turn, and the log has
#: few frames with older ones.
HANDLES: Final = 64

TurnText = tuple[str, str]
"""Who said it, "user" or "model", and what."""


def validate_history(history: Iterable[Any], model: Model) -> tuple[TurnText, ...]:
    """Return a history that a caller gave, without its empty entries.

    Raises:
        UsageError: If `history` is not a list of pairs, or the model cannot be told any.
    """
    texts: list[TurnText] = []
    for entry in history:
        pair = tuple(entry) if isinstance(entry, tuple | list) else ()
        if len(pair) != 2 or pair[0] not in ("user", "model") or not isinstance(pair[1], str):
            raise UsageError('history is a list of pairs such as ("user", "Hello") and ("model", "Hi.").')
        if pair[1].strip():
            texts.append((pair[0], pair[1]))
    if texts and model.takes is not None:
        agent = capitalized(model.settings_of)
        raise UsageError(f"{agent} keeps its own memory of a conversation: leave history out.")
    if texts and model.text == "none":
        raise UsageError(
            f"{model.id} takes no text, so it cannot be told what was said before; leave it out."
        )
    return tuple(texts)


def turn_texts(turns: Iterable[Turn], *, after: int = -1) -> list[TurnText]:
    """Return what was said in the turns with a higher index than `after`, as far as it was heard."""
    return [(turn.speaker, turn.text) for turn in turns if turn.index > after and turn.text.strip()]


def history_messages(history: Sequence[TurnText], model: Model, *, closes: bool) -> list[ClientMessage]:
    """Return the messages that tell a model a history; none if it is empty.

    Args:
        history: Oldest first. The oldest are left out where it would fill more than about a quarter of the
            model's context.
        model: The model that is told.
        closes: Whether the model waits for the history to end; else nothing is asked of it.
    """
    length, first = 0, len(history)  # A token is about four characters, in English.
    while first and length + len(history[first - 1][1]) <= model.context_tokens:
        first -= 1
        length += len(history[first][1])
    turns = [Content(role=role, parts=[Part(text=text)]) for role, text in history[first:]]
    if not turns:
        return []
    return [ClientMessage(client_content=ClientContent(turns=turns, turn_complete=closes))]


class ServiceMemory:
    """Follows what the service remembers of a conversation.

    Attributes:
        handle: Secret by which the service finds its memory of the conversation; None if there is none.
    """

    def __init__(
        self,
        model: Model,
        tracker: TurnTracker,
        clock: Clock,
        *,
        history: Iterable[Any] = (),
        handle: str | None = None,
        redact: Callable[[str], str] = str,
    ) -> None:
        """Begin with what was said before the session.

        Args:
            model: The model that is talked to.
            tracker: The turns of the session.
            clock: Measures how long the service takes to give a handle.
            history: Pairs of "user" or "model" and a text, oldest first.
            handle: A handle of an earlier session.
            redact: Takes the provider's own secrets out of a text.

        Raises:
            UsageError: If `history` is not a list of pairs, or the model cannot be told any.
        """
        self.handle = handle
        self._model = model
        self._tracker = tracker
        self._clock = clock
        self._history = validate_history(history, model)
        self._redact = redact
        self._handles: deque[str] = deque([handle] if handle else [], maxlen=HANDLES)
        self._known = -1  # index of the last turn that the handle stands for
        self._withheld: set[int] = set()  # indices of questions over which the server failed
        self._resumable = True
        self._wait_until_ms = float("-inf")  # for the handle of the turn that ended last

    def redact(self, text: str) -> str:
        """Return a text without secrets of the provider, and without the handles of this conversation."""
        return redact(self._redact(text), self._handles)

    def observe(self, event: Event) -> None:
        """Learn from an event that the turns hold already."""
        match event:
            case events.TurnComplete():
                self._wait_until_ms = self._clock.now_ms() + HANDLE_MS
            case events.ResumptionUpdate(handle=handle, resumable=resumable):
                self._resumable = resumable
                if handle and resumable:
                    self.handle, self._wait_until_ms = handle, float("-inf")
                    self._handles.append(handle)
                    self._known = self._last_settled()

    def remembers_all(self) -> bool:
        """Return whether nothing is lost if the connection ends now and is resumed."""
        if self.handle is None:
            return True
        return self._resumable and self._clock.now_ms() >= self._wait_until_ms

    def knows_turn(self, index: int) -> bool:
        """Return whether the handle stands for that turn, too."""
        return index <= self._known

    def connection_opened(self, *, resumed: bool) -> None:
        """A new connection is open; `resumed`: with the memory that the handle stands for."""
        if not resumed:
            self._known = -1
        self._resumable, self._wait_until_ms = True, float("-inf")

    def withhold_questions(self) -> None:
        """Tell no connection the questions that wait for an answer now: the server may fail over them."""
        self._withheld.update(turn.index for turn in self._unanswered())

    def messages_for(self, *, resumed: bool, closes: bool = False) -> list[ClientMessage]:
        """Return what a new connection must be told before anything else.

        Args:
            resumed: Whether it has the memory that the handle stands for; else it knows nothing.
            closes: Whether a model that knows nothing waits for the history to end.
        """
        if resumed:
            texts = [] if self.forgets else turn_texts(self._answered(), after=self._known)
            return history_messages(texts, self._model, closes=False)
        if self._model.text == "none" or self._model.takes is not None:
            return []
        texts = [*self._history, *turn_texts(self._answered())]
        return history_messages(texts, self._model, closes=closes)

    @property
    def forgets(self) -> bool:
        """Whether a resumed session lacks turns that it cannot be told."""
        return not self._model.text_by_client_content and bool(
            turn_texts(self._answered(), after=self._known)
        )

    def _last_settled(self) -> int:
        """Return the index of the last turn that is over, and answered if it is a question."""
        turns = self._tracker.turns
        asked = self._tracker.has_unanswered_input
        while turns and (not turns[-1].final or (turns[-1].speaker == "user" and asked)):
            turns.pop()
        return turns[-1].index if turns else -1

    def _unanswered(self) -> list[Turn]:
        """Return the questions at the end of the conversation that wait for an answer."""
        if not self._tracker.has_unanswered_input:
            return []
        turns = reversed(self._tracker.turns)
        return list(itertools.takewhile(lambda turn: turn.speaker == "user", turns))

    def _answered(self) -> list[Turn]:
        """Return the turns that a connection may be told of."""
        left_out = self._withheld.union(turn.index for turn in self._unanswered())
        return [turn for turn in self._tracker.turns if turn.index not in left_out]
