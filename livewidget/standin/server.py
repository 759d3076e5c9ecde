"""The server's side of one session, whatever carries it: the setup at the door, then the talk."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from livewidget.clock import Clock
from livewidget.models import Model
from livewidget.protocol import ClientMessageError, decode_client
from livewidget.protocol.client import ClientMessage, Setup
from livewidget.protocol.server import ServerMessage, SetupComplete
from livewidget.standin import lifetime, rules
from livewidget.standin.grants import Grant
from livewidget.standin.manners import Manners
from livewidget.standin.memory import Memories, Memory
from livewidget.standin.outlet import Outlet, Refusal
from livewidget.transports.base import TransportClosed

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
    grant: Grant | None = None
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
        await lifetime.last(self._outlet, self._door.clock, model.connection_ms if length is None else length)

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
