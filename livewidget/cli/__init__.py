"""The command line: `livewidget ask | demo | doctor | models | serve | talk`."""

from __future__ import annotations

from livewidget.cli.main import main

__all__ = ["main"]
