"""What was said before, as it is told to a session that does not know it.

How a talk goes on over another connection: when it may, what the service is told, what is sent again.
"""

from __future__ import annotations

import enum
import itertools
from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from livewidget import events
from livewidget.clock import Clock, SystemClock
from livewidget.config import LiveConfig
from livewidget.connection import Connection, Provider
from livewidget.errors import LiveError, UsageError
from livewidget.events import Event
from livewidget.models import Model
from livewidget.protocol import ClientContent, ClientMessage, Content, Part, context_message
from livewidget.protocol.inspect import redact
from livewidget.session.hub import Telling
from livewidget.session.outbox import Item, Upstream, kind_of
from livewidget.session.supervisor import Line, ReconnectPolicy, Why
from livewidget.session.tool_runner import ApprovalCallback, ToolRunner
from livewidget.session.usage import UsageTracker
from livewidget.session.wire_log import WireLog
from livewidget.turns import Floor, Turn

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


#: Nobody speaks who has been silent for so long.
SILENT_MS: Final = 700.0
#: The service remembers a turn so long after its end at the latest, or says nothing of it.
HANDLE_MS: Final = 2_000.0

Tools = Sequence[Any]
"""Functions, MCP sessions and what else can be offered to a model; see `LiveSession`."""

#: So often the server may fail before it has answered, until it is not asked the same again.
STUMBLES: Final = 2
#: Handles of this talk that are remembered, to be hidden.
HANDLES: Final = 64
#: States of a call that is over.
OVER: Final = ("done", "failed", "cancelled", "refused")


class Same(enum.Enum):
    """In the place of an argument: leave it as it is."""

    SAME = "as it is"


SAME: Final = Same.SAME

_PARTED: Final = {
    "link": "The connection broke; the talk goes on as soon as there is a new one.",
    "server": "The server failed; the talk goes on as soon as there is a new connection.",
}


