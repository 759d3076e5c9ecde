"""One picture a second: those that were shown on purpose in their order, then the newest frame."""

import numpy as np
import pytest

from livewidget.clock import ManualClock
from livewidget.pictures import to_picture
from livewidget.ui import messages as m
from livewidget.ui.bridge import CapturedFrame
from livewidget.ui.images import MAX_BYTES, MAX_WAITING, ImageQueue, QueuedImage


def picture(level):
    return to_picture(np.full((20, 20), level, np.uint8))


DARK, BRIGHT = picture(10), picture(240)


def frame(image=DARK, number=1):
    return QueuedImage(image, "camera", number)


def shown(number=0, text="", image=DARK):
    return QueuedImage(image, "python", number, text)


class Queue(ImageQueue):
    """A queue that sends nothing itself, and keeps what it says to the pages."""

    def __init__(self):
        super().__init__(None, None, None, ManualClock())
        self.reported = []

    def _report(self, decision):
        self.reported.append(decision)


class Quick(Queue):
    """A queue whose pictures leave at once."""

    def due(self, now_ms):
        decisions = super().due(now_ms)
        if any(one.sends and one.image.picture for one in decisions):
            self.mark_sent(now_ms)
        return decisions


def told(decisions):
    return [(one.image.number, one.sends, one.reason) for one in decisions]


def test_frames_pass_once_a_second_and_only_the_newest():
    queue = Quick()
    queue.replace_frame(frame(DARK, 1))
    assert told(queue.due(0)) == [(1, True, "frame")]
    queue.replace_frame(frame(BRIGHT, 2))
    queue.replace_frame(frame(BRIGHT, 3))
    assert told(queue.due(900)) == [(2, False, "replaced")]
    assert told(queue.due(1000)) == [(3, True, "frame")]
    assert queue.due(5000) == []


def test_what_is_shown_on_purpose_is_all_sent_in_its_order_with_its_text():
    queue = Quick()
    for number in (1, 2, 3):
        assert queue.add(shown(number, text=f"what is {number}"))
    assert queue.add(QueuedImage(None, "python", text="and then"))
    assert told(queue.due(0)) == [(1, True, "shown")]
    assert queue.due(999) == []
    assert told(queue.due(1000)) == [(2, True, "shown")]
    last = queue.due(2000)
    assert [one.image.text for one in last] == ["what is 3", "and then"]
    assert queue.waiting == 0


def test_what_is_shown_on_purpose_goes_before_frames_and_shares_their_second():
    queue = Quick()
    queue.replace_frame(frame(DARK, 1))
    queue.add(shown(7))
    assert told(queue.due(0)) == [(7, True, "shown")]
    assert queue.due(500) == []
    assert told(queue.due(1000)) == [(1, True, "frame")]


def test_no_more_may_wait_than_a_few_and_none_of_them_is_dropped():
    queue = Quick()
    taken = [queue.add(shown(number)) for number in range(MAX_WAITING + 2)]
    assert taken == [True] * MAX_WAITING + [False] * 2
    assert queue.waiting == MAX_WAITING
    sent = [told(queue.due(second * 1000)) for second in range(MAX_WAITING)]
    assert [one[0][0] for one in sent] == list(range(MAX_WAITING))
    assert queue.add(shown(99))


def test_what_was_seen_before_camera_and_talk_were_shut_counts_no_more():
    queue = Quick()
    queue.replace_frame(frame(DARK, 1))
    queue.due(0)
    queue.replace_frame(frame(BRIGHT, 2))
    queue.drop_frame()
    assert queue.due(5000) == []
    queue.replace_frame(frame(DARK, 3))
    assert told(queue.due(6000)) == [(3, True, "frame")]
    queue.add(shown(4))
    queue.clear()
    assert (queue.due(9000), queue.waiting) == ([], 0)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(60), bytes(MAX_BYTES + 1)])
def test_a_frame_that_is_not_a_picture_is_not_sent(data):
    queue = Quick()
    message = m.CameraFrame(source="camera", mime_type="image/jpeg", width=20, height=20, captured_ms=0)
    queue.take_frame(CapturedFrame(message, 1, data, 0))
    assert told(queue.reported) == [(1, False, "unreadable")]
    assert queue.due(0) == []


def test_a_second_is_counted_from_when_a_picture_has_left():
    queue = Queue()
    for number in (1, 2):
        queue.add(shown(number))
    queue.replace_frame(frame(BRIGHT, 3))
    assert told(queue.due(0)) == [(1, True, "shown")]
    assert queue.due(5000) == []  # it is still under way
    queue.mark_sent(5000)
    assert queue.due(5999) == []
    assert told(queue.due(6000)) == [(2, True, "shown")]
    queue.mark_sent(6000)
    assert told(queue.due(7000)) == [(3, True, "frame")]


def test_what_was_cut_off_is_shown_again_and_what_failed_or_was_a_frame_is_not():
    queue = Queue()
    for number in (1, 2):
        queue.add(shown(number, text="what is it"))
    queue.due(0)
    queue.mark_unsent(retry=True)
    assert [one.image for one in queue.due(0)] == [shown(1, text="what is it")]
    queue.mark_unsent(retry=False)
    assert told(queue.due(0)) == [(2, True, "shown")]
    queue.mark_sent(0)
    queue.replace_frame(frame(DARK, 3))
    queue.due(1000)
    queue.mark_unsent(retry=True)
    assert queue.due(2000) == []
