import asyncio
import gc
import os
import subprocess
import sys
import threading
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from livewidget.audio import level_dbfs, to_float
from livewidget.errors import ExtraMissing, ServerFault
from livewidget.standin.tutor import voice
from livewidget.standin.tutor.voice import (
    DEFAULT_STYLE,
    STYLES,
    EspeakProcess,
    TutorTextToSpeech,
    clauses,
    style_of,
)

pytestmark = pytest.mark.voice

pytest.importorskip("espeakng_loader")


@pytest.fixture
def worker():
    espeak = EspeakProcess()
    yield espeak
    espeak.close()


async def spoken(voice, text, name=None):
    return [piece async for piece in voice.speak(text, name)]


@pytest.mark.parametrize(
    "text",
    [
        "Hello! I am the small offline tutor, not Gemini.",
        'It is 3:45 PM. I don\'t know, "really" … (well)?  Two spaces.\nA line. ',
        "Zażółć gęślą jaźń. 日本 ☺",
        "x\0y [[h@l]] <b>hi</b> &amp;",
        "a" * 700,
        " ",
        "...",
    ],
)
async def test_the_words_join_to_the_text(worker, text):
    pieces = await spoken(TutorTextToSpeech(worker), text)
    assert "".join(piece.text for piece in pieces) == text


async def test_nothing_is_said_of_nothing(worker):
    assert await spoken(TutorTextToSpeech(worker), "") == []


async def test_words_come_with_their_sound(worker):
    pieces = await spoken(TutorTextToSpeech(worker), "One two three four five six seven eight nine ten.")
    length = sum(len(piece.pcm) for piece in pieces)
    assert 2.0 < length / 48_000 < 6.0
    before = 0
    for piece in pieces:
        assert len(piece.pcm) <= 48_000 * 0.12
        if "six" in piece.text:
            assert 0.3 < before / length < 0.7
        before += len(piece.pcm)
    assert -35 < level_dbfs(to_float(b"".join(piece.pcm for piece in pieces))) < -10