class Moving(Telling):
    """A talk and the line it is held over, of which it is the `Host`.

    Attributes:
        provider: Whom it is with.
        config: What the session is asked to be.
        wire: The last frames both ways, without sound, pictures and secrets.
    """

    def __init__(
        self,
        provider: Provider,
        config: LiveConfig | None,
        tools: Tools,
        handle: str | None,
        history: Iterable[tuple[str, str]],
        approve: ApprovalCallback | bool | None,
        reconnect: ReconnectPolicy | None,
        clock: Clock | None,
    ) -> None:
        super().__init__(provider.capabilities, clock or SystemClock())
        self.provider = provider
        self.config = config if config is not None else LiveConfig()
        self._handles: deque[str] = deque([handle] if handle else [], maxlen=HANDLES)
        self.wire = WireLog(self._clock, self._without_secrets, self._callbacks_failed)
        self._history = checked(history, self._model)
        self._policy = reconnect or ReconnectPolicy()
        self._usage = UsageTracker()
        self._upstream = Upstream()
        self._line = Line(self, self._upstream, self._clock, self._policy)
        self._line.handle = handle
        self.error: LiveError | None = None
        self._approve = approve
        self._tools = self._make_tool_runner(tools)
        self._next: tuple[LiveConfig, ToolRunner] | None = None  # settings of the next connection
        self._dialled: tuple[LiveConfig, ToolRunner] | None = None  # those of the one that is being opened
        self._known = -1  # index of the last turn that the service's memory holds
        self._untold: set[int] = set()  # questions over which connections broke
        self._resumable = True
        self._dropping = False  # what still comes of a turn that was interrupted from here
        self._voiced_ms = self._over_ms = self._handle_ms = float("-inf")

    @abstractmethod
    def _make_tool_runner(self, tools: Tools) -> ToolRunner:
        """Return the tools of this session."""

    @abstractmethod
    def _need_open(self) -> None:
        """Raise StateError unless the session is open."""

    @abstractmethod
    def received(self, event: Event) -> None:
        """The server says something."""

    @abstractmethod
    def ended(self, error: LiveError) -> None:
        """There is no connection, and there will be none."""

    @property
    def handle(self) -> str | None:
        """Secret with which a new session can take up this talk, once the server has given one."""
        return self._line.handle

    def _without_secrets(self, text: str) -> str:
        """Remove from a text what looks like a secret, and what is known here to be one."""
        return redact(self.provider.redact(text), self._handles)

    # --- What the service knows -----------------------------------------------------------------------------

    def _folded(self, event: Event, before: int | None) -> None:
        turn = self._conversation.model_turn
        if turn is not None and turn != before:
            self._upstream.taken()  # It answers: so it has heard all.
        match event:
            case events.ActivityStart():
                self._upstream.speaking()
            case events.WaitingForInput():
                self._upstream.taken()
            case events.InputTranscript() | events.InterimInputTranscript():
                if self._conversation.ends_by_silence:
                    self._upstream.written()  # Nothing answers it: it is in the transcript, or it is not.
            case events.TurnComplete():
                self._over_ms = self._clock.now_ms()
                self._line.good()
                if not self._conversation.has_unanswered_input:
                    self._upstream.settled()
            case events.ResumptionUpdate(handle=handle, resumable=resumable):
                self._resumable = resumable
                if handle and resumable:
                    self._line.handle, self._handle_ms = handle, self._clock.now_ms()
                    self._handles.append(handle)
                    self._known = self._settled()
            case events.GoAway(time_left_ms=left):
                self._line.go_away(left)

    def _settled(self) -> int:
        """Return the index of the last turn that is over, and answered where it was a question."""
        turns = self._conversation.turns
        while turns and (
            not turns[-1].final or (turns[-1].speaker == "user" and self._conversation.has_unanswered_input)
        ):
            turns.pop()
        return turns[-1].index if turns else -1

    def is_quiet(self, *, hurry: bool = False) -> bool:
        """Tell whether nobody speaks, thinks or works, and the service remembers all that was said."""
        now = self._clock.now_ms()
        if self._conversation.floor is not Floor.LISTENING:
            return False
        if now - self._voiced_ms < SILENT_MS and not hurry:
            return False
        if self._line.handle is None:
            return True
        return self._resumable and (self._handle_ms >= self._over_ms or now - self._over_ms >= HANDLE_MS)

    # --- Another connection ---------------------------------------------------------------------------------

    async def dial(self, handle: str | None) -> Connection:
        """Open a connection, with the service's memory or without."""
        self._dialled = self._next
        config, runner = self._dialled or (self.config, self._tools)
        told_before = bool(self._told_anew())
        first = not self._line.moves and not self._conversation.turns
        seeds = self._model.seeds_history and told_before
        seeds = seeds or (config.seed_history and (first or told_before))
        config = replace(config, seed_history=handle is None and seeds)
        return await Connection.open(self.provider, config, runner.declarations, handle=handle, tap=self.wire)

    def parted(self, why: Why) -> None:
        """There is no connection for now."""
        if why in _PARTED:
            self._notice("warning", "reconnecting", _PARTED[why])

    def reverted(self, error: LiveError) -> bool:
        """The service refuses the settings of the next connection: there are those of the last one."""
        had, self._next = self._next, None
        return had is not None

    async def arrived(self, *, resumed: bool, why: Why, gap_ms: float) -> list[ClientMessage]:
        """The talk goes on over a new connection; returns what the service must be told first."""
        if self._dialled is not None:
            self.config, runner = self._dialled
            self._next = None if self._next is self._dialled else self._next
            if runner is not self._tools:
                await self._tools.adopt(runner)
        if not resumed:
            self._known = -1
        self._usage.end_turn()  # What was reported last is counted with the old connection.
        self._resumable, self._dropping, self._over_ms = True, False, float("-inf")
        turn = self._conversation.model_turn
        asked = self._conversation.has_unanswered_input
        self._upstream.faults += asked and why == "server"
        if self._upstream.faults > STUMBLES:
            # It may be these very words that the server stumbles over.
            self._upstream.taken()
            self._untold.update(turn.index for turn in self._unanswered())
        replayed = self._upstream.again(asked=asked)
        self._give_up_calls(resumed)
        self._take(events.ConnectionReplaced(resumed=resumed, why=why, gap_ms=gap_ms, replayed=replayed))
        if asked and not replayed:
            text = "Your last words could not be sent again over the new connection; please say them again."
            self._notice("warning", "question-lost", text)
        if any(one.index == turn and one.interrupted for one in self._conversation.turns):
            self._notice(
                "warning", "answer-cut", "The connection ended amid an answer; ask again for the rest."
            )
        lost_ms, self._upstream.lost_ms = self._upstream.lost_ms, 0.0
        if lost_ms:
            text = f"While there was no connection, {lost_ms / 1000:.0f} s of sound were lost."
            self._notice("warning", "sound-lost", text)
        if resumed:
            return self._told_rest()
        anew = self._told_anew()
        if self._conversation.turns:
            memory = "was told what was said so far" if anew else "knows nothing of what was said so far"
            text = f"The service could not take up its memory of this talk: a new session {memory}."
            self._notice("info", "not-resumed", text)
        return anew

    def went(self, item: Item) -> None:
        """That was sent."""
        if item.kind == "sound":
            self._conversation.audio_sent(item.ms, self._clock.now_ms())

    def _told_anew(self) -> list[ClientMessage]:
        """Return what tells a session that knows nothing what was said."""
        if self._model.text == "none":
            return []
        pairs = [*self._history, *said(self._answered())]
        return told(pairs, self._model, closes=self._model.seeds_history or self.config.seed_history)

    def _told_rest(self) -> list[ClientMessage]:
        """Return what tells a session that was resumed what was said since it was remembered."""
        rest = said(self._answered(), after=self._known)
        if rest and not self._model.text_by_client_content:
            self._notice("info", "forgotten", "The model may have forgotten what was said last.")
            return []
        return told(rest, self._model, closes=False)

    def _unanswered(self) -> list[Turn]:
        """Return the questions at the end of the talk that wait for an answer."""
        if not self._conversation.has_unanswered_input:
            return []
        turns = reversed(self._conversation.turns)
        return list(itertools.takewhile(lambda turn: turn.speaker == "user", turns))

    def _answered(self) -> list[Turn]:
        """Return the turns that a service may be told of."""
        left_out = self._untold.union(turn.index for turn in self._unanswered())
        return [turn for turn in self._conversation.turns if turn.index not in left_out]

    def _give_up_calls(self, resumed: bool) -> None:
        """Cancel the calls that the service has forgotten, and tell of it."""
        uses = {use.id: (turn.index, use) for turn in self._conversation.turns for use in turn.tools}
        known = [id for id, (index, _) in uses.items() if resumed and index <= self._known]
        given = self._upstream.drop_results(known)
        running = [id for id, (_, use) in uses.items() if use.state not in OVER and id not in known]
        if running:
            self._tools.cancel(running)
            self._take(events.ToolCallCancelled(ids=tuple(running)))
        for id in (*running, *given):
            name = uses[id][1].name[:64] if id in uses else "a tool"
            text = f"The connection ended while {name} ran, and its result is not waited for any more."
            self._notice("warning", "call-lost", text)

    # --- Sending --------------------------------------------------------------------------------------------

    async def _send(
        self,
        message: ClientMessage | str,
        *,
        sound_ms: float = 0.0,
        voiced: bool = False,
        call: str | None = None,
    ) -> None:
        self._need_open()
        kind = kind_of(message)
        if kind == "text":
            self._upstream.typed()
        if voiced:
            self._voiced_ms = self._clock.now_ms()
        await self._line.send(self._upstream.add(kind, message, ms=sound_ms, voiced=voiced, call=call))
        if self.error is not None:
            raise self.error

    # --- Settings -------------------------------------------------------------------------------------------

    async def update(
        self,
        config: LiveConfig | None = None,
        *,
        system_instruction: str | Same | None = SAME,
        tools: Tools | Same = SAME,
    ) -> None:
        """Change what the session is asked to be, while it runs.

        Instructions and tools change at once where the model takes that. For everything else the talk goes
        on over a new connection, resumed, at the next quiet moment or after five seconds; this returns then.

        Args:
            config: The whole configuration; None: as it is.
            system_instruction: Another instruction, in place of the one in the configuration.
            tools: All the functions that the model may call from now on.

        Raises:
            ConfigError, ToolError: If the model does not take them; nothing has changed then.
            ServiceError: If the service refuses them; the talk goes on with what was before.
            StateError: If the session is not open, or ends meanwhile.
        """
        self._need_open()
        pending, runner = self._next or (self.config, self._tools)
        config = pending if config is None else config
        if not isinstance(system_instruction, Same):
            config = replace(config, system_instruction=system_instruction)
        config.check(self._model)
        if not isinstance(tools, Same):
            runner = self._make_tool_runner(tools)
            await runner.open()
        if config == self.config and runner is self._tools:
            return
        if self._next is not None or not self._changes_at_once(config):
            await self._renew(config, runner)
            return
        message = context_message(
            config,
            self._model,
            instruction=config != self.config,
            declarations=None if runner is self._tools else runner.declarations,
        )
        self.config = config
        if runner is not self._tools:
            await self._tools.adopt(runner)
        await self._send(message)

    def _changes_at_once(self, config: LiveConfig) -> bool:
        """Tell whether the model takes such a change while the session runs."""
        before = self.config
        rest = replace(config, system_instruction=before.system_instruction) == before
        # There is no word for having none any more.
        cleared = config.system_instruction is None and before.system_instruction is not None
        return self._model.context_update and rest and not cleared

    async def _renew(self, config: LiveConfig, runner: ToolRunner) -> None:
        _, before = self._next or (None, runner)
        self._next = (config, runner)
        if before is not runner and before is not self._tools:
            await before.close()  # Of a change that this one overtakes.
        try:
            await self._line.renew()
        except LiveError:
            if runner is not self._tools:
                await runner.close()
            raise
