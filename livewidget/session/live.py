"""`LiveSession`: one talk with one model, from `start` to `close`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from livewidget.connection import Provider
from livewidget.errors import LiveError
from livewidget.events import Event, Usage
from livewidget.tools import Tool
from livewidget.turns import Floor, Turn


class LiveSession:
    """One talk with one model."""

    provider: Provider
    #: Why it ended, where it did not end because `close` was called.
    error: LiveError | None
    #: Secret: resume the talk with it in a new session.
    handle: str | None

    def __init__(
        self,
        provider: Provider,
        config: Any = None,
        *,
        tools: Sequence[Tool | Callable[..., Any] | Mapping[str, Any]] = (),
        handle: str | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None: ...

    async def start(self) -> None:
        """Open the connection and begin to listen."""

    async def close(self) -> None:
        """End the talk; twice is allowed. Awaits everything it started."""

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    @property
    def turns(self) -> list[Turn]:
        """The turns so far, oldest first; a new list each time."""
        raise NotImplementedError

    @property
    def floor(self) -> Floor:
        """Who may speak."""
        raise NotImplementedError

    @property
    def usage(self) -> Usage:
        """Token counts of the whole session."""
        raise NotImplementedError

    @property
    def audio_turn(self) -> int | None:
        """Index of the turn to which the `OutputAudio` now being delivered to sinks belongs."""
        raise NotImplementedError

    def subscribe(self, sink: Callable[[Event], object]) -> Callable[[], None]:
        """Call `sink` with every event, on the loop; returns a function that ends it."""
        raise NotImplementedError

    def on_turn(self, sink: Callable[[Turn], object]) -> Callable[[], None]:
        """Call `sink` with every new state of a turn, on the loop; returns a function that ends it."""
        raise NotImplementedError

    def __aiter__(self) -> AsyncIterator[Event]:
        """Iterate over the events."""
        raise NotImplementedError

    async def ask(self, text: str, timeout: float = 30.0) -> Turn:  # noqa: ASYNC109
        """Send text, and return the model's answer when it is complete."""
        raise NotImplementedError

    async def send_text(self, text: str) -> None:
        """Send what the user typed; the model answers."""

    async def send_audio(self, pcm: Any, sample_rate: int = 16_000) -> None:
        """Send sound from the microphone."""

    async def send_image(self, image: Any, mime_type: str | None = None) -> None:
        """Send one picture."""

    async def activity_start(self) -> None:
        """Push-to-talk: the user begins to speak."""

    async def activity_end(self) -> None:
        """Push-to-talk: the user has spoken."""

    async def end_audio(self) -> None:
        """Say that the microphone pauses: what was heard so far is all there is."""

    async def send_tool_result(self, id: str, result: Any) -> None:
        """Answer a call of a tool that was declared without a function."""

    async def interrupt(self) -> None:
        """Stop the model."""

    def heard(self, turn_index: int, sample: int) -> None:
        """Say how much of an interrupted turn was heard, in samples at 24 kHz."""
