"""`StandIn`: the Live API offline, as a provider that sessions and widgets take like any other."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from livewidget import models
from livewidget.clock import Clock, SystemClock
from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name
from livewidget.connection import Provider
from livewidget.errors import UsageError
from livewidget.protocol.messages import Setup
from livewidget.standin import adapters, rules
from livewidget.standin.behavior import Manners
from livewidget.standin.context import Memories, Memory, Senses
from livewidget.standin.interfaces import Brain, HearingSettings, Phrases, Skills, Translation
from livewidget.standin.outlet import Outlet, Refusal
from livewidget.standin.script import Performance, Script
from livewidget.standin.session import FAULTS, Conversation, Door, Faults, Partner, ServerSession
from livewidget.standin.tokens import TokenGrant
from livewidget.standin.tutor.voice import TutorVoice
from livewidget.transports.base import Transport
from livewidget.transports.memory import pair


class StandIn(Provider):
    """A small tutor on this computer that speaks the Live API's wire: no key, no network.

    It listens, takes turns, is interrupted, calls declared functions and answers by voice. It is a small
    program and no language model, and says so. Ears, brain and voice can each be replaced by an object of the
    shape in `livewidget.standin.seams`, or by a plain function::

        StandIn(brain=lambda text: text.upper())    # str → str, may be a coroutine function
        StandIn(ears=whisper, voice=speak)          # float32 at 16 kHz → str; str → samples at 24 kHz

    Attributes:
        model: The model it stands in for; its rules and manners are followed.
        service: "standin", or the service of that model.
        clock: What it goes by.
        label: A name for people.
        speaker: One word that stands before what it says.
        badge: Where the voice of the person goes.
    """

    label = "Offline tutor"
    speaker = "tutor"
    badge = "no key · on this computer"
    is_local = True
    #: It stands in for any model.
    catalogue_service = "standin"

    def __init__(
        self,
        *,
        ears: Any = None,
        brain: Any = None,
        voice: Any = None,
        script: Script | None = None,
        model: str = rules.TUTOR,
        late_transcripts: bool = False,
        connection_s: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make a stand-in; nothing is loaded before somebody dials.

        Args:
            ears: What listens: an `Ears`, or a function of an utterance (float32, 16 kHz, mono) to its text.
            brain: What thinks: a `Brain`, or a function of what was said to the answer.
            voice: What speaks: a `Voice`, or a function of a text to its sound (24 kHz, mono).
            script: Play this instead of talking; for tests.
            model: Stand in for this model of the Live API; by default the tutor is itself.
            late_transcripts: Tell what the user said only when the answer has begun, and do not mark its
                end: the service may do both at any time.
            connection_s: Seconds that a connection lasts; None: ten minutes, as the service's, and with a
                script without end. `goAway` comes 50 s before; of less than 133 s, after five eighths.
            clock: Another clock; for tests.

        Raises:
            UsageError: If a connection could not last so long.
        """
        if connection_s is not None and not 0 < connection_s < float("inf"):
            raise UsageError("connection_s is a number of seconds above 0.")
        self.model = model
        self.service = _service_of(model)
        self._given = (ears, brain, voice)
        self._script = script
        self._late = late_transcripts
        # A script says itself when what happens.
        unsaid = None if script is None else float("inf")
        self._connection_ms = unsaid if connection_s is None else connection_s * 1000
        self.clock = clock or SystemClock()
        self._memories = Memories(self.clock)
        self._made: Brain | None = None
        self._senses: Senses | None = None
        self._live: dict[Faults, asyncio.AbstractEventLoop] = {}
        self._refusing = False

    def __repr__(self) -> str:
        return f"StandIn(model={self.model!r})"

    def suggestions(
        self, config: LiveConfig, declarations: Sequence[Mapping[str, Any]] = ()
    ) -> tuple[str, ...]:
        """Return sentences worth trying in such a session: those first that use what it declares."""
        if self._script:
            return ()
        to = config.translation
        skills = Skills(
            search=config.google_search,
            code=config.code_execution,
            pages=config.url_context,
            silence=config.proactive_audio,
            reserved=config.proactive_audio,
            mood=config.affective_dialog,
            translation=Translation(target=to.target, echo=to.echo) if to else None,
            dictation=self.capabilities.dictates,
        )
        return self._brain().suggestions(declarations, skills)

    def expression(self) -> str | Call:
        """Return what a person would write for it; what was put into it stands there by its name."""
        given = zip(("ears", "brain", "voice", "script"), (*self._given, self._script), strict=True)
        parts: dict[str, Any] = {kind: Name(_name_of(part, kind)) for kind, part in given if part is not None}
        if self.model != rules.TUTOR:
            parts["model"] = self.model
        if self._late:
            parts["late_transcripts"] = True
        return Call("StandIn", (), parts) if parts else self.model

    def with_model(self, model: str) -> StandIn:
        """Return the same tutor, with the same memories, standing in for another model."""
        other = copy.copy(self)
        other.model = model
        other.service = _service_of(model)
        return other

    def model_path(self) -> str:
        """Return the model's name on the wire."""
        if "/" in self.model:
            return self.model
        return (
            f"publishers/google/models/{self.model}" if self.service == "vertex" else f"models/{self.model}"
        )

    async def dial(self) -> Transport:
        """Open a link in memory to a server of its own, which ends with it.

        Raises:
            ExtraMissing: If the ears or the voice are not installed.
        """
        self.prepare()
        client, server = pair()
        task = asyncio.create_task(self.serve(server), name="stand-in session")
        return _ClientEnd(client, task)

    def prepare(self) -> None:
        """Load what talking needs, so that the first session does not wait for it.

        Raises:
            ExtraMissing: If the ears or the voice are not installed.
        """
        if self._senses is not None or self._script is not None:
            return
        ears, voice = adapters.as_ears(self._given[0]), adapters.as_voice(self._given[2])
        if self._given[0] is None:
            # Ears load with the first hearing; what is missing must be said here, not in the server's task.
            ears.session(HearingSettings(), Phrases(("hello",))).close()
        if isinstance(voice, TutorVoice):
            voice.prepare()
        self._senses = Senses(
            ears=ears,
            brain=self._brain(),
            voice=voice,
            clock=self.clock,
            memories=self._memories,
            own=self._given[1] is None,
            late=self._late,
        )

    async def serve(
        self,
        transport: Transport,
        *,
        version: str = "v1beta",
        refusal: Refusal | None = None,
        grant: TokenGrant | None = None,
        by_api_key: bool = False,
        abort: Callable[[], None] | None = None,
    ) -> None:
        """Be the server of one link until it is closed.

        Args:
            transport: The server's end.
            version: The API version that the client dialled.
            refusal: Why this client may not come in; it is told after its first message, as by the service.
            grant: What the ephemeral token allows with which it came.
            by_api_key: It came to Vertex AI with an API key, which opens no project.
            abort: Breaks the link without a close frame; None where the transport itself can close with 1006.
        """
        self.prepare()
        if self._refusing:
            refusal = Refusal(1011, rules.UNAVAILABLE)
        outlet = Outlet(transport)
        door = Door(
            version=version,
            refusal=refusal,
            grant=grant,
            by_api_key=by_api_key,
            memories=self._memories,
            clock=self.clock,
            connection_ms=self._connection_ms,
        )
        faults = Faults(outlet, self.clock, abort)
        self._live[faults] = asyncio.get_running_loop()
        try:
            await ServerSession(outlet, door, self._partner).run()
        finally:
            del self._live[faults]
            await faults.close()

    def simulate(self, fault: str) -> None:
        """Let something go wrong in every session that runs; may be called from any thread.

        Args:
            fault: "goaway", "drop", "internal", "refuse", "stall" or "recover"; `standin.FAULTS` says more.

        Raises:
            UsageError: If there is no such fault; the message lists those there are.
        """
        if fault not in FAULTS:
            raise UsageError(f"There is no fault of that name; there are {', '.join(FAULTS)}.")
        self._refusing = fault == "refuse" or (self._refusing and fault != "recover")
        for faults, loop in list(self._live.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(faults.act, fault)

    def _brain(self) -> Brain:
        self._made = self._made or adapters.as_brain(self._given[1])
        return self._made

    def _partner(self, outlet: Outlet, manners: Manners, memory: Memory, setup: Setup) -> Partner:
        if self._script is not None:
            return Performance(self._script, outlet, self.clock)
        assert self._senses is not None  # `prepare` came before
        return Conversation(outlet, manners, self._senses, memory, setup)


def _service_of(model: str) -> str:
    """Return whose rules a model follows: the tutor's own, or those of the model that it stands in for."""
    if models.bare_id(model) == rules.TUTOR:
        return "standin"
    return "gemini" if models.find(model, "gemini").known else "vertex"


def _name_of(part: Any, kind: str) -> str:
    """Return the name of a function, and of anything else what it is."""
    name = getattr(part, "__name__", "")
    return name if name.isidentifier() else kind


class _ClientEnd:
    """The client's end of a link in memory: closing it waits for the server's task to end."""

    round_trip_ms: float | None = 0.0

    def __init__(self, transport: Transport, server: asyncio.Task[None]) -> None:
        self._transport = transport
        self._server = server

    async def send(self, frame: str | bytes) -> None:
        """Send one frame."""
        await self._transport.send(frame)

    async def receive(self) -> str | bytes:
        """Return the next frame."""
        return await self._transport.receive()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the link, and let the server finish."""
        await self._transport.close(code, reason)
        await asyncio.wait([self._server])
