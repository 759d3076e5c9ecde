"""Events are values: equal by what they hold, immutable, silent about sound and secrets."""

from __future__ import annotations

import copy
import inspect
import pickle

import msgspec
import pytest

from livewidget import events
from livewidget.events import Event

EVENTS = tuple(Event.__subclasses__())
VALUES: dict[str, object] = {
    "str": "x",
    "bytes": b"\x01\x02",
    "int": 1,
    "bool": True,
    "float": 1.0,
    "tuple[str, ...]": ("a",),
    "Mapping[str, Any]": {"a": 1},
}
#: Fields that hold one of a few words.
WORDS: dict[str, object] = {"level": "info", "why": "link"}


def example(cls: type) -> Event:
    """One of `cls`, with every required field set."""
    values = {
        info.name: WORDS.get(info.name) or VALUES[str(cls.__annotations__[info.name])]
        for info in msgspec.structs.fields(cls)
        if info.required
    }
    return cls(**values)  # type: ignore[no-any-return]


def test_every_public_class_is_an_event() -> None:
    public = {
        cls
        for name, cls in vars(events).items()
        if inspect.isclass(cls) and cls.__module__ == events.__name__ and not name.startswith("_")
    }
    assert public == {Event, *EVENTS}


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.__name__)
def test_events_are_values(cls: type) -> None:
    event = example(cls)
    assert event == example(cls)
    assert copy.copy(event) == event
    assert pickle.loads(pickle.dumps(event)) == event
    assert cls.__doc__
    for name in event.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(event, name, None)
    with pytest.raises(TypeError):
        cls("by position")


def test_repr_shows_values_but_neither_sound_nor_secrets() -> None:
    assert (
        repr(events.OutputTranscript(text="hi"))
        == "OutputTranscript(text='hi', finished=False, language=None)"
    )
    assert repr(events.OutputAudio(data=b"ABAB")) == "OutputAudio(sample_rate=24000, samples=2, peak=None)"
    assert repr(events.OutputMedia(data=b"AB", mime_type="video/mp4")) == "OutputMedia(mime_type='video/mp4')"
    assert "secret" not in repr(events.ResumptionUpdate(handle="secret", resumable=True))


def test_events_match_by_name() -> None:
    match events.TurnComplete(reason="RESPONSE_REJECTED"):
        case events.TurnComplete(reason=str(reason)):
            assert reason == "RESPONSE_REJECTED"
        case _:
            pytest.fail("no match")
