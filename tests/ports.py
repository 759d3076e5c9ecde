"""Ports that nobody takes away: one for a server that cannot choose, and none for a kernel."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from traitlets.config import Config


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, below those that systems give to who asks for any."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def without_ports(folder: Path | str) -> Config:
    """Let a kernel be talked to by sockets in `folder`.

    Its ports would be chosen before it uses them, and other tests open and close some all the while.
    """
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/socket"}})
