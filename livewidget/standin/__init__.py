"""The Live API offline: the same wire, with no key and no network.

`StandIn` is a provider like any other; `serve.Server` serves it on loopback to all clients. `Script` and
`ManualClock` make it deterministic for tests; `FAULTS` lists what `StandIn.simulate` can do.
"""

from livewidget.clock import Clock, ManualClock, SystemClock
from livewidget.standin.interfaces import Responder, SpeechToText, TextToSpeech
from livewidget.standin.link import FAULTS
from livewidget.standin.provider import StandIn
from livewidget.standin.script import Close, Script, When

__all__ = [
    "FAULTS",
    "Clock",
    "Close",
    "ManualClock",
    "Responder",
    "Script",
    "SpeechToText",
    "StandIn",
    "SystemClock",
    "TextToSpeech",
    "When",
]
