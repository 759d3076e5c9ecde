"""Images as the JPEGs that are sent to a model, and what they cost in tokens. No devices.

Pillow, Matplotlib and NumPy are imported when something is converted. pandas never is: objects are compared
with the classes of modules that are already imported.
"""

from __future__ import annotations

from livewidget.pictures.picture import INTERVAL_MS, MAX_SIDE, QUALITY, Picture, tokens_of
from livewidget.pictures.show import to_picture

__all__ = [
    "INTERVAL_MS",
    "MAX_SIDE",
    "QUALITY",
    "Picture",
    "to_picture",
    "tokens_of",
]
