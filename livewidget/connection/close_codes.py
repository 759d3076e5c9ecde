"""Why a connection ended: close codes and reasons of the service, as a table of errors in plain words.

The reasons are those of the Live API as its users report them. A close frame carries at most 123 bytes of a
reason (RFC 6455, section 5.5), so that long ones are cut off.
"""

from __future__ import annotations

import re
from typing import Final

from livewidget.errors import (
    KeyRefused,
    LinkError,
    LinkLost,
    ModelNotFound,
    QuotaExceeded,
    ServerFault,
    ServiceError,
    SetupRefused,
)
from livewidget.models import suggest
from livewidget.protocol.inspect import redact

#: Longest reason that is quoted, in characters. Chosen: longer than any close frame's, two lines of a card.
REASON_LENGTH: Final = 160
_QUOTA: Final = "The quota of this account is used up; wait, or check plan and billing."

#: How the service says that a quota is used up: as text, as the name of a gRPC or Python status
#: (RESOURCE_EXHAUSTED, ResourceExhausted), or as an HTTP status. A bare 429 may be a count of anything.
QUOTA_WORDS: Final = re.compile(
    r"quota(?! project)|resources?[ _-]?(has |have )?(been )?exhausted"
    r"|too[ _-]?many[ _-]?requests|rate[ _-]?limit|(^|http|status|code|error)[ :=/(\[]*429\b",
    re.IGNORECASE,
)

#: The first words that are in the reason, in upper or lower case, decide. The sentence may contain `{model}`,
#: `{reason}` and `{hint}`.
REASONS: Final[dict[str, tuple[type[ServiceError], str]]] = {
    "api key not valid": (
        KeyRefused,
        "The service does not accept this key; copy it again from aistudio.google.com/apikey.",
    ),
    "api key expired": (KeyRefused, "This key has expired; make a new one at aistudio.google.com/apikey."),
    "reported as leaked": (
        KeyRefused,
        "This key was reported as leaked and is blocked; make a new one and keep it out of notebooks.",
    ),
    "api keys are not supported": (
        KeyRefused,
        "Vertex AI takes no API key here; run gcloud auth application-default login.",
    ),
    "unregistered callers": (
        KeyRefused,
        "The service was called without a key; set GEMINI_API_KEY or pass api_key=…",
    ),
    "token has expired": (
        KeyRefused,
        "The time of this ephemeral token is over; make a new one, with a longer expires_s if need be.",
    ),
    "start a new session": (
        KeyRefused,
        "This ephemeral token opens no new session any more; make a new one and connect soon after, or "
        "give it a longer new_session_s.",
    ),
    "used too many times": (
        KeyRefused,
        "This ephemeral token has opened all the sessions it may; make a new one, with more uses, or pass a "
        "function as token=…, which gives one for each connection.",
    ),
    **dict.fromkeys(
        # Not the bare word, which stands in the refusals of web servers as well.
        ("permission denied", "permission_denied", "not have permission", "permission '"),
        (KeyRefused, "This key or credential may not use the model {model}; check its permissions."),
    ),
    "invalid authentication credentials": (
        KeyRefused,
        "The service does not accept this credential; sign in again, or copy the key again.",
    ),
    "has not been used in project": (
        KeyRefused,
        "The API is not enabled in the project of this key; enable it at console.cloud.google.com, and wait "
        "a few minutes.",
    ),
    **dict.fromkeys(
        ("address restriction", "from referer", "are blocked"),
        (
            KeyRefused,
            "This key is restricted, and may not be used from here or for this; check its restrictions at "
            "console.cloud.google.com/apis/credentials.",
        ),
    ),
    "billing to be enabled": (
        SetupRefused,
        "The service needs billing for this; check the billing of the project.",
    ),
    "user location is not supported": (
        SetupRefused,
        "The Gemini API is not offered where you are; Vertex AI may be, in a location that you choose.",
    ),
    "precondition check failed": (
        SetupRefused,
        "The service will not open a session for this account now; check its billing and its quota.",
    ),
    "cannot find field": (
        SetupRefused,
        "The service does not know a field of the configuration; leave it out: {reason}",
    ),
    "explicit activity control": (
        SetupRefused,
        'Start and end of speech can be sent only with turn_detection="push_to_talk".',
    ),
    "thinking level must be specified": (
        SetupRefused,
        '{model} has to be told how much to think: give a level, such as thinking="low".',
    ),
    "thinking level": (
        SetupRefused,
        "{model} does not take this thinking; choose another level or leave it out: {reason}",
    ),
    "non_blocking function calls": (
        SetupRefused,
        "{model} waits for each of its tools: declare none as NON_BLOCKING, and let none yield several "
        "results.",
    ),
    "blocking function calls": (
        SetupRefused,
        "{model} does not take tools that block; declare them as NON_BLOCKING: {reason}",
    ),
    "response modalities": (
        SetupRefused,
        "{model} does not answer in this modality; choose another: {reason}",
    ),
    "content_type_audio": (
        SetupRefused,
        "{model} takes no audio with this configuration; leave settings out: {reason}",
    ),
    "session not found": (SetupRefused, "The session to resume is not there any more; start a new one."),
    "is not found": (ModelNotFound, "The service does not know the model {model}.{hint}"),
    "was not found": (
        ModelNotFound,
        "The service does not know the model {model}, or not in this location.{hint}",
    ),
    "publisher model": (ModelNotFound, "This project has no access to the model {model}.{hint}"),
    "exceeds the maximum number of tokens": (
        SetupRefused,
        "The talk has filled the context of {model}; start again, with compression=True for a long talk.",
    ),
    "invalid argument": (
        SetupRefused,
        "The service does not accept something in this session for {model} and does not say what; "
        "leave settings out, one after the other.",
    ),
    "operation is not implemented": (
        ServerFault,
        "The service broke the session off, as it does at times around tool calls; start again.",
    ),
    "deadline expired": (
        ServerFault,
        "The session has reached the longest time the service allows; start again.",
    ),
    "operation was cancelled": (
        ServerFault,
        "The service ended the session, as it does when the context is full or nothing is said for long; "
        "start again, with compression=True for a long talk.",
    ),
    "unavailable": (ServerFault, "The service is not available now; try again in a while."),
    "internal error": (ServerFault, "The service failed with a fault of its own; start again."),
}

