"""A stand-in whose wire is looked at: what the client sent, and when."""

import json
import time
from base64 import b64decode

from livewidget import StandIn


class Watched(StandIn):
    """Writes down every message that comes in, as (seconds, message)."""

    def __init__(self, **options):
        super().__init__(**options)
        self.received = []

    async def dial(self):
        transport = await super().dial()
        send = transport.send

        async def watched(frame):
            self.received.append((time.monotonic(), json.loads(frame)))
            await send(frame)

        transport.send = watched
        return transport

    def inputs(self):
        """What was shown and typed, in order: bytes of pictures, and texts."""
        found = []
        for _, message in list(self.received):
            live, typed = message.get("realtimeInput", {}), message.get("clientContent", {})
            if "video" in live:
                found.append(b64decode(live["video"]["data"]))
            found += [part["text"] for turn in typed.get("turns", []) for part in turn["parts"]]
            found += [live["text"]] if "text" in live else []
        return found

    def picture_times(self):
        return [at for at, message in list(self.received) if "video" in message.get("realtimeInput", {})]
