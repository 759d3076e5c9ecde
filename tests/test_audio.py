import io
import struct
import wave

import numpy as np
import pytest

from livewidget.audio import (
    SILENCE_DBFS,
    Resampler,
    level_dbfs,
    read_wav,
    resample,
    to_float,
    to_pcm16,
    write_wav,
)
from livewidget.errors import AudioError


def tone(hertz, rate, seconds=0.5, level=0.5):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def header(kind, channels, rate, bits, body, *, size=None, extra=b""):
    fmt = struct.pack(
        "<HHIIHH", kind, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits
    )
    chunks = b"fmt " + struct.pack("<I", len(fmt + extra)) + fmt + extra
    chunks += b"LIST" + struct.pack("<I", 3) + b"abc\0"  # odd length, padded
    chunks += b"data" + struct.pack("<I", len(body) if size is None else size) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


# --- Samples ---


def test_pcm16_and_back_is_exact():
    pcm = np.arange(-32_768, 32_768, 7).astype("<i2").tobytes()
    assert to_pcm16(to_float(pcm)) == pcm


def test_over_full_scale_is_clipped_not_wrapped():
    assert np.frombuffer(to_pcm16(np.array([2.0, -2.0, 1.0])), "<i2").tolist() == [32_767, -32_768, 32_767]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([0, 16_384], np.int16), [0, 0.5]),
        (np.array([0, 1 << 30], np.int32), [0, 0.5]),
        (np.array([128, 192], np.uint8), [0, 0.5]),
        (np.array([0.0, 0.5], np.float64), [0, 0.5]),
        (np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]), [0, 0.5, 0]),  # frames by channels
        (np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), [0, 0.5, 0]),  # channels by frames
        (np.array([[0.5, 0.25, 0.0]]), [0.5, 0.25, 0]),
        (np.array([[0.5], [0.25]]), [0.5, 0.25]),
        (np.zeros(0), []),
    ],
)
def test_every_usual_array_becomes_mono_floats(array, expected):
    result = to_float(array)
    assert result.dtype == np.float32
    assert result.tolist() == expected


@pytest.mark.parametrize(
    "array",
    [b"\0", np.zeros((2, 2, 2)), np.array(["a"]), np.array([np.nan]), np.array([1j]), np.array([True])],
)
def test_what_is_no_sound_is_refused_in_one_sentence(array):
    with pytest.raises(AudioError, match=r"^[A-Z][^\n]+\.$"):
        to_float(array)


def test_levels():
    assert level_dbfs(tone(1000, 16_000, level=1.0)) == pytest.approx(-3.01, abs=0.02)
    assert level_dbfs(np.full(100, 0.1)) == pytest.approx(-20)
    assert level_dbfs(np.zeros(100)) == level_dbfs(np.zeros(0)) == SILENCE_DBFS


# --- Resampling ---


