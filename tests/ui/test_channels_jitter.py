import pytest

from livewidget.ui.channels import STALE_MS, JitterBuffer
from livewidget.ui.messages import MicrophoneAudio

YOUNG = STALE_MS / 40  # chunks of a backlog that are not too old


def audio(captured, stale=False):
    return MicrophoneAudio(first_sample=0, captured_ms=captured, stale=stale)


def talk(buffer, seconds, *, seq=1, captured=5000.0, now=100_000.0, delay=5.0):
    """Send 40 ms chunks in real time; returns what passed and the next numbers."""
    passed = []
    for _ in range(int(seconds * 25)):
        passed += buffer.receive(seq, audio(captured), b"ab", now + delay)
        seq, captured, now = seq + 1, captured + 40, now + 40
    return passed, seq, captured, now


def test_live_sound_passes_in_order_after_a_short_warm_up():
    buffer = JitterBuffer()
    passed = []
    for number in range(25):
        passed += buffer.receive(number + 1, audio(number * 40.0), bytes([number, 0]), 1000 + number * 40.0)
    assert passed == [bytes([number, 0]) for number in range(25)]
    assert buffer.ack == 25
    assert buffer.stale == 0


def test_a_backlog_is_dropped_and_counted():
    buffer = JitterBuffer()
    _, seq, captured, now = talk(buffer, 1)
    passed = []
    for number in range(150):  # six seconds of speech that waited for a cell
        passed += buffer.receive(seq + number, audio(captured + 40 * number), b"ab", now + 6000)
    assert YOUNG - 2 <= len(passed) <= YOUNG + 2
    assert buffer.stale == 150 - len(passed)


def test_a_backlog_that_comes_first_is_dropped_too():
    buffer = JitterBuffer()
    passed = []
    for number in range(150):
        passed += buffer.receive(number + 1, audio(number * 40.0), b"ab", 10_000 + number * 0.1)
    passed += buffer.tick(10_200)
    assert YOUNG - 2 <= len(passed) <= YOUNG + 2


@pytest.mark.parametrize(("reported", "passing"), [(True, 0), (False, 25)])
def test_the_page_s_reports_tell_its_clock_before_the_microphone_is_on(reported, passing):
    """A cell began just after the microphone: one second of speech waited for it, and nothing came before."""
    buffer = JitterBuffer()
    if reported:
        buffer.observe(4900.0, 100_000.0)
    buffer.reset()
    passed = []
    for number in range(25):
        passed += buffer.receive(number + 1, audio(5000.0 + number * 40), b"ab", 108_000 + number * 0.1)
    passed += buffer.tick(108_200)
    assert len(passed) == passing
    assert buffer.stale == 25 - passing


def test_without_the_limit_the_backlog_would_pass(monkeypatch):
    monkeypatch.setattr("livewidget.ui.channels.STALE_MS", 1e9)
    buffer = JitterBuffer()
    _, seq, captured, now = talk(buffer, 1)
    passed = [
        pcm
        for number in range(100)
        for pcm in buffer.receive(seq + number, audio(captured + 40 * number), b"ab", now + 4000)
    ]
    assert len(passed) == 100


def test_what_the_page_calls_stale_is_never_live():
    buffer = JitterBuffer()
    _, seq, captured, now = talk(buffer, 1)
    assert buffer.receive(seq, audio(captured, stale=True), b"ab", now) == []
    assert buffer.stale == 1


def test_a_repeated_chunk_is_heard_once():
    buffer = JitterBuffer()
    _, seq, captured, now = talk(buffer, 1)
    assert buffer.receive(seq, audio(captured), b"cd", now) == [b"cd"]
    assert buffer.receive(seq, audio(captured), b"cd", now) == []


def test_a_hole_waits_for_the_page_and_is_given_up():
    buffer = JitterBuffer()
    _, seq, captured, now = talk(buffer, 1)
    assert buffer.receive(seq + 2, audio(captured + 80), b"cd", now) == []
    assert buffer.resend
    assert buffer.ack == seq - 1
    assert buffer.tick(now + 300) == []
    assert buffer.tick(now + 700) == [b"cd"]
    assert buffer.lost == 2
    assert buffer.ack == seq + 2


def test_a_slow_clock_does_not_make_all_sound_old():
    buffer = JitterBuffer()
    seq, captured, now, passed = 1, 0.0, 1000.0, 0
    for _ in range(25 * 600):
        passed += len(buffer.receive(seq, audio(captured), b"ab", now))
        seq, captured, now = seq + 1, captured + 40, now + 40 * 1.01
    assert passed == seq - 1


def test_odd_and_huge_chunks_are_left_out():
    buffer = JitterBuffer()
    _, seq, captured, now = talk(buffer, 1)
    assert buffer.receive(seq, audio(captured), b"abc", now) == []
    assert buffer.receive(seq + 1, audio(captured), bytes(10_000_000), now) == []
    assert buffer.receive(seq + 2, audio(captured), b"ab", now) == [b"ab"]
