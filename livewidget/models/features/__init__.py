"""The fields of a session, as data: what each is called in Python and on the wire, and who has it.

Three readers, and no second copy: `LiveConfig` checks itself with it before anything is dialled, the stand-in
refuses with it what the service would, and the widget's settings and `livewidget models` are made from it.
Source of the wire's names, ranges and defaults: the reference of `BidiGenerateContentSetup` on ai.google.dev
and docs.cloud.google.com, November 2026.
"""

from __future__ import annotations

from typing import Final

from livewidget.models.features.base import INT32, Feature, Kind, Taken
from livewidget.models.features.doing import DOING
from livewidget.models.features.hearing import HEARING
from livewidget.models.features.speaking import SPEAKING

FEATURES: Final[tuple[Feature, ...]] = (*SPEAKING, *HEARING, *DOING)
"""Every field of `LiveConfig`, in the order in which people look for them."""

BY_NAME: Final = {feature.name: feature for feature in FEATURES}
"""The same, each by its name."""


def feature(name: str) -> Feature:
    """Return the feature of this name.

    Raises:
        KeyError: If there is none.
    """
    return BY_NAME[name]


__all__ = ["BY_NAME", "FEATURES", "INT32", "Feature", "Kind", "Taken", "feature"]
