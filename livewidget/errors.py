"""Every exception of livewidget: one tree, split by who can fix the problem.

::

    LiveError
    ├── UsageError                 the caller: an argument or a call that cannot work; also a ValueError
    │   ├── ConfigError            a field that this model does not take, or a value out of range
    │   ├── KeyMissing             a model of the service was named and no key was found
    │   ├── ExtraMissing           an optional part is not installed
    │   ├── AudioError             audio that cannot be read or used
    │   ├── PictureError           a picture that cannot be read or used
    │   ├── ToolError              a function that cannot be a tool
    │   └── StateError             the session is not open yet, or is closed
    │       └── SendQueueFull      too much is waiting to be sent
    ├── ServiceError               the server: it closed the connection and gave a reason (`code`, `reason`)
    │   ├── SetupRefused           it does not accept this configuration
    │   ├── KeyRefused             it does not accept this key or credential
    │   ├── ModelNotFound          it does not know this model
    │   ├── QuotaExceeded          the account's quota is used up
    │   └── ServerFault            it failed, is unavailable, or sent something that cannot be read
    ├── LinkError                  the network between here and the server
    │   ├── ConnectFailed          no connection could be made
    │   ├── SetupTimeout           connected, but the server did not accept the setup in time
    │   └── LinkLost               the connection broke
    ├── AgentEnded                 somebody's agent ended the conversation
    │   └── AgentFailed            it failed (`details`: its traceback)
    └── AnswerTimeout              no answer in the given time; also a TimeoutError

Every message is one or two plain sentences: what happened, why, what to do. No message contains a key, a
token, a path or the payload of a frame.

Two exceptions that never reach a caller are not part of this tree: `TransportClosed`, which a connection
turns into one of these, and `ClientMessageError`, for which the stand-in closes the connection.
"""

from __future__ import annotations

from livewidget.text import plain

#: Most bytes of a WebSocket close reason: a control frame holds 125, two of which are the close code
#: (RFC 6455, section 5.5).
REASON_BYTES = 123


class LiveError(Exception):
    """Base of everything livewidget raises on purpose.

    In a notebook it is one line and no traceback, for its message says what to do; `%debug` opens its frames.

    Attributes:
        retry_after_s: Seconds after which the server asked to be tried again; None: it did not.
        details: What a person may want to read beside the sentence, such as the traceback of somebody else's
            program, as text without secrets; "": nothing.
    """

    retry_after_s: float | None = None
    details: str = ""

    def __str__(self) -> str:
        return plain(super().__str__())  # A server, a tool or a file name may have had a word in it.

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback; this method's name is IPython's."""
        line = 0
        step = self.__traceback__
        while step is not None:
            if step.tb_frame.f_globals.get("__name__") == "__main__":
                line = step.tb_lineno
            step = step.tb_next
        where = f" in line {line}" if line > 1 else ""
        return [f"{type(self).__name__}{where}: {self}", *getattr(self, "__notes__", ())]


class UsageError(LiveError, ValueError):
    """An argument or a call that cannot work."""


class ConfigError(UsageError):
    """A configuration field that this model does not take, or a value out of its range."""


class KeyMissing(UsageError):
    """A model of the service was named, and no key was found."""


class ExtraMissing(UsageError):
    """An optional part of livewidget is not installed."""


class AudioError(UsageError):
    """Audio that cannot be read or used."""


class PictureError(UsageError):
    """A picture that cannot be read or used."""


class ToolError(UsageError):
    """A function that cannot be offered to the model as a tool."""


class StateError(UsageError):
    """The session is not open yet, or is closed."""


class SendQueueFull(StateError):
    """More is waiting to be sent than a session keeps: the connection is gone, or too slow."""


class ServiceError(LiveError):
    """The server closed the connection and gave a reason.

    Attributes:
        code: WebSocket close code, 1000 to 4999, or HTTP status.
        reason: The server's own words, at most `REASON_BYTES` bytes; may be empty.
    """

    def __init__(self, message: str, *, code: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class SetupRefused(ServiceError):
    """The server does not accept this configuration."""


class KeyRefused(ServiceError):
    """The server does not accept this key or credential."""


class ModelNotFound(ServiceError):
    """The server does not know this model."""


class QuotaExceeded(ServiceError):
    """The account's quota is used up."""


class ServerFault(ServiceError):
    """The server failed, is unavailable, or sent something that cannot be read."""


class LinkError(LiveError):
    """The network between here and the server."""


class ConnectFailed(LinkError):
    """No connection could be made.

    Attributes:
        code: HTTP status with which the connection was refused; 0: there was none.
        reason: The server's own words about it; may be empty.
    """

    def __init__(self, message: str, *, code: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class SetupTimeout(LinkError):
    """The connection is open, but the server did not accept the setup in time."""


class LinkLost(LinkError):
    """The connection broke."""


class AgentEnded(LiveError):
    """An agent ended the conversation of itself, and in order."""


class AgentFailed(AgentEnded):
    """An agent failed: it raised an exception, or was not ready in time.

    Attributes:
        details: For whoever wrote the agent: its traceback, without secrets; may be empty.
    """

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class AnswerTimeout(LiveError, TimeoutError):
    """No answer came in the given time."""
