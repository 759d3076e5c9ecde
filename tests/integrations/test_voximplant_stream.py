"""The media stream without a socket: sound, order, gaps, pace, keys, numbers."""

import base64
import json

import numpy as np
import pytest

from livewidget.integrations.voximplant_call import shortened
from livewidget.integrations.voximplant_stream import (
    CODECS,
    DIGITS_MS,
    LEAD_MS,
    CallStats,
    Digits,
    Inbound,
    Outbound,
    StreamError,
    StreamStart,
    codec_of,
    read_message,
)

EVERY_SAMPLE = np.arange(-32_768, 32_768).astype("<i2")
TONE = (np.sin(np.arange(24_000) * 2 * np.pi * 440 / 24_000) * 12_000).astype("<i2").tobytes()


def start(encoding="PCM16", rate=16_000, **more):
    message = {"event": "start", "start": {"mediaFormat": {"encoding": encoding, "sampleRate": rate}, **more}}
    found = read_message(json.dumps(message)).start
    assert isinstance(found, StreamStart)
    return found


def media(data, chunk=None, timestamp=None, **more):
    body = {"payload": base64.b64encode(data).decode(), "chunk": chunk, "timestamp": timestamp}
    return read_message(json.dumps({"event": "media", "media": body, **more}))


def tone(rate, ms=20, hz=440):
    return np.sin(np.arange(rate * ms // 1000) * 2 * np.pi * hz / rate).astype(np.float32) / 2


# --- Sound ---


@pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("encoding", "law"), [("ULAW", "ulaw"), ("ALAW", "alaw")])
def test_the_laws_of_g711_are_those_of_the_standard_library_for_every_sample(encoding, law):
    audioop = pytest.importorskip("audioop")
    codec = CODECS[encoding, 8_000]
    encoded = getattr(audioop, f"lin2{law}")(EVERY_SAMPLE.tobytes(), 2)
    assert codec.encode(EVERY_SAMPLE.astype(np.float32) / 32_768) == encoded
    decoded = np.frombuffer(getattr(audioop, f"{law}2lin")(bytes(range(256)), 2), "<i2")
    assert (np.rint(codec.decode(bytes(range(256))) * 32_768) == decoded).all()


@pytest.mark.parametrize(("encoding", "silence", "loudest"), [("ULAW", 0xFF, 0x80), ("ALAW", 0xD5, 0xAA)])
def test_known_values_of_g711(encoding, silence, loudest):
    codec = CODECS[encoding, 8_000]
    assert codec.encode(np.array([0, 1], np.float32)) == bytes([silence, loudest])
    assert abs(codec.decode(bytes([silence]))[0]) < 0.001
    assert codec.decode(bytes([loudest]))[0] > 0.97


@pytest.mark.parametrize(("encoding", "rate"), CODECS)
def test_what_is_encoded_comes_back(encoding, rate):
    codec, sound = CODECS[encoding, rate], tone(rate, 500)
    back = codec.decode(codec.encode(sound))
    noise_db = 10 * np.log10(np.mean((back - sound) ** 2) / np.mean(sound**2))
    assert noise_db < (-85 if encoding.startswith("PCM") else -35)  # 8 bits of G.711 keep 37 dB


@pytest.mark.parametrize(
    ("encoding", "rate", "data"),
    [
        ("PCM16", 16_000, b"\0"),
        ("PCM8", 8_000, bytes(321)),
        ("PCM16", 16_000, b""),
        ("ULAW", 8_000, bytes(8_001)),
        ("PCM16", 16_000, bytes(32_002)),
    ],
)
def test_odd_lengths_and_more_than_a_second_are_no_sound(encoding, rate, data):
    with pytest.raises(StreamError, match="held no sound"):
        Inbound(start(encoding, rate), CallStats()).take(media(data))


@pytest.mark.parametrize("payload", ["!", "AA", "AAA=A", "ä", "AA==\n"])
def test_what_is_not_base64_is_no_sound(payload):
    message = read_message(json.dumps({"event": "media", "media": {"payload": payload}}))
    with pytest.raises(StreamError, match="held no sound"):
        Inbound(start(), CallStats()).take(message)


# --- Messages ---


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "hello",
        "[]",
        "{}",
        '{"event": 3}',
        '{"event": "media", "customEvent": "dtmf"}',
        '{"event": "media", "media": {"payload": 3}}',
        '{"event": "start", "start": {"mediaFormat": {"encoding": "PCM16"}}}',
        b"\xff\xfe",
        "[" * 5_000,
        '{"event": "media", "media": {"payload": "", "chunk": 1e400}}',
    ],
)
def test_what_is_not_of_the_stream_is_refused_in_one_sentence(frame):
    with pytest.raises(StreamError, match=r"^A message was not one of a media stream: .*\.$"):
        read_message(frame)


