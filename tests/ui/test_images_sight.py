"""One picture a second: those that were shown on purpose in their order, then the newest frame if it is new."""

import numpy as np
import pytest

from livewidget.pictures import Picture, to_picture
from livewidget.ui.images import MOST_WAITING, Shown, Sight


def picture(level):
    return to_picture(np.full((20, 20), level, np.uint8))


DARK, BRIGHT = picture(10), picture(240)


def frame(image=DARK, number=1):
    return Shown(image, "camera", number)


def shown(number=0, text="", image=DARK):
    return Shown(image, "python", number, text)


class Quick(Sight):
    """A sight whose pictures leave at once."""

    def due(self, now_ms):
        outcomes = super().due(now_ms)
        if any(one.sends and one.shown.picture for one in outcomes):
            self.sent(now_ms)
        return outcomes


def told(outcomes):
    return [(one.shown.number, one.sends, one.reason) for one in outcomes]


def test_frames_pass_once_a_second_and_only_the_newest():
    sight = Quick()
    sight.frame(frame(DARK, 1))
    assert told(sight.due(0)) == [(1, True, "first")]
    sight.frame(frame(BRIGHT, 2))
    sight.frame(frame(BRIGHT, 3))
    assert told(sight.due(900)) == [(2, False, "replaced")]
    assert told(sight.due(1000)) == [(3, True, "changed")]
    assert sight.due(5000) == []


def test_a_frame_that_shows_nothing_new_is_not_sent_and_the_next_need_not_wait():
    sight = Quick()
    sight.frame(frame(DARK, 1))
    sight.due(0)
    sight.frame(frame(DARK, 2))
    assert told(sight.due(1000)) == [(2, False, "unchanged")]
    sight.frame(frame(BRIGHT, 3))
    assert told(sight.due(1050)) == [(3, True, "changed")]
    sight.frame(frame(BRIGHT, 4))
    assert told(sight.due(10_050)) == [(4, True, "key")]


def test_what_is_shown_on_purpose_is_all_sent_in_its_order_with_its_text():
    sight = Quick()
    for number in (1, 2, 3):
        assert sight.show(shown(number, text=f"what is {number}"))
    assert sight.show(Shown(None, "python", text="and then"))
    assert told(sight.due(0)) == [(1, True, "shown")]
    assert sight.due(999) == []
    assert told(sight.due(1000)) == [(2, True, "shown")]
    last = sight.due(2000)
    assert [one.shown.text for one in last] == ["what is 3", "and then"]
    assert sight.waiting == 0


def test_what_is_shown_on_purpose_goes_before_frames_and_shares_their_second():
    sight = Quick()
    sight.frame(frame(DARK, 1))
    sight.show(shown(7))
    assert told(sight.due(0)) == [(7, True, "shown")]
    assert sight.due(500) == []
    assert told(sight.due(1000)) == [(1, True, "first")]


def test_no_more_may_wait_than_a_few_and_none_of_them_is_dropped():
    sight = Quick()
    taken = [sight.show(shown(number)) for number in range(MOST_WAITING + 2)]
    assert taken == [True] * MOST_WAITING + [False] * 2
    assert sight.full
    sent = [told(sight.due(second * 1000)) for second in range(MOST_WAITING)]
    assert [one[0][0] for one in sent] == list(range(MOST_WAITING))
    assert sight.show(shown(99))


def test_what_was_seen_before_camera_and_talk_were_shut_counts_no_more():
    sight = Quick()
    sight.frame(frame(DARK, 1))
    sight.due(0)
    sight.frame(frame(BRIGHT, 2))
    sight.shut()
    assert sight.due(5000) == []
    sight.frame(frame(DARK, 3))
    assert told(sight.due(6000)) == [(3, True, "first")]
    sight.show(shown(4))
    sight.clear()
    assert (sight.due(9000), sight.waiting) == ([], 0)


@pytest.mark.parametrize("data", [b"no picture", DARK.data[:60]])
def test_a_frame_that_is_no_picture_is_not_sent(data):
    sight = Quick()
    sight.frame(frame(Picture(data, "image/jpeg", 20, 20)))
    assert told(sight.due(0)) == [(1, False, "unreadable")]


def test_a_second_is_counted_from_when_a_picture_has_left():
    sight = Sight()
    for number in (1, 2):
        sight.show(shown(number))
    sight.frame(frame(BRIGHT, 3))
    assert told(sight.due(0)) == [(1, True, "shown")]
    assert sight.due(5000) == []  # it is still under way
    sight.sent(5000)
    assert sight.due(5999) == []
    assert told(sight.due(6000)) == [(2, True, "shown")]
    sight.sent(6000)
    assert told(sight.due(7000)) == [(3, True, "first")]


def test_what_was_cut_off_is_shown_again_and_what_failed_or_was_a_frame_is_not():
    sight = Sight()
    for number in (1, 2):
        sight.show(shown(number, text="what is it"))
    sight.due(0)
    sight.unsent(again=True)
    assert [one.shown for one in sight.due(0)] == [shown(1, text="what is it")]
    sight.unsent(again=False)
    assert told(sight.due(0)) == [(2, True, "shown")]
    sight.sent(0)
    sight.frame(frame(DARK, 3))
    sight.due(1000)
    sight.unsent(again=True)
    assert sight.due(2000) == []
