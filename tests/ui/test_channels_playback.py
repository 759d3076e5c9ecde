from hypothesis import given
from hypothesis import strategies as st

from livewidget.ui.channels import MOST_VOICES, WAITING_BYTES, PlaybackQueue, VoicePlaces
from livewidget.ui.messages import PlaybackReport, SpeakerAudio, SpeakerEnd

RATE = 24_000


def chunk(ms):
    return bytes(2 * RATE * ms // 1000)


def played(turn, sample, ack=0, epoch=0):
    return PlaybackReport(
        ack_seq=ack,
        turn=turn,
        played_sample=sample,
        buffered_ms=0,
        silent_samples=0,
        epoch=epoch,
        page_ms=0.0,
    )


def queue(now=0.0):
    speaker = PlaybackQueue()
    speaker.begin_playback(now)
    return speaker


def ms(sent):
    return sum(out.samples for out in sent) * 1000 // RATE


def test_at_most_three_seconds_go_ahead_of_the_ear():
    speaker = queue()
    for _ in range(50):
        speaker.push(1, chunk(240), RATE)
    assert ms(speaker.ready(0)) == 12 * 240
    assert speaker.ready(100) == []
    speaker.on_report(played(1, RATE, ack=12), 200)
    assert ms(speaker.ready(200)) == 4 * 240


def test_at_most_sixteen_messages_go_without_an_acknowledgement():
    speaker = queue()
    for _ in range(40):
        speaker.push(1, chunk(40), RATE)
    assert len(speaker.ready(0)) == 16
    speaker.on_report(played(1, 0, ack=10), 100)
    assert len(speaker.ready(100)) == 10


def test_a_chunk_longer_than_the_credit_passes_whole_when_nothing_is_ahead():
    speaker = queue()
    speaker.push(1, chunk(5000), RATE)
    speaker.push(1, chunk(40), RATE)
    assert [out.samples for out in speaker.ready(0)] == [5 * RATE]


def test_a_silent_page_holds_the_queue_and_its_word_releases_it():
    speaker = queue()
    speaker.push(1, chunk(40), RATE)
    assert speaker.holding(2001)
    assert speaker.ready(2001) == []
    speaker.on_report(played(0, 0), 2100)
    assert len(speaker.ready(2100)) == 1


def test_what_is_not_acknowledged_is_sent_again_under_its_number():
    speaker = queue()
    speaker.push(1, chunk(40), RATE)
    first = speaker.ready(0)
    for now in range(250, 2250, 250):
        speaker.on_report(played(1, 0), now)
    assert speaker.ready(2001) == first


def test_places_in_the_turn_go_on_and_the_end_tells_their_sum():
    speaker = queue()
    speaker.push(3, chunk(100), RATE)
    speaker.push(3, chunk(100), RATE)
    speaker.end(3)
    speaker.end(3)
    speaker.push(4, chunk(100), RATE)
    sent = [out.message for out in speaker.ready(0)]
    assert [m.first_sample for m in sent if isinstance(m, SpeakerAudio)] == [0, 2400, 0]
    assert [m for m in sent if isinstance(m, SpeakerEnd)] == [SpeakerEnd(turn=3, samples=4800)]


def test_a_flush_leaves_nothing():
    speaker = queue()
    for _ in range(50):
        speaker.push(1, chunk(240), RATE)
    speaker.ready(0)
    speaker.flush()
    assert speaker.ready(100) == []
    assert speaker.ahead_ms == 0
    assert speaker.waiting == 0


def test_what_was_flushed_takes_no_credit_from_what_comes_next():
    speaker = queue()
    for _ in range(12):
        speaker.push(1, chunk(240), RATE)
    assert ms(speaker.ready(0)) == 12 * 240  # nearly three seconds ahead
    speaker.flush()
    for _ in range(12):
        speaker.push(2, chunk(240), RATE)
    assert ms(speaker.ready(100)) == 12 * 240


def test_what_was_flushed_need_not_be_acknowledged_before_more_is_sent():
    speaker = queue()
    for _ in range(16):
        speaker.push(1, chunk(40), RATE)
    assert len(speaker.ready(0)) == 16
    speaker.flush()
    for _ in range(16):
        speaker.push(2, chunk(40), RATE)
    assert len(speaker.ready(100)) == 16


def test_without_a_page_audio_is_counted_and_not_kept():
    speaker = PlaybackQueue()
    speaker.push(1, chunk(1000), RATE)
    speaker.begin_playback(0)
    speaker.push(1, chunk(100), RATE)
    (sent,) = speaker.ready(0)
    assert sent.message.first_sample == RATE


@given(st.lists(st.integers(20, 400), min_size=1, max_size=60), st.integers(100, 1000))
def test_every_sample_arrives_once_and_in_order(lengths, step):
    speaker = queue()
    data = b"".join(
        bytes([place % 251]) * (2 * RATE * length // 1000) for place, length in enumerate(lengths)
    )
    start = 0
    for length in lengths:
        end = start + 2 * RATE * length // 1000
        speaker.push(1, data[start:end], RATE)
        start = end
    got, now, heard, ack = b"", 0.0, 0, 0
    while len(got) < len(data):
        for out in speaker.ready(now):
            assert out.seq == ack + 1
            ack, got = out.seq, got + out.data
            assert speaker.ahead_ms <= 3000
        now += step
        heard = min(len(got) // 2, heard + RATE * step // 1000)
        speaker.on_report(played(1, heard, ack=ack), now)
    assert got == data


def test_what_waits_has_a_bound_and_what_is_beyond_it_is_counted():
    """The kind: a queue of what somebody else sends, which takes memory until there is none."""
    assert WAITING_BYTES == 32 * 2**20  # more than ten minutes
    assert WAITING_BYTES / (2 * RATE) > 600
    speaker = queue()
    second = chunk(1000)
    for _ in range(800):
        speaker.push(1, second, RATE)
    kept = WAITING_BYTES // len(second)
    assert speaker.waiting == kept
    assert speaker.dropped_ms == (800 - kept) * 1000
    speaker.end(1)
    assert speaker.waiting == kept + 1
    # What was kept is played in its place, and the end says how long the turn is.
    sent, now, ack = [], 0.0, 0
    while speaker.waiting:
        sent += speaker.ready(now)
        ack, now = sent[-1].seq, now + 1000
        speaker.on_report(played(1, sum(one.samples for one in sent), ack=ack), now)
    assert ms(sent) == kept * 1000
    assert sent[-1].message == SpeakerEnd(turn=1, samples=800 * RATE)
    # An interruption empties it, and there is room again.
    speaker.flush()
    speaker.push(2, second, RATE)
    assert speaker.waiting == 1
    assert speaker.dropped_ms == (800 - kept) * 1000


def test_without_the_bound_all_of_it_would_wait():
    speaker = PlaybackQueue(most=2**40)
    speaker.begin_playback(0)
    for _ in range(800):
        speaker.push(1, chunk(1000), RATE)
    assert speaker.waiting == 800
    assert speaker.dropped_ms == 0


def test_what_nobody_plays_is_counted_by_its_place_and_takes_no_room():
    speaker = PlaybackQueue()
    for _ in range(800):
        speaker.push(1, chunk(1000), RATE)
    assert (speaker.waiting, speaker.dropped_ms) == (0, 0)


def test_what_the_page_has_by_itself_is_counted_like_what_is_sent():
    speaker = queue()
    assert (speaker.count(1, RATE, RATE), speaker.count(1, RATE, RATE)) == (0, RATE)
    assert (speaker.ready(0), speaker.ahead_ms, speaker.unheard) == ([], 2000.0, 1)
    speaker.on_report(played(1, RATE // 2), 100)
    assert speaker.ahead_ms == 1500.0
    speaker.end(1)
    assert speaker.ready(100) == []  # the page knows where it ends
    speaker.on_report(played(1, 2 * RATE), 200)
    assert (speaker.ahead_ms, speaker.unheard) == (0.0, None)


def test_what_only_an_earlier_page_had_is_not_played_by_the_next():
    speaker = queue()
    speaker.count(1, RATE, RATE)
    speaker.hand_over(100)
    assert (speaker.ready(100), speaker.ahead_ms, speaker.unheard) == ([], 0.0, None)


def test_a_sample_of_a_voice_is_one_of_a_turn():
    places = VoicePlaces()
    assert places.turn_of(1, 0) is None
    places.arrive(1, 0)
    voice, place = places.add(5, 0, 1000)
    assert (voice, place.first, place.turn, place.sample) == (1, 0, 5, 0)
    assert places.add(5, 1000, 1000) is None  # the second part of the same frame
    places.arrive(1, 2000)
    assert places.add(5, 2000, 1000) is None
    places.arrive(1, 3000)
    assert places.add(6, 0, 1000) is not None
    assert places.turn_of(1, 2999) == (5, 2999)
    assert places.turn_of(1, 3500) == (6, 500)
    assert (places.voice_of(5), places.voice_of(6), places.voice_of(7)) == (1, 1, 0)


def test_a_few_samples_that_rounding_adds_up_to_are_no_new_place():
    places = VoicePlaces()
    places.arrive(1, 0)
    places.add(5, 0, 1000)
    places.arrive(1, 1003)
    assert places.add(5, 1000, 1000) is None
    places.arrive(1, 2500)
    assert places.add(5, 2000, 1000) is not None


def test_the_newest_voices_are_kept():
    places = VoicePlaces()
    for voice in range(1, 200):
        places.arrive(voice, 0)
        places.add(voice, 0, 10)
    assert len(places._places) == MOST_VOICES
    assert (places.turn_of(199, 5), places.turn_of(1, 5)) == ((199, 5), None)


def test_a_frame_without_sound_of_the_pages_has_no_place():
    places = VoicePlaces()
    places.arrive(0, 0)
    assert places.add(5, 0, 1000) is None
    assert places.voice_of(5) == 0


@given(st.lists(st.tuples(st.integers(0, 2**53), st.integers(0, 2**53), st.integers(0, 300))))
def test_places_have_a_bound_whatever_a_page_says(said):
    places = VoicePlaces()
    for voice, first, turn in said * 3:
        places.arrive(voice, first)
        places.add(turn, first // 2, 10)
        places.turn_of(voice, first)
    assert len(places._places) <= MOST_VOICES
    assert all(len(known) <= MOST_VOICES for known in places._places.values())