@pytest.mark.parametrize(
    ("encoding", "rate"),
    [("PCM16", 8_000), ("PCM8", 16_000), ("OPUS", 48_000), ("ULAW", 16_000), ("x" * 9_999, 16_000)],
)
def test_another_format_is_refused_with_those_that_are_taken(encoding, rate):
    with pytest.raises(
        StreamError, match=r"use PCM16 at 16000 Hz, or PCM8, ULAW or ALAW at 8000 Hz"
    ) as caught:
        codec_of(start(encoding, rate))
    assert len(str(caught.value)) < 140


def test_a_rate_may_be_text_and_an_encoding_in_small_letters():
    assert codec_of(start("pcm16", "16000")) is CODECS["PCM16", 16_000]


# --- The caller's sound ---


def pieces(count, rate=16_000, ms=20):
    codec = CODECS["PCM16", 16_000] if rate == 16_000 else CODECS["PCM8", 8_000]
    samples = rate * ms // 1000
    whole = tone(rate, ms * count)
    return [codec.encode(whole[samples * at : samples * (at + 1)]) for at in range(count)]


def test_sound_at_8_khz_comes_out_at_16():
    inbound = Inbound(start("PCM8", 8_000), CallStats())
    sound = np.concatenate(
        [inbound.take(media(data, at, at * 160)) for at, data in enumerate(pieces(50, 8_000))]
    )
    expected = tone(16_000, 1000)[: len(sound)]
    assert len(sound) > 15_900
    assert np.abs(sound[1_000:] - expected[1_000:]).max() < 0.01


@pytest.mark.parametrize("as_text", [False, True])
def test_a_gap_is_silence_and_counted(as_text):
    stats, number = CallStats(), str if as_text else int
    inbound = Inbound(start(), stats)
    sent = pieces(10)
    took = [
        len(inbound.take(media(sent[at], number(at), number(at * 320))))
        for at in range(10)
        if at not in (4, 5)
    ]
    assert took == [320, 320, 320, 320, 960, 320, 320, 320]
    assert (stats.received, stats.lost, stats.late) == (8, 2, 0)


def test_what_comes_twice_or_late_is_left_out_and_counted():
    stats = CallStats()
    inbound = Inbound(start(), stats)
    sent = pieces(6)
    took = [len(inbound.take(media(sent[at], at, at * 320))) for at in (0, 1, 1, 3, 2, 4)]
    assert took == [320, 320, 0, 640, 0, 320]
    assert (stats.received, stats.lost, stats.late) == (4, 1, 2)


def test_no_more_than_a_second_of_silence_stands_for_what_is_lost():
    stats = CallStats()
    inbound = Inbound(start(), stats)
    sent = pieces(2)
    inbound.take(media(sent[0], 0, 0))
    assert len(inbound.take(media(sent[1], 2_000, 2_000 * 320))) == 16_000 + 320
    assert stats.lost == 1_999


@pytest.mark.parametrize("far", [10**15, 2**64 - 1])
def test_numbers_that_jump_begin_anew_and_make_nothing_late(far):
    stats = CallStats()
    inbound = Inbound(start(), stats)
    for chunk in (0, 1, far, 0, 1):
        assert len(inbound.take(media(pieces(1)[0], chunk, 0))) == 320
    assert (stats.lost, stats.late) == (0, 0)


def test_a_stream_without_numbers_is_taken_as_it_comes():
    inbound = Inbound(start(), CallStats())
    assert [len(inbound.take(media(data))) for data in pieces(3)] == [320, 320, 320]


@pytest.mark.parametrize("place", ["media", "message"])
def test_another_stream_on_the_same_socket_is_left_alone(place):
    inbound = Inbound(start(tag="call"), CallStats())
    body = {"payload": base64.b64encode(pieces(1)[0]).decode()}
    other = {"event": "media", "media": body}
    (body if place == "media" else other)["tag"] = "music"
    assert len(inbound.take(read_message(json.dumps(other)))) == 0


# --- The model's sound ---


def taken(outbound, now_ms):
    found = []
    while (data := outbound.due(now_ms)) is not None:
        found.append(data)
    return found


@pytest.mark.parametrize(
    ("encoding", "rate", "size"), [("PCM16", 16_000, 640), ("PCM8", 8_000, 320), ("ULAW", 8_000, 160)]
)
def test_sound_is_cut_into_20_ms_and_is_at_most_the_lead_ahead(encoding, rate, size):
    outbound = Outbound(CODECS[encoding, rate])
    for at in range(0, 24_000, 960):  # as messages of 40 ms, a second
        outbound.push(1, at, TONE[2 * at : 2 * (at + 960)])
    outbound.finish()
    first = taken(outbound, 0.0)
    assert {len(data) for data in first} == {size}
    assert len(first) == LEAD_MS / 20
    assert outbound.ahead_ms(0.0) == LEAD_MS
    assert taken(outbound, 19.0) == []
    assert len(taken(outbound, 100.0)) == 5
    assert len(taken(outbound, 10_000.0)) == 5
    assert taken(outbound, 20_000.0) == []


