"""One client's talk with the tutor: every message it may send after the setup, and what comes of it.

How a connection ends by itself: the server says when, and then closes, whatever is going on.

Things that go wrong on purpose, one by one, in sessions that run.

The server's side of one session, whatever carries it: the setup at the door, then the talk.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from livewidget.clock import Clock
from livewidget.models import ONLY_ACTIVITY, Model
from livewidget.protocol import ClientMessageError, decode_client
from livewidget.protocol.messages import (
    Blob,
    ClientContent,
    ClientMessage,
    Content,
    ContextUpdate,
    GoAway,
    RealtimeInput,
    ServerMessage,
    Setup,
    SetupComplete,
    Tool,
)
from livewidget.standin import context, recall, rules
from livewidget.standin.behavior import Manners
from livewidget.standin.context import Memories, Memory, Senses
from livewidget.standin.interfaces import HEARING_RATE, Hearing, Mind, Phrases
from livewidget.standin.listener import Listening
from livewidget.standin.outlet import Outlet, Refusal
from livewidget.standin.responder import Answering, has_words
from livewidget.standin.tokens import TokenGrant
from livewidget.transports.base import TransportClosed

_PICTURES = 2
_RATE = re.compile(r"rate\s*=\s*\"?(\d{1,7})", re.ASCII)


class Conversation:
    """Hands each message to the half of the talk that it is for."""

    def __init__(
        self, outlet: Outlet, manners: Manners, senses: Senses, memory: Memory, setup: Setup
    ) -> None:
        self._manners = manners
        self._senses = senses
        self._memory = memory
        self._seeding = manners.seeds
        declared, skills = _declared(setup.tools), manners.skills(setup.tools)
        if memory.mind is None or (declared, skills) != (memory.declarations, memory.skills):
            memory.mind = senses.brain.session(declared, skills)
            memory.declarations, memory.skills = declared, skills
        memory.context.instruction = _text(setup.system_instruction)
        # Pictures that came while nobody spoke, and how many had begun to speak before.
        self._aside: deque[tuple[int, bytes]] = deque(maxlen=_PICTURES)
        hearing = self._ears(memory.mind)
        self._answering = Answering(outlet, manners, senses, memory, memory.mind)
        self._listening = Listening(
            outlet, manners, self._answering, memory.context, hearing, late=senses.late
        )

    @property
    def seeding(self) -> bool:
        """Whether the history is still being seeded."""
        return self._seeding

    async def handle(self, message: ClientMessage) -> None:
        """Act on one message.

        Raises:
            Refusal: If the service would end the session over it.
        """
        if message.realtime_input is not None:
            await self._realtime(message.realtime_input)
        elif message.client_content is not None:
            await self._content(message.client_content)
        elif message.tool_response is not None:
            self._answering.results(message.tool_response.function_responses or [])
        elif message.context_update is not None:
            self._update(message.context_update)

    async def close(self) -> None:
        """End the talk; what was said stays in the memory."""
        await self._listening.close()
        await self._answering.close()

    async def _realtime(self, sent: RealtimeInput) -> None:
        if sent.activity_start is not None:
            await self._listening.activity(True)
        for blob in filter(None, (sent.audio, sent.video)):
            await self._media(blob)
        if sent.media_chunks:
            chunk = sent.media_chunks[0]  # the service uses the first alone
            if self._manners.model.media_chunks or not (chunk.mime_type or "").startswith("audio/"):
                await self._media(chunk)
        if sent.activity_end is not None:
            await self._listening.activity(False)
        if sent.audio_stream_end and not self._manners.hearing.manual:
            await self._listening.flush()
        if sent.text is not None:
            await self._typed(sent.text)

    async def _media(self, blob: Blob) -> None:
        kind = (blob.mime_type or "audio/pcm").lower()
        if kind.startswith("image/"):
            if self._manners.coverage == ONLY_ACTIVITY and not self._listening.speaking:
                self._aside.append((self._listening.begun, blob.data))
            else:
                self._look(blob.data)
            return
        if not kind.startswith(("audio/pcm", "audio/l16")):
            raise Refusal(1007, rules.INVALID)
        rate = _RATE.search(kind)
        await self._listening.audio(blob.data, int(rate[1]) if rate else HEARING_RATE)

    def _look(self, picture: bytes) -> None:
        self._memory.sight.look(picture)
        self._memory.context.saw(self._manners.media_resolution)

    def _look_aside(self) -> None:
        """Let what was shown before a typed question belong to it, unless somebody has spoken since.

        Of a spoken turn "only activity" leaves out what was shown before; what it leaves out of a typed one
        is not published.
        """
        for begun, picture in self._aside:
            if begun == self._listening.begun:
                self._look(picture)
        self._aside.clear()

    async def _typed(self, text: str) -> None:
        if not has_words(text):
            self._memory.context.read(text)
            if self._manners.answers:
                await self._answering.nudge()
            return
        await self._answering.interrupt()
        self._look_aside()
        if self._manners.answers:
            await self._answering.ask(text, written=True)

    async def _content(self, content: ClientContent) -> None:
        turns = [(turn.role or "user", _text(turn)) for turn in content.turns or []]
        if self._seeding:
            self._write(turns)
            self._seeding = not content.turn_complete
            # Later families wait for realtime input, even where the history ends with a question.
            if content.turn_complete and self._manners.model.text == "client_content":
                await self._answering.nudge()
            return
        await self._answering.interrupt()
        self._look_aside()
        self._write(turns)
        if content.turn_complete and self._manners.answers:
            await self._answering.greet()
        else:
            self._answering.idle()

    def _write(self, turns: list[tuple[str, str]]) -> None:
        for role, text in turns:
            if role == "system":
                # So does Vertex AI take a new instruction.
                self._memory.context.instruction = text
            elif text:
                self._memory.context.write(role, text)

    def _update(self, update: ContextUpdate) -> None:
        if update.system_instruction is not None:
            self._memory.context.instruction = _text(update.system_instruction)
        if update.tools is None:
            return
        declared, skills = _declared(update.tools.tools), self._manners.skills(update.tools.tools)
        mind = self._answering.mind = self._senses.brain.session(declared, skills)
        memory = self._memory
        memory.mind, memory.declarations, memory.skills = mind, declared, skills
        self._listening.replace(self._ears(mind))

    def _ears(self, mind: Mind) -> Hearing:
        own = self._senses.own and self._manners.answers and not self._manners.model.translation
        seen = (*recall.PHRASES, *(context.QUESTIONS if self._manners.sees else ())) if own else ()
        known, expected = mind.phrases.sentences, self._manners.vocabulary
        # Ears without phrases take any English: what is only expected must not narrow them.
        more = (*seen, *expected) if known or seen else ()
        return self._senses.ears.session(self._manners.hearing, Phrases((*known, *more)))


def _declared(tools: list[Tool] | None) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(one) for one in rules.declarations(tools)]


def _text(content: Content | None) -> str:
    return " ".join(part.text for part in (content and content.parts) or [] if part.text)


WARNING_MS = 50_000.0  # the service has been measured at 30 to 50 s
_SHARE = 3 / 8  # of a connection that is too short for that


async def last(outlet: Outlet, clock: Clock, connection_ms: float) -> None:
    """Let a connection last `connection_ms` from now on: warn its client in time, then close it."""
    end = clock.now_ms() + connection_ms
    warning = min(WARNING_MS, connection_ms * _SHARE)
    await clock.sleep_until(end - warning)
    await part(outlet, clock, warning)


async def part(outlet: Outlet, clock: Clock, left_ms: float) -> None:
    """Say that the connection will be closed in `left_ms`, and do it then.

    The service is said to close with 1008 or 1011; published with its words is 1011.
    """
    end = clock.now_ms() + left_ms
    try:
        await outlet.send(ServerMessage(go_away=GoAway(time_left=f"{left_ms / 1000:g}s")))
    except TransportClosed:
        return
    await clock.sleep_until(end)
    await outlet.close(1011, rules.DEADLINE)


FAULTS = {
    "goaway": "the server says that it will close in ten seconds, and then does (1011)",
    "drop": "the link breaks without a word, as when a cable is pulled (1006)",
    "internal": "the server fails (1011)",
    "refuse": "the server is unavailable (1011), also to new sessions, until 'recover'",
    "stall": "the link stays open, but all that either side sends is lost, until 'recover'",
    "recover": "ends 'refuse' and 'stall'",
}
"""What `StandIn.simulate` can do, and what a session sees of it."""

TIME_LEFT_MS = 10_000.0


class Faults:
    """One session's share of them. Called on the session's event loop."""

    def __init__(self, outlet: Outlet, clock: Clock, abort: Callable[[], None] | None) -> None:
        """Act on `outlet`; `abort` breaks its link with no close frame; None: it can be closed with 1006."""
        self._outlet = outlet
        self._clock = clock
        self._abort = abort
        self._tasks: set[asyncio.Task[None]] = set()

    def act(self, name: str) -> None:
        """Let one of `FAULTS` happen."""
        if name == "stall":
            self._outlet.stalled = True
        elif name == "recover":
            self._outlet.stalled = False
        elif name == "drop" and self._abort:
            self._abort()
        else:
            task = asyncio.create_task(self._act(name), name=f"stand-in simulates {name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Nothing more will happen."""
        for task in (tasks := list(self._tasks)):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _act(self, name: str) -> None:
        if name == "drop":
            await self._outlet.close(1006)
        elif name == "refuse":
            await self._outlet.close(1011, rules.UNAVAILABLE)
        elif name == "internal":
            await self._outlet.close(1011, rules.INTERNAL)
        elif name == "goaway":
            await part(self._outlet, self._clock, TIME_LEFT_MS)


