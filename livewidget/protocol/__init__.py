"""The wire of the Live API, without I/O, for both ends: JSON text to messages and events, and back.

`messages` has the wire's objects as structs, `codec` turns them into frames and events, `lenient` reads every
accepted spelling, `setup` makes the first frame of a connection, `inspect` summarizes frames for people.
"""

from livewidget.protocol.codec import (
    ClientMessageError,
    ServerDecoder,
    audio_message,
    decode_client,
    encode_client,
    encode_server,
)
from livewidget.protocol.setup import context_message, read_declaration, realtime_input, setup_message

__all__ = [
    "ClientMessageError",
    "ServerDecoder",
    "audio_message",
    "context_message",
    "decode_client",
    "encode_client",
    "encode_server",
    "read_declaration",
    "realtime_input",
    "setup_message",
]
