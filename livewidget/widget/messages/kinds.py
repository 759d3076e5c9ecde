"""Types that messages in both directions use."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

Lane = Literal["control", "speaker", "microphone", "camera", "insight"]
Phase = Literal["idle", "connecting", "live", "ended"]
TurnTakingMode = Literal["automatic", "push_to_talk"]

Count = Annotated[int, Meta(ge=0, le=2**53)]
Milliseconds = Annotated[float, Meta(ge=0, le=2**53)]
ClientId = Annotated[str, Meta(min_length=1, max_length=64)]
Typed = Annotated[str, Meta(max_length=100_000)]
Detail = Annotated[str, Meta(max_length=500)]
Name = Annotated[str, Meta(max_length=200)]
View = Literal["talk", "translation", "dictation"]
PictureSource = Literal["camera", "screen", "file", "python"]
