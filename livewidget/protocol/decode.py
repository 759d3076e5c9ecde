"""Frames to messages and events: the service reads by `decode_client`, a client by `ServerDecoder`.

Both try the typed decoder first, which takes camelCase, standard base64 and no surprises: nearly every real
frame of the service. Only where that fails is the frame decoded into plain objects and walked by a `Reader`.
"""

from __future__ import annotations

import msgspec

from livewidget.events import Event, Malformed
from livewidget.protocol.client import ClientMessage
from livewidget.protocol.dispatch import UNKNOWN_PATHS, Dispatcher
from livewidget.protocol.server import ServerMessage
from livewidget.protocol.spelling import Reader, snake

_client_decoder = msgspec.json.Decoder(ClientMessage)
_server_decoder = msgspec.json.Decoder(ServerMessage)
_any_decoder = msgspec.json.Decoder()

_REASON_BYTES = 123
"""The most that a WebSocket close frame can carry as its reason."""

# ValueError: bad UTF-8 and lone surrogates. RecursionError: nesting deeper than the decoder goes.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


class ClientMessageError(ValueError):
    """A client's frame that the service would close the connection for, with code 1007.

    Attributes:
        reason: The service's own words, at most 123 bytes of UTF-8.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason.encode("utf-8", "replace")[:_REASON_BYTES].decode("utf-8", "ignore")
        super().__init__(self.reason)


def decode_client(frame: str | bytes) -> ClientMessage:
    """Read a client's frame as the service does: lenient about spelling, strict about names.

    Args:
        frame: JSON, from a text or a binary frame.

    Raises:
        ClientMessageError: If the service would refuse it.
    """
    try:
        message = _client_decoder.decode(frame)
    except _UNREADABLE:
        message = _read_client(frame)
    if message.realtime_input is None and message.client_content is None:
        # What comes once or rarely is read with all care: words of enums, keywords of schemas, `Setup.extra`.
        message = _read_client(frame)
    _check_oneof(message)
    return message


def _read_client(frame: str | bytes) -> ClientMessage:
    try:
        value = _any_decoder.decode(frame)
    except _UNREADABLE:
        raise ClientMessageError("Invalid JSON payload received. Unexpected token.") from None
    if type(value) is not dict:
        raise ClientMessageError(
            'Invalid JSON payload received. Unknown name "": Root element must be a message.'
        )
    try:
        message = StrictReader().read(ClientMessage, value)
    except RecursionError:
        raise ClientMessageError("Invalid JSON payload received. Nesting is too deep.") from None
    assert message is not None  # The strict reader raises instead.
    return message


def _check_oneof(message: ClientMessage) -> None:
    names = [name for name in message.__struct_fields__ if getattr(message, name) is not None]
    if not names:
        raise ClientMessageError("Request contains an invalid argument.")
    if len(names) > 1:
        raise ClientMessageError(
            f"Invalid value (oneof), oneof field 'message_type' is already set. Cannot set '{names[1]}'"
        )


class StrictReader(Reader):
    """Refuses, in the service's words, whatever the service would refuse."""

    def unknown(self, path: tuple[str | int, ...], name: str) -> None:
        """Refuse; see `Reader`."""
        place = f" at '{_place(path)}'" if path else ""
        raise ClientMessageError(
            f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.'
        )

    def wrong(self, path: tuple[str | int, ...], expected: str) -> None:
        """Refuse; see `Reader`."""
        if expected == "required":
            raise ClientMessageError("Request contains an invalid argument.")
        raise ClientMessageError(f"Invalid value at '{_place(path)}' ({expected})")

    def no_choice(self, path: tuple[str | int, ...], word: str) -> None:
        """Refuse; see `Reader`."""
        raise ClientMessageError(f"Invalid value at '{_place(path)}' (TYPE_ENUM), \"{word}\"")


def _place(path: tuple[str | int, ...]) -> str:
    """`setup.tools[0].function_declarations[0]`, as the service writes it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{snake(step)}"
    return text.lstrip(".")


class ServerDecoder:
    """Reads one connection's frames from the server, in order; one decoder for one connection.

    It remembers which unknown names it has reported, and the odd byte of an audio chunk of odd length, which
    is put before the next chunk of the same turn (half a sample would turn all that follows into noise) and
    dropped when the turn ends.
    """

    def __init__(self) -> None:
        self._dispatcher = Dispatcher()

    def decode(self, frame: str | bytes) -> list[Event]:
        """Return what `frame` says, in a fixed order. Never raises, whatever the frame.

        A name this version does not know is left out and told as `Unknown`, once for each path. A field of
        the wrong type is left out and told as `Malformed`; the rest of the frame counts. A frame that is no
        JSON object is one `Malformed`.
        """
        try:
            message = _server_decoder.decode(frame)
        except _UNREADABLE:
            return self._decode_slowly(frame)
        return self._dispatcher.events(message)

    def _decode_slowly(self, frame: str | bytes) -> list[Event]:
        size = len(frame)
        reader = _LenientReader()
        try:
            value = _any_decoder.decode(frame)
            if type(value) is not dict:
                return [Malformed(problem="the frame is not a JSON object", size=size)]
            message = reader.read(ServerMessage, value)
        except RecursionError:
            return [Malformed(problem="the frame is nested too deep", size=size)]
        except _UNREADABLE:
            return [Malformed(problem="the frame is not JSON", size=size)]
        events = self._dispatcher.events(message) if message is not None else []
        for path in reader.unknown_paths:
            self._dispatcher.unknown(path, events)
        events.extend(
            Malformed(problem=f"{path} is not of the expected type", size=size) for path in reader.wrong_paths
        )
        return events


_PATH_LENGTH = 200
_PROBLEMS = 8
"""How many wrong fields of one frame are told."""


class _LenientReader(Reader):
    """Leaves out what it cannot use and remembers where."""

    def __init__(self) -> None:
        self.unknown_paths: dict[str, None] = {}
        self.wrong_paths: dict[str, None] = {}

    def unknown(self, path: tuple[str | int, ...], name: str) -> None:
        if len(self.unknown_paths) < UNKNOWN_PATHS:
            self.unknown_paths[_general(path, name)] = None

    def wrong(self, path: tuple[str | int, ...], expected: str) -> None:
        if len(self.wrong_paths) < _PROBLEMS:
            self.wrong_paths[_general(path)] = None


def _general(path: tuple[str | int, ...], name: str = "") -> str:
    """`serverContent.modelTurn.parts[].text`: the same for every index, so that it is told once."""
    text = ""
    for step in (*path, name) if name else path:
        text += "[]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")[:_PATH_LENGTH]
