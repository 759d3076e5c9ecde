import io
import os
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


TONE = tone(440, 16_000, level=0.6)
WIDE = (TONE * 20_000).astype(np.int64)


@pytest.mark.parametrize(
    "array",
    [
        WIDE,
        WIDE.tolist(),
        WIDE.astype(np.uint64) + 20_000,
        WIDE.astype(np.int32),
        (TONE * 100).astype(np.int32),
        TONE * 20_000,
        (TONE * 20_000).astype(np.float16),
        np.rint(TONE * 6),
        TONE * 128 + 128,
        (np.abs(TONE) * 20_000).astype(np.uint32),
        np.full(1000, 3, np.uint8),
        np.stack([WIDE, WIDE], axis=1),
        np.stack([TONE, -TONE], axis=1),
        np.stack([TONE, -TONE]),
        np.stack([TONE, -0.999 * TONE], axis=1),
        np.stack([TONE, TONE, -TONE, -TONE], axis=1),
    ],
)
def test_sound_on_another_scale_than_its_types_is_refused(array):
    """Kind: what is taken as it is becomes silence or noise, and nobody is told why."""
    with pytest.raises(AudioError, match=r"^[A-Z][^\n]+\.$"):
        to_float(array)


@pytest.mark.parametrize(
    ("array", "dbfs"),
    [
        (TONE, -7.4),
        (TONE * 12, 18 - 3.8),  # beyond full scale, as after mixing: clipped later
        (TONE / 10_000, -87.4),
        (np.sign(TONE), 0),
        (TONE.astype(np.float16), -7.4),
        ((TONE * 32_767).astype(np.int16), -7.4),
        ((TONE * 200).astype(np.int16), -51.7),
        ((TONE * 200).astype(np.int32) << 16, -51.7),
        ((TONE * 100).astype(np.int32) << 8, -105.9),  # 24 bits, where nobody speaks
        ((TONE * 100).astype(np.int8), -9.5),
        ((TONE * 100 + 128).astype(np.uint8), -9.5),
        (np.zeros(1000, np.int64), SILENCE_DBFS),
        (np.zeros(1000, np.int32), SILENCE_DBFS),
        (np.zeros((1000, 2)), SILENCE_DBFS),
        (np.stack([TONE, np.zeros_like(TONE)], axis=1), -13.4),
        (np.stack([TONE, -TONE], axis=1)[:50], SILENCE_DBFS),  # too short to say
        (np.stack([TONE, -TONE], axis=1) / 100_000, SILENCE_DBFS),  # the noise of a converter
        (np.stack([TONE, *[np.zeros_like(TONE)] * 31], axis=1), -37.5),
    ],
)
def test_sound_on_its_types_scale_is_not(array, dbfs):
    assert level_dbfs(to_float(array)) == pytest.approx(dbfs, abs=0.6)


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


PCM = (TONE * 20_000).astype("<i2").tobytes()
FMT = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
ALL_ONES = b"\xff\xff\xff\xff"


def sized(name, body, size=None):
    return name + struct.pack("<I", len(body) if size is None else size) + body