@pytest.mark.parametrize(
    ("source", "target"), [(22_050, 24_000), (48_000, 16_000), (44_100, 16_000), (8_000, 16_000)]
)
def test_a_stream_is_the_same_however_it_is_cut(source, target):
    random = np.random.default_rng(1)
    sound = random.uniform(-1, 1, 20_000).astype(np.float32)
    whole = resample(sound, source, target)
    resampler = Resampler(source, target)
    cuts = np.sort(random.integers(0, len(sound), 60))
    pieces = [resampler.process(piece) for piece in np.split(sound, cuts)]
    assert np.array_equal(np.concatenate([*pieces, resampler.flush()]), whole)
    assert len(whole) == -(-len(sound) * target // source)


def test_one_sample_at_a_time():
    sound = tone(440, 22_050, 0.02)
    resampler = Resampler(22_050, 24_000)
    pieces = [resampler.process(sound[at : at + 1]) for at in range(len(sound))]
    assert np.array_equal(np.concatenate([*pieces, resampler.flush()]), resample(sound, 22_050, 24_000))


@pytest.mark.parametrize(("source", "target"), [(22_050, 24_000), (48_000, 16_000), (44_100, 16_000)])
def test_a_tone_stays_that_tone_at_its_time(source, target):
    result = resample(tone(1000, source), source, target)
    expected = tone(1000, target)[: len(result)]
    middle = slice(500, len(expected) - 500)
    error = (result[: len(expected)] - expected)[middle]
    assert level_dbfs(error) < level_dbfs(expected) - 80


def test_what_the_lower_rate_cannot_hold_is_removed():
    assert level_dbfs(resample(tone(11_000, 48_000), 48_000, 16_000)[500:-500]) < -80


def test_the_same_rate_changes_nothing():
    sound = tone(440, 16_000)
    resampler = Resampler(16_000, 16_000)
    assert np.array_equal(resampler.process(sound), sound)
    assert len(resampler.flush()) == 0


def test_a_resampler_is_new_after_flush():
    resampler = Resampler(48_000, 16_000)
    first = np.concatenate([resampler.process(tone(440, 48_000)), resampler.flush()])
    second = np.concatenate([resampler.process(tone(440, 48_000)), resampler.flush()])
    assert np.array_equal(first, second)


@pytest.mark.parametrize("rates", [(0, 16_000), (16_000, 10**9), (-5, 16_000)])
def test_impossible_rates_are_refused(rates):
    with pytest.raises(AudioError, match="out of range"):
        Resampler(*rates)


# --- WAV ---


def test_what_is_written_is_read_again(tmp_path):
    sound = tone(440, 24_000)
    write_wav(tmp_path / "a.wav", sound)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
    again, rate = read_wav(tmp_path / "a.wav")
    assert rate == 24_000
    assert to_pcm16(again) == to_pcm16(sound)


def test_pcm_bytes_and_open_files():
    file = io.BytesIO()
    write_wav(file, to_pcm16(tone(440, 8_000)), 8_000)
    file.seek(0)
    assert read_wav(file)[1] == 8_000
    assert len(read_wav(file.getvalue())[0]) == 4_000


@pytest.mark.parametrize(
    ("kind", "bits", "body"),
    [
        (1, 8, bytes([128, 192])),
        (1, 16, np.array([0, 16_384], "<i2").tobytes()),
        (1, 24, bytes([0, 0, 0, 0, 0, 64])),
        (1, 32, np.array([0, 1 << 30], "<i4").tobytes()),
        (3, 32, np.array([0, 0.5], "<f4").tobytes()),
        (3, 64, np.array([0, 0.5], "<f8").tobytes()),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_width_and_channel_count(kind, bits, body, channels):
    width = bits // 8
    frames = body[:width] * channels + body[width:] * channels
    samples, rate = read_wav(header(kind, channels, 44_100, bits, frames))
    assert rate == 44_100
    assert samples.tolist() == [0, 0.5]


def test_the_extensible_header_and_a_streamed_length():
    guid = struct.pack("<HHIH", 22, 24, 3, 1) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    body = bytes([0, 0, 64, 1])  # a sample, and a third of one: the program was ended while it wrote
    samples, _ = read_wav(header(0xFFFE, 1, 48_000, 24, body, size=0xFFFFFFFF, extra=guid))
    assert samples.tolist() == [0.5]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ID3 not a wave file",
        b"RIFF\0\0\0\0WAVE",
        header(6, 1, 8_000, 8, b"ab"),  # A-law
        header(1, 0, 8_000, 16, b"ab"),
        header(1, 1, 0, 16, b"ab"),
        header(1, 1, 8_000, 12, b"ab"),
        b"RIFF\0\0\0\0WAVEdata\2\0\0\0ab",
        header(3, 1, 8_000, 32, np.array([np.inf], "<f4").tobytes()),
    ],
)
def test_other_files_are_refused_in_plain_words(data):
    with pytest.raises(AudioError, match=r"^[A-Z][^\n]+\.$"):
        read_wav(data)
