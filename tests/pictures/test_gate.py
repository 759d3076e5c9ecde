"""One frame a second, and only what is new."""

import numpy as np
import pytest

from livewidget.errors import PictureError
from livewidget.pictures import Gate, Verdict, to_picture

from .made import halves

ROOM = np.random.default_rng(5).normal(128, 30, (48, 64)).repeat(10, 0).repeat(10, 1).clip(0, 255)


def frame(array):
    return to_picture(array.clip(0, 255).astype("uint8"))


def with_box(size, level=255):
    array = ROOM.copy()
    array[100 : 100 + size, 200 : 200 + size] = level
    return frame(array)


def test_the_first_frame_passes_and_an_unchanged_one_does_not():
    gate = Gate()
    assert gate.look(frame(ROOM), 0) == Verdict(True, "first")
    assert gate.look(frame(ROOM), 1000) == Verdict(False, "unchanged", 0.0)


def test_a_second_is_a_second():
    gate = Gate()
    gate.look(frame(ROOM), 0)
    assert gate.look(frame(255 - ROOM), 999) == Verdict(False, "soon")
    assert gate.look(frame(255 - ROOM), 1000).why == "changed"
    assert gate.look(frame(ROOM), 1999).why == "soon"


def test_noise_is_no_change():
    gate, rng = Gate(), np.random.default_rng(6)
    gate.look(frame(ROOM), 0)
    for second in range(1, 9):
        verdict = gate.look(frame(ROOM + rng.normal(0, 8, ROOM.shape)), second * 1000)
        assert (verdict.sends, verdict.why) == (False, "unchanged")
        assert 0 < verdict.difference < 1


def test_something_small_is_a_change_and_something_tiny_is_not():
    gate = Gate()
    gate.look(frame(ROOM), 0)
    assert gate.look(with_box(4), 1000).why == "unchanged"
    assert gate.look(with_box(40), 2000).why == "changed"


def test_slow_changes_add_up_to_one():
    gate = Gate(key_ms=float("inf"))
    gate.look(frame(ROOM), 0)
    told = [gate.look(frame(ROOM + second * 0.6), second * 1000).why for second in range(1, 8)]
    assert "changed" in told
    assert told[0] == "unchanged"


def test_a_frame_that_stays_the_same_is_sent_again_after_ten_seconds():
    gate = Gate()
    told = [gate.look(frame(ROOM), second * 1000).why for second in range(21)]
    assert [second for second, why in enumerate(told) if why != "unchanged"] == [0, 10, 20]
    assert told[10] == "key"


def test_after_a_reset_the_next_is_a_first_one_but_not_sooner():
    gate = Gate()
    gate.look(frame(ROOM), 0)
    gate.reset()
    assert gate.look(frame(ROOM), 500).why == "soon"
    assert gate.look(frame(ROOM).data, 1000).why == "first"


def test_the_size_of_a_frame_does_not_matter():
    gate = Gate()
    gate.look(to_picture(halves(640, 480)), 0)
    assert gate.look(to_picture(halves(320, 240)), 1000).why == "unchanged"


def test_what_is_no_picture_is_refused_and_forgotten():
    gate = Gate()
    with pytest.raises(PictureError):
        gate.look(b"not a picture", 0)
    assert gate.look(frame(ROOM), 0).why == "first"