#: What these reasons mean once the model has answered: then the setup was accepted, so that neither the model
#: nor the settings are at fault. Those not named here are quoted. A key can be refused at any time.
TALK_REASONS: Final = {
    "exceeds the maximum number of tokens": (
        "The conversation has filled the context of {model}; start again, with compression=True for a long "
        "one."
    ),
    "invalid argument": (
        "The service ended the connection over something in this conversation and does not say what; "
        "start again."
    ),
    "explicit activity control": (
        "The service found the start or end of speech sent though it detects them itself: choose "
        'turn_detection="push_to_talk".'
    ),
    "session not found": "The service has forgotten this conversation; start a new one.",
    **{words: text for words, (error, text) in REASONS.items() if error is ServerFault},
}

#: What some of these reasons mean if the session was opened with an ephemeral token.
_NO_TOKEN: Final = (
    "The service does not accept this ephemeral token: it is unknown or misspelt; make a new one and pass it "
    "whole, as token=…"
)
TOKEN_REASONS: Final = {"unregistered callers": _NO_TOKEN, "api key not valid": _NO_TOKEN}

#: What these reasons mean where a token was got for one connection alone. One that is over is not to be
#: blamed on the user, and another connection has another.
_NOT_ACCEPTED: Final = (
    KeyRefused,
    "The service does not accept the token of this connection; check that the same service made it, with a "
    "key that is still valid.",
)
OWN_TOKEN_REASONS: Final[dict[str, tuple[type[ServiceError], str]]] = {
    "token has expired": (ServerFault, "The time of this connection's token was over; start again."),
    "start a new session": (
        ServerFault,
        "This connection was opened too late for its token, which lasts a minute; check the network, then "
        "start again.",
    ),
    "used too many times": (
        ServerFault,
        "The token of this connection had been used already; start again.",
    ),
    "unregistered callers": _NOT_ACCEPTED,
    "api key not valid": _NOT_ACCEPTED,
}

#: Reasons given by this side, with code 1006: the server gave none.
LOST: Final = {
    "keepalive ping timeout": "The server did not answer for a minute; check the network, then start again.",
    "limit": "The server sent a message that is larger than any should be; start again.",
}

