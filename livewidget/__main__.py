"""`python -m livewidget` is the command `livewidget`."""

from __future__ import annotations

import sys

from livewidget.cli import main

sys.exit(main())
