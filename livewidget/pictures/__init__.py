"""Pictures: whatever can be shown, as the JPEG that a model is sent; how often; what it costs. No devices.

Pillow, Matplotlib and NumPy are imported when something is converted, pandas never: what is given is looked
up among the modules that are loaded already.
"""

from __future__ import annotations

from livewidget.pictures.gate import CHANGE, INTERVAL_MS, KEY_MS, Gate, Verdict
from livewidget.pictures.picture import MAX_SIDE, QUALITY, Picture, tokens_of
from livewidget.pictures.show import to_picture

__all__ = [
    "CHANGE",
    "INTERVAL_MS",
    "KEY_MS",
    "MAX_SIDE",
    "QUALITY",
    "Gate",
    "Picture",
    "Verdict",
    "to_picture",
    "tokens_of",
]