def ds64(data_size):
    return sized(b"ds64", struct.pack("<QQQI", 72 + data_size, data_size, data_size // 2, 0))


DIALECTS = {
    "sizes of 0, as a recorder leaves them that was ended": b"RIFF\0\0\0\0WAVE" + FMT + sized(b"data", PCM, 0),
    "sizes of all ones, as in a stream": b"RIFF" + ALL_ONES + b"WAVE" + FMT + sized(b"data", PCM, 0xFFFFFFFF),
    "sizes that are nearly the largest": b"RIFF" + ALL_ONES + b"WAVE" + FMT + sized(b"data", PCM, 0x7FFFFFD0),
    "RF64": b"RF64" + ALL_ONES + b"WAVE" + ds64(len(PCM)) + FMT + sized(b"data", PCM, 0xFFFFFFFF),
    "RF64 with a list after the sound": (
        b"RF64" + ALL_ONES + b"WAVE" + ds64(len(PCM)) + FMT + sized(b"data", PCM, 0xFFFFFFFF) + sized(b"LIST", b"abcd")
    ),
    "RF64 whose size was never filled in": (
        b"RF64" + ALL_ONES + b"WAVE" + ds64(0) + FMT + sized(b"data", PCM, 0xFFFFFFFF)
    ),
    "BW64": b"BW64" + ALL_ONES + b"WAVE" + ds64(len(PCM)) + FMT + sized(b"data", PCM, 0xFFFFFFFF),
    "room for RF64 that was not needed": (
        b"RIFF\0\0\0\0WAVE" + sized(b"JUNK", bytes(28)) + FMT + sized(b"data", PCM)
    ),
    "an odd chunk with its pad byte": b"RIFF\0\0\0\0WAVE" + FMT + sized(b"note", b"abc") + b"\0" + sized(b"data", PCM),
    "an odd chunk without": b"RIFF\0\0\0\0WAVE" + FMT + sized(b"note", b"abc") + sized(b"data", PCM),
    "an odd chunk without, before the header": (
        b"RIFF\0\0\0\0WAVE" + sized(b"bext", b"a" * 603) + FMT + sized(b"data", PCM)
    ),
    "chunks of every other program": (
        b"RIFF\0\0\0\0WAVE" + sized(b"bext", bytes(602)) + FMT + sized(b"fact", bytes(4)) + sized(b"FLLR", bytes(4008))
        + sized(b"data", PCM) + sized(b"id3 ", b"ID3")
    ),
    "the header after the sound": b"RIFF\0\0\0\0WAVE" + sized(b"data", PCM) + FMT,
    "a longer header": (
        b"RIFF\0\0\0\0WAVE" + sized(b"fmt ", FMT[8:] + b"\0\0") + sized(b"data", PCM)
    ),
    "bytes after the end": b"RIFF\0\0\0\0WAVE" + FMT + sized(b"data", PCM) + b"\0" * 100,
    "big endian": (
        b"RIFX\0\0\0\0WAVEfmt " + struct.pack(">IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
        + b"data" + struct.pack(">I", len(PCM)) + np.frombuffer(PCM, "<i2").astype(">i2").tobytes()
    ),
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_other_programs_write_is_read_whole(dialect, tmp_path):
    (tmp_path / "a.wav").write_bytes(DIALECTS[dialect])
    for source in DIALECTS[dialect], tmp_path / "a.wav", io.BytesIO(DIALECTS[dialect]):
        samples, rate = read_wav(source)
        assert rate == 16_000
        assert to_pcm16(samples) == PCM


def test_an_empty_sound_before_another_chunk_is_empty():
    samples, _ = read_wav(b"RIFF\0\0\0\0WAVE" + FMT + sized(b"data", b"") + sized(b"LIST", b"abcd"))
    assert len(samples) == 0


def test_a_quiet_file_of_32_bits_is_what_its_header_says():
    samples, _ = read_wav(header(1, 1, 8_000, 32, (TONE * 100).astype("<i4").tobytes()))
    assert level_dbfs(samples) < -100


def test_a_file_of_floats_on_another_scale_is_refused():
    with pytest.raises(AudioError, match="full scale of 1, but these reach 12,000"):
        read_wav(header(3, 1, 8_000, 32, (TONE * 20_000).astype("<f4").tobytes()))


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"ID3", "an MP3"),
        (b"\xff\xfb", "an MP3"),
        (b"fLaC", "a FLAC"),
        (b"OggS", "an Ogg"),
        (b"\0\0\0 ftypM4A", "an MP4"),
    ],
)
def test_a_file_of_another_kind_is_named(beginning, kind):
    with pytest.raises(AudioError, match=f"This is {kind} file, not WAV"):
        read_wav(beginning + bytes(100))


class Endless(io.RawIOBase):
    """What has no end: `beginning`, then zeros."""

    def __init__(self, beginning):
        self.rest, self.given = beginning, 0

    def read(self, size=-1):
        assert size >= 0
        piece, self.rest = self.rest[:size], self.rest[size:]
        self.given += size
        return piece.ljust(size, b"\0")


def test_what_has_no_end_is_not_read_to_it(monkeypatch):
    monkeypatch.setattr("livewidget.audio.WAV_BYTES", 1 << 22)
    zeros = Endless(b"")
    with pytest.raises(AudioError, match="not a WAV file"):
        read_wav(zeros)
    assert zeros.given < 100
    sound = Endless(DIALECTS["sizes of all ones, as in a stream"])
    with pytest.raises(AudioError, match="larger than"):
        read_wav(sound)
    assert sound.given <= (1 << 22) + 100


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AudioError, match="pipe"):
        read_wav(tmp_path / "pipe")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="Unix")
def test_a_device_is_no_wav_file():
    with pytest.raises(AudioError, match="not a WAV file"):
        read_wav("/dev/zero")


def test_a_file_is_written_where_one_cannot_go_back():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *where):
            raise OSError("a pipe")

        tell = seek

    pipe = Pipe()
    write_wav(pipe, PCM, 16_000)
    assert to_pcm16(read_wav(pipe.getvalue())[0]) == PCM


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux")
def test_a_full_disk_is_an_error_and_nothing_else():
    """`wave` would try once more when it is thrown away, and print what failed."""
    with pytest.raises(OSError, match="No space left"):
        write_wav("/dev/full", PCM)


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
