"""What the address of a server says, before anything is dialled."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from livewidget.errors import ConfigError


def check(url: str) -> tuple[str, bool]:
    """Return the host with its port as a person reads it, and whether the link is encrypted.

    Raises:
        ConfigError: If it is no address of a server, or would send a key over a network in the clear.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("ws", "wss") or not host:
        raise ConfigError(
            "The address of a Live API server begins with wss:// and a host, or with ws://127.0.0.1."
        )
    if parts.username or parts.password:
        raise ConfigError("The address of the server must not hold a name or a password.")
    name = f"[{host}]" if ":" in host else host
    at = f"{name}:{port}" if port else name
    if parts.scheme == "ws" and not _is_loopback_host(host):
        raise ConfigError(
            f"ws:// to {at} would send your key and your voice unencrypted over the network; "
            "use wss://, or ws:// to this computer (127.0.0.1) only."
        )
    return at, parts.scheme == "wss"


def is_loopback(url: str) -> bool:
    """Whether `url` leads to this computer."""
    return _is_loopback_host(urlsplit(url).hostname or "")


def _is_loopback_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
