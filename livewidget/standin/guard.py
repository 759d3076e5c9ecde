"""Who may talk to the stand-in's port: decided from one HTTP request, before a session exists.

A page of any web site can reach a port on loopback: by its address, or by a name of its own that resolves to
it (DNS rebinding). Browsers tell in `Host` and `Origin` what they do; both are compared whole, never by a
prefix, suffix or pattern. Clients that are not browsers send no `Origin`, and may pass.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

NAMES = ("127.0.0.1", "localhost")

# The Gemini API, Vertex AI and Firebase, each as its SDKs dial it; JavaScript's puts a second slash in front.
# Group 1 is the version. A bare "/" is a Vertex AI client with a gateway for its base URL.
_PATH = re.compile(
    r"/ws/google\."
    r"(?:ai\.generativelanguage|cloud\.aiplatform|firebase\.vertexai)"
    r"\.(v1(?:alpha|beta)?\d*)\."
    r"(?:GenerativeService[./]BidiGenerateContent(?:Constrained)?"
    r"|LlmBidiService/BidiGenerateContent(?:/locations/[a-z0-9-]+)?)"
)
_TOKENS = re.compile(r"/v1(?:alpha|beta)/auth_tokens")


class Headers(Protocol):
    """Headers of a request, where a name may occur more than once."""

    def get_all(self, name: str) -> Sequence[str]:
        """Every value given for `name`, in any spelling of its case."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An HTTP status, and one sentence for the person who reads it."""

    status: int
    why: str


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one port.

    Attributes:
        port: The port that is listened on.
        secure: Whether it speaks TLS.
        origins: Origins allowed beyond the port's own, whole: `http://localhost:3000`.
    """

    port: int
    secure: bool
    origins: tuple[str, ...] = ()

    def check(self, path: str, headers: Headers) -> Refused | None:
        """Return why this opening request may not pass, or None."""
        refused = self.check_caller(headers)
        if refused is None and version(path) is None:
            refused = Refused(404, "There is no Live API at this path.")
        return refused

    def check_caller(self, headers: Headers) -> Refused | None:
        """Return why no request with these headers may pass, whatever its path; or None."""
        hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
        if len(hosts) != 1 or hosts[0] not in self._hosts():
            return Refused(403, "This server answers to its own address on this computer only.")
        if len(origins) > 1 or (origins and origins[0] not in self._origins()):
            return Refused(403, "Pages of other origins may not use this server.")
        return None

    def _hosts(self) -> set[str]:
        hosts = {f"{name}:{self.port}" for name in NAMES}
        return hosts | set(NAMES) if self.port == (443 if self.secure else 80) else hosts

    def _origins(self) -> set[str]:
        scheme = "https" if self.secure else "http"
        return {f"{scheme}://{host}" for host in self._hosts()} | set(self.origins)


def version(path: str) -> str | None:
    """Return the API version a request's path asks for ("v1beta"), or None where no Live API is meant."""
    plain = "/" + path.split("?", 1)[0].lstrip("/")
    if plain == "/":
        return "v1beta1"
    found = _PATH.fullmatch(plain)
    return found[1] if found else None


def mints(path: str) -> bool:
    """Tell whether a POST to `path` asks for an ephemeral token."""
    return _TOKENS.fullmatch("/" + path.split("?", 1)[0].lstrip("/")) is not None


def constrained(path: str) -> bool:
    """Tell whether a request's path is that of connections with an ephemeral token."""
    return path.split("?", 1)[0].endswith("BidiGenerateContentConstrained")


def of_vertex(path: str) -> bool:
    """Tell whether a request's path is Vertex AI's, which refuses a wrong credential before any WebSocket."""
    plain = "/" + path.split("?", 1)[0].lstrip("/")
    return plain == "/" or "aiplatform" in plain


def by_api_key(path: str, headers: Headers) -> bool:
    """Tell whether a request comes with an API key and no other credential."""
    return bool(credentials(path, headers)) and not headers.get_all("Authorization")


def has_key(path: str, headers: Headers, key: str) -> bool:
    """Tell whether a request carries `key`, in any of the places where clients put it; in constant time."""
    right = [hmac.compare_digest(_bytes(one), _bytes(key)) for one in credentials(path, headers)]
    return any(right)


def credentials(path: str, headers: Headers) -> list[str]:
    """Return every key and token that a request carries, in any of the places where clients put them."""
    query = parse_qs(urlsplit("/" + path.lstrip("/")).query)
    given = [*headers.get_all("x-goog-api-key"), *query.get("key", ()), *query.get("access_token", ())]
    for authorization in headers.get_all("Authorization"):
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() in ("bearer", "token"):
            given.append(token.strip())
    return given


def _bytes(text: str) -> bytes:
    # What is no ASCII in a header arrives as surrogates.
    return text.encode(errors="surrogateescape")