async def test_pieces_join_without_clicks(worker):
    sound = to_float(
        b"".join(piece.pcm for piece in await spoken(TutorTextToSpeech(worker), "Mmmm. Mmmm, oh. Mmmm."))
    )
    edges = np.cumsum([1_440] * (len(sound) // 1_440 - 1))
    steps = np.abs(np.diff(sound))
    assert steps[edges - 1].max() <= steps.max()
    assert steps.max() < 0.4  # negative control: half a wave turned round steps further
    assert np.abs(np.diff(np.concatenate([sound, -sound[::-1] - 0.5]))).max() > 0.4


async def test_several_speak_at_once(worker):
    voice = TutorTextToSpeech(worker)
    alone = [await spoken(voice, f"This is number {n}.") for n in range(4)]
    together = await asyncio.gather(*(spoken(voice, f"This is number {n}.") for n in range(4)))
    for one, other in zip(alone, together, strict=True):
        assert "".join(p.text for p in one) == "".join(p.text for p in other)
        # espeak-ng varies its breath: the same text is not quite the same sound twice.
        difference = len(b"".join(p.pcm for p in one)) - len(b"".join(p.pcm for p in other))
        assert abs(difference) < 48_000 * 0.05


async def test_stopping_stops_and_the_next_is_whole(worker):
    voice = TutorTextToSpeech(worker)
    speech = voice.speak("This sentence is long. " * 50)
    await anext(speech)
    await speech.aclose()
    assert worker._sinks == {}
    assert "".join(p.text for p in await spoken(voice, "Short.")) == "Short."


async def test_a_worker_that_dies_is_replaced_and_nothing_is_said_twice(worker):
    voice, text = TutorTextToSpeech(worker), "One two three four five six seven eight. Nine ten."
    whole = b"".join(piece.pcm for piece in await spoken(voice, text))
    pieces = []
    async for piece in voice.speak(text):
        if len(pieces) == 3:
            first = worker._process
            first.kill()
            first.wait()
        pieces.append(piece)
    assert "".join(piece.text for piece in pieces) == text
    assert abs(len(b"".join(piece.pcm for piece in pieces)) - len(whole)) < 48_000 * 0.1


async def test_a_worker_that_never_works_is_one_plain_error():
    broken = EspeakProcess(lambda: [sys.executable, "-I", "-S", "-c", "raise SystemExit(1)"])
    with pytest.raises(ServerFault, match="stopped working"):
        await spoken(TutorTextToSpeech(broken), "Hello.")
    broken.close()


async def test_without_the_package_the_error_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ExtraMissing, match=r'pip install "livewidget\[tutor\]"'):
        await spoken(TutorTextToSpeech(EspeakProcess()), "Hello.")


def test_loops_may_come_and_go(worker):
    voice = TutorTextToSpeech(worker)
    for _ in range(3):
        assert asyncio.run(spoken(voice, "Hi."))
    assert (
        sum(
            thread.name == "livewidget-espeak" and thread is worker._reader
            for thread in threading.enumerate()
        )
        == 1
    )


def test_closing_leaves_nothing_behind():
    worker = EspeakProcess()
    asyncio.run(spoken(TutorTextToSpeech(worker), "Hi."))
    process, reader = worker._process, worker._reader
    worker.close()
    worker.close()
    assert process.poll() is not None
    assert not reader.is_alive()
    gc.collect()  # a pipe left open would warn here, and warnings are errors


def test_the_worker_ends_with_its_parent():
    program = (
        "import asyncio\nfrom livewidget.standin.tutor.voice import TutorTextToSpeech\nfrom livewidget.standin.tutor.voice import shared_espeak\n"
        "async def main():\n    [p async for p in TutorTextToSpeech().speak('Hi.')]\n"
        "asyncio.run(main())\nprint(shared_espeak._process.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


def test_a_data_path_too_long_for_the_library(tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.parent.mkdir()
    command = voice.worker_command()
    deep.symlink_to(Path(command[-1]), target_is_directory=True)
    worker = EspeakProcess(lambda: [*command[:-1], str(deep)])
    try:
        assert worker.phonemes("hello")
    finally:
        worker.close()


def test_every_prebuilt_voice_is_a_voice_of_its_own():
    assert len(STYLES) == 30
    assert len(set(STYLES.values())) == 30
    assert style_of("kore") == style_of("Kore") != style_of("Puck")
    assert style_of(None) == style_of("Nobody") == DEFAULT_STYLE


async def test_no_two_prebuilt_voices_sound_alike(worker):
    """They differ by a semitone of pitch, by 8 % of pace, or by 2 dB of the spectrum of one sentence."""
    heard = {}
    for name in STYLES:
        pieces = await spoken(
            TutorTextToSpeech(worker), "Hello, I am the offline tutor, and this is my voice.", name
        )
        sound = to_float(b"".join(piece.pcm for piece in pieces))
        heard[name] = semitones(sound), np.log(len(sound)), spectrum(sound)
    alike = [
        (one, other)
        for (one, (pitch, pace, colour)), (other, (its_pitch, its_pace, its_colour)) in combinations(
            heard.items(), 2
        )
        if abs(pitch - its_pitch) < 1
        and abs(pace - its_pace) < 0.08
        and np.sqrt(np.mean((colour - its_colour) ** 2)) < 2
    ]
    assert alike == []


def semitones(sound, rate=24_000):
    """The median pitch of what is voiced, in semitones."""
    pieces = [sound[at : at + rate // 25] for at in range(0, len(sound) - rate // 25, rate // 25)]
    found = []
    for piece in pieces:
        likeness = np.correlate(piece, piece, "full")[len(piece) - 1 :]
        period = rate // 400 + int(np.argmax(likeness[rate // 400 : rate // 60]))
        if likeness[0] > 0.9 and likeness[period] > 0.5 * likeness[0]:
            found.append(12 * np.log2(rate / period))
    return float(np.median(found))


def spectrum(sound, rate=24_000):
    """The mean spectrum in 24 bands from 100 Hz to 6 kHz, in dB around its own mean."""
    pieces = [sound[at : at + 1024] * np.hanning(1024) for at in range(0, len(sound) - 1024, 512)]
    power = np.mean(np.abs(np.fft.rfft(pieces)) ** 2, axis=0)
    frequencies, edges = np.fft.rfftfreq(1024, 1 / rate), np.geomspace(100, 6000, 25)
    bands = [power[(frequencies >= low) & (frequencies < high)].sum() for low, high in pairwise(edges)]
    levels = 10 * np.log10(np.array(bands) + 1e-9)
    return levels - levels.mean()


@pytest.mark.parametrize("name", ["Kore", "Charon", "Sulafat"])
async def test_prebuilt_voices_speak(worker, name):
    voice = TutorTextToSpeech(worker)
    assert b"".join(p.pcm for p in await spoken(voice, "Hi.", name)) != b"".join(
        p.pcm for p in await spoken(voice, "Hi.")
    )


def test_clauses_join_and_are_short():
    text = "One. Two! " + "word " * 200 + "x" * 700
    pieces = list(clauses(text))
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 300
    assert pieces[:2] == ["One. ", "Two! "]


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("es", "es+m6"), ("es-ES", "es+m6"), ("es-MX", "es-419+m6"), ("fr-CA", "fr+m6"), ("de_DE", "de+m6"),
        ("it", "it+m6"), ("en-GB", "en+m6"), ("en-US", "en-us+m6"), (None, "en-us+m6"), ("tlh", "en-us+m6"),
    ],
)  # fmt: skip
def test_a_language_keeps_the_style_of_the_voice(language, voice):
    style = style_of("Charon", language)
    assert style.voice == voice
    assert style.pitch == style_of("Charon").pitch


@pytest.mark.parametrize("language", ["es", "es-MX", "fr", "de", "it", "en-GB"])
async def test_other_languages_sound_different(language):
    """The same letters, read by the rules of another language, and not as silence."""
    text = "Buenos dias, general."
    sound = [
        b"".join([piece.pcm async for piece in TutorTextToSpeech().speak(text, "Puck", one)])
        for one in (language, None)
    ]
    assert level_dbfs(to_float(sound[0])) > -35
    assert sound[0] != sound[1]
