"""The Live API offline: the same wire, with no key and no network.

`StandIn` is the tutor itself, a provider like any other; `serve.Server` puts it on loopback for all clients.
`Script` and `ManualClock` make it a puppet for tests; `FAULTS` lists what `StandIn.simulate` can break.
"""

from livewidget.clock import Clock, ManualClock, SystemClock
from livewidget.standin.interfaces import Brain, Ears, Voice
from livewidget.standin.provider import StandIn
from livewidget.standin.script import Close, Script, When
from livewidget.standin.session import FAULTS

__all__ = [
    "FAULTS",
    "Brain",
    "Clock",
    "Close",
    "Ears",
    "ManualClock",
    "Script",
    "StandIn",
    "SystemClock",
    "Voice",
    "When",
]