#: Errors by close code, for reasons not in `REASONS`. `{quoted}` is the reason in quotation marks, if any.
CODES: Final[dict[int, tuple[type[ServiceError], str]]] = {
    1000: (ServerFault, "The server ended the session; start again.{quoted}"),
    1001: (ServerFault, "The server goes down and ended the session; start again in a while.{quoted}"),
    1002: (ServerFault, "The server did not keep to the WebSocket protocol; start again.{quoted}"),
    1007: (SetupRefused, "The server does not accept what was sent; leave settings out one by one.{quoted}"),
    1008: (SetupRefused, "The server refused the session; check model, key and settings.{quoted}"),
    1009: (SetupRefused, "The server does not take a message of this size; send less at once.{quoted}"),
    1011: (ServerFault, "The server failed; start again.{quoted}"),
    1013: (ServerFault, "The server has too much to do; start again in a while.{quoted}"),
}
#: The same once the model has answered.
TALK_CODES: Final = {
    1007: "The server ended the connection over something that was sent; start again.{quoted}",
    1008: "The server ended the connection by a rule of its own; start again.{quoted}",
    1009: "The server does not take a message of this size; send less at once.{quoted}",
}


def error_for_close(
    code: int,
    reason: str,
    *,
    label: str,
    model: str,
    service: str | None = None,
    uses_token: bool = False,
    answered: bool = False,
) -> ServiceError | LinkError:
    """Return the error for a connection that ended.

    Before the model has answered, a close may be a refusal of the setup. After that it is a `ServerFault`,
    unless the key or the quota is at fault.

    Args:
        code: WebSocket close code; 1006: the connection broke.
        reason: The server's words, or this side's for 1006; free of secrets.
        label: Name of the provider, for people.
        model: The model's id.
        service: Whose models to search for one with a similar name.
        uses_token: Whether the session was opened with an ephemeral token.
        answered: Whether the model has answered in this conversation.
    """
    reason = clean_reason(reason)
    if code == 1006:
        for words, sentence in LOST.items():
            if words in reason:
                return LinkLost(sentence)
        return LinkLost(f"The connection to {label} broke; check the network, then start again.")
    known = error_for_reason(reason, code=code, model=model, service=service, uses_token=uses_token)
    if isinstance(known, KeyRefused | QuotaExceeded) or (known is not None and not answered):
        return known
    quoted = f' It said: "{reason}"' if reason else ""
    error, sentence = CODES.get(
        code, (ServerFault, f"The server closed the session with code {code}; start again.{{quoted}}")
    )
    if answered:
        error, lower = ServerFault, reason.lower()
        texts = (text.format(model=model) for words, text in TALK_REASONS.items() if words in lower)
        sentence = next(texts, TALK_CODES.get(code, sentence))
    return error(sentence.replace("{quoted}", quoted), code=code, reason=reason)


def error_for_reason(
    reason: str, *, code: int, model: str, service: str | None = None, uses_token: bool = False
) -> ServiceError | None:
    """Return the error for a reason that the service is known to give, or None.

    Arguments are those of `error_for_close`, with `reason` as `clean_reason` returns it; `code` may be an
    HTTP status.
    """
    lower = reason.lower()
    # Before all others: what is exhausted may be named with words that mean something else there.
    if QUOTA_WORDS.search(reason):
        return QuotaExceeded(_QUOTA, code=code, reason=reason)
    for words, (error, sentence) in REASONS.items():
        if words in lower:
            sentence = TOKEN_REASONS.get(words, sentence) if uses_token else sentence
            near = suggest(model, service) if "{hint}" in sentence else None
            hint = (
                f" Did you mean {near}?" if near and near != model else " Check its name and the API version."
            )
            text = sentence.format(model=model, reason=reason, hint=hint)
            return error(text, code=code, reason=reason)
    return None


def error_for_own_token(error: ServiceError) -> ServiceError:
    """Return `error` in words for a token that was got for one connection alone, or another one as it is."""
    lower = error.reason.lower()
    for words, (kind, sentence) in OWN_TOKEN_REASONS.items():
        if words in lower:
            return kind(sentence, code=error.code, reason=error.reason)
    return error


def clean_reason(reason: str) -> str:
    """Return a server's words as one line of at most `REASON_LENGTH` characters, without secrets."""
    line = " ".join("".join(char if char.isprintable() else " " for char in reason).split())
    return redact(line, long_words=True)[:REASON_LENGTH]