log = logging.getLogger(__name__)

_SETUP_MS = 30_000.0


class Partner(Protocol):
    """Who talks once the setup is accepted: the tutor, or a script."""

    @property
    def seeding(self) -> bool:
        """Whether `clientContent` is history still."""

    async def handle(self, message: ClientMessage) -> None:
        """Act on one message."""

    async def close(self) -> None:
        """Stop, and await what was started."""


MakePartner = Callable[[Outlet, Manners, Memory, Setup], Partner]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What is decided before the talk.

    Attributes:
        version: The API version that was dialled.
        refusal: Why nobody may come in, told after the first message as the service does; or None.
        grant: What the ephemeral token allows with which the client came, or None where it came without.
        by_api_key: Whether it came to Vertex AI with an API key, which opens no project.
        memories: Where resumption handles lead.
        clock: For the time that a setup may take, and a connection.
        connection_ms: How long the connection lasts; None: as long as the model's do.
    """

    version: str
    refusal: Refusal | None
    grant: TokenGrant | None = None
    by_api_key: bool = False
    memories: Memories
    clock: Clock
    connection_ms: float | None = None


class ServerSession:
    """Runs one session over one link."""

    def __init__(self, outlet: Outlet, door: Door, partner: MakePartner) -> None:
        self._outlet = outlet
        self._door = door
        self._make = partner

    async def run(self) -> None:
        """Talk until either side closes. Never raises: what fails here closes the link with 1011."""
        try:
            try:
                await self._run()
            except Refusal as refusal:
                await self._outlet.close(refusal.code, refusal.reason)
            except ClientMessageError as error:
                await self._outlet.close(1007, error.reason)
            except TransportClosed:
                raise
            except Exception:
                log.exception("a stand-in session failed")
                await self._outlet.close(1011, rules.INTERNAL)
        except TransportClosed:
            pass

    async def _run(self) -> None:
        setup, model = await self._enter()
        memory = self._remember(setup, model)
        manners = Manners.of(setup, model)
        partner = self._make(self._outlet, manners, memory, setup)
        lasting: asyncio.Task[None] | None = None
        try:
            session_id = str(uuid.uuid4()) if manners.vertex else None
            self._outlet.consumed = 1
            await self._outlet.send(ServerMessage(setup_complete=SetupComplete(session_id=session_id)))
            lasting = asyncio.create_task(self._last(model), name="stand-in lasts")
            while True:
                message = decode_client(await self._outlet.receive())
                if self._door.grant is not None:
                    self._door.grant.check()
                rules.check_message(message, setup, model, seeding=partner.seeding)
                await partner.handle(message)
                self._outlet.consumed += 1
        finally:
            if lasting is not None:
                lasting.cancel()
                await asyncio.wait([lasting])
            await partner.close()

    async def _last(self, model: Model) -> None:
        length = self._door.connection_ms
        await last(self._outlet, self._door.clock, model.connection_ms if length is None else length)

    async def _enter(self) -> tuple[Setup, Model]:
        clock = self._door.clock
        first = asyncio.ensure_future(self._outlet.receive())
        late = asyncio.ensure_future(clock.sleep_until(clock.now_ms() + _SETUP_MS))
        try:
            await asyncio.wait([first, late], return_when=asyncio.FIRST_COMPLETED)
            if not first.done():
                raise Refusal(1011, rules.DEADLINE)
            frame = first.result()
        finally:
            first.cancel()
            late.cancel()
        if self._door.refusal:
            raise self._door.refusal
        setup = decode_client(frame).setup
        if setup is None:
            raise Refusal(1007, rules.SETUP_FIRST)
        if self._door.grant is not None:
            setup = self._door.grant.effective(setup)
        if self._door.by_api_key and setup.model.startswith("projects/"):
            raise Refusal(1008, rules.NO_API_KEY)
        model = rules.find(setup.model, self._door.version)
        rules.check_setup(setup, model)
        return setup, model

    def _remember(self, setup: Setup, model: Model) -> Memory:
        handle = setup.session_resumption.handle if setup.session_resumption else None
        memory = self._door.memories.find(handle) if handle else Memory(model=model.id)
        if memory is None:
            raise Refusal(1008, rules.SESSION_NOT_FOUND)
        if memory.model != model.id:
            raise Refusal(1007, rules.INVALID)
        if self._door.grant is not None:
            self._door.grant.admit(resumed=bool(handle))
        return memory