def test_the_sound_is_whole_and_its_last_chunk_filled_up():
    outbound = Outbound(CODECS["PCM16", 16_000])
    outbound.push(1, 0, TONE[: 2 * 1_000])
    outbound.finish()
    sent = b"".join(taken(outbound, 0.0))
    sound = np.frombuffer(sent, "<i2") / 32_768
    assert len(sound) == 3 * 320
    expected = np.sin(np.arange(667) * 2 * np.pi * 440 / 16_000) * 12_000 / 32_768
    assert np.abs(sound[50:600] - expected[50:600]).max() < 0.01
    assert not sound[667:].any()


def test_what_was_heard_is_counted_at_24_khz_within_the_turn():
    outbound = Outbound(CODECS["PCM8", 8_000])
    outbound.push(3, 0, TONE)
    outbound.finish()
    taken(outbound, 1_000.0)
    assert outbound.heard(1_000.0) == (0, 0)
    assert outbound.heard(1_100.0) == (3, 2_400)
    assert outbound.heard(1_110.0) == (3, 2_640)
    taken(outbound, 1_500.0)
    assert not outbound.is_heard
    assert outbound.heard(9_000.0) == (3, 24_000)
    assert outbound.is_heard


def test_a_turn_that_is_taken_over_in_its_middle_is_counted_from_there():
    outbound = Outbound(CODECS["PCM16", 16_000])
    outbound.push(2, 4_800, TONE[:9_600])
    outbound.finish()
    taken(outbound, 0.0)
    assert outbound.heard(100.0) == (2, 4_800 + 2_400)


def test_after_an_interruption_nothing_of_it_is_sent_and_the_next_turn_begins_at_once():
    outbound = Outbound(CODECS["PCM16", 16_000])
    outbound.push(1, 0, TONE)
    taken(outbound, 0.0)
    assert outbound.heard(300.0) == (1, 7_200)
    outbound.clear()
    assert (taken(outbound, 300.0), outbound.is_heard, outbound.ahead_ms(300.0)) == ([], True, 0.0)
    outbound.push(2, 0, TONE[:1_920])
    outbound.finish()
    assert len(taken(outbound, 300.0)) == 2
    assert outbound.heard(320.0) == (2, 480)


def test_a_line_that_ran_dry_is_not_made_up_for():
    outbound = Outbound(CODECS["PCM16", 16_000])
    outbound.push(1, 0, TONE[:1_920])
    outbound.finish()
    taken(outbound, 0.0)
    outbound.push(1, 960, TONE)
    assert len(taken(outbound, 5_000.0)) == LEAD_MS / 20


def test_there_is_a_bar_for_each_40_ms_that_was_heard():
    outbound = Outbound(CODECS["PCM16", 16_000])
    outbound.push(1, 0, TONE)
    taken(outbound, 0.0)
    outbound.heard(200.0)
    assert outbound.bars() == pytest.approx([12_000 / 32_768] * 5, abs=0.01)
    assert outbound.bars() == []


# --- Keys and numbers ---


def test_keys_are_put_together_until_there_is_a_pause():
    digits = Digits()
    assert [digits.press(tone, at * 500.0) for at, tone in enumerate("125")] == ["", "", ""]
    assert digits.pause(1_000 + DIGITS_MS - 1) == ""
    assert digits.pause(1_000 + DIGITS_MS) == "125"
    assert digits.pause(99_999.0) == ""


@pytest.mark.parametrize(("keys", "complete"), [("12#", "12"), ("#", "#"), ("*7#", "*7")])
def test_the_hash_key_ends_them_at_once(keys, complete):
    digits = Digits()
    assert [digits.press(key, 0.0) for key in keys][-1] == complete
    assert digits.pause(99_999.0) == ""


def test_no_more_than_32_keys_wait():
    digits = Digits()
    assert [len(digits.press("1", 0.0)) for _ in range(33)] == [0] * 31 + [32, 0]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+4915112345678", "+49 … 56 78"),
        ("+1 (415) 555-0123", "+1 … 01 23"),
        ("0301234567", "… 45 67"),
        ("1004", "1004"),
        ("sip:ada@example.org", "unknown"),
        ("anonymous", "unknown"),
        ("", "unknown"),
        ("٠١٢٣٤٥٦٧٨", "unknown"),
    ],
)
def test_a_number_is_shown_without_its_middle(number, shown):
    assert shortened(number) == shown
