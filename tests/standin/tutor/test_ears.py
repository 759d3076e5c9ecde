import queue
from pathlib import Path

import numpy as np
import pytest

from livewidget.audio import read_wav, resample, to_float, to_pcm16
from livewidget.protocol.messages import AutomaticActivityDetection, RealtimeInputConfig
from livewidget.standin.interfaces import (
    PartialTranscript,
    Phrases,
    Recognition,
    Skills,
    SpeechEnded,
    SpeechStarted,
    SpeechToText,
    VadSettings,
)
from livewidget.standin.recall import PICTURE_PHRASES
from livewidget.standin.tutor.brain import TutorResponder
from livewidget.standin.tutor.ears import SpeechSegmenter, TutorSpeechToText
from livewidget.standin.tutor.patterns import tokens
from livewidget.standin.tutor.recognizer import _MEAN, _NARROW_MEAN, Recognizer
from livewidget.standin.tutor.topics import QUESTIONS
from livewidget.standin.tutor.voice import shared_espeak

pytestmark = pytest.mark.voice

pytest.importorskip("pocketsphinx")
pytest.importorskip("espeakng_loader")

LIGHT = {"name": "light", "parametersJsonSchema": {"properties": {"on": {"type": "boolean"}}}}
PHRASES = TutorResponder().session([LIGHT]).phrases
RATE = 16_000
PEOPLE = Path("/usr/share/pocketsphinx/test/data")


def spoken(text, voice="en-us+adam"):
    frames = queue.Queue()
    shared_espeak.ask(lambda kind, payload: frames.put((kind, payload)), "speak", text, voice)
    pcm = b""
    while (frame := frames.get(timeout=10))[0] != b"E":
        pcm += frame[1] if frame[0] == b"A" else b""
    return resample(to_float(pcm), shared_espeak.sample_rate, RATE)


def quiet(seconds, level=1e-3):
    return (level * np.random.default_rng(3).standard_normal(int(RATE * seconds))).astype(np.float32)


def around(speech, before=0.5, after=1.0, level=1e-3):
    sound = np.concatenate(
        [np.zeros(int(RATE * before), np.float32), speech, np.zeros(int(RATE * after), np.float32)]
    )
    return sound + quiet(len(sound) / RATE, level)[: len(sound)]


def hear(hearing, sound, chunk=640):
    pcm = to_pcm16(sound)
    return [one for at in range(0, len(pcm), chunk) for one in hearing.feed(pcm[at : at + chunk])]


def ended(heard):
    return [one for one in heard if isinstance(one, SpeechEnded)]


class Echo:
    """A listener that keeps what it gets."""

    def __init__(self):
        self.sound = b""

    def begin(self):
        self.sound = b""

    def feed(self, pcm, speech):
        self.sound += pcm

    def finish(self):
        return "said", True, None

    def close(self):
        pass


class Scripted:
    """A detector that is told what is speech: any sound over a tenth."""

    def probability(self, window):
        return float(np.abs(window).max() > 0.1)


def scripted(**settings):
    echo = Echo()
    return SpeechSegmenter(VadSettings(**settings), echo, voice_detector=Scripted()), echo


def beep(seconds):
    return np.full(int(RATE * seconds), 0.5, np.float32)


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("en-us+adam", "what is seven plus five"),
        ("en-us+edward", "tell me a story"),
        ("en-us+f5", "what time is it"),
        ("en-us+m6", "turn on the light"),
        ("en-us+klatt4", "what can you do"),
        ("en-us+f2", "what is the capital of france"),
    ],
)
def test_phrases_are_understood_as_they_are_spoken(voice, text):
    ears: SpeechToText = TutorSpeechToText()
    hearing: Recognition = ears.session(VadSettings(), PHRASES)
    heard = hear(hearing, around(spoken(text, voice)))
    assert isinstance(heard[0], SpeechStarted)
    partials = [one.text for one in heard if isinstance(one, PartialTranscript)]
    assert len(partials) >= 2
    assert tokens(ended(heard)[0].text) == tokens(text)
    assert ended(heard)[0].confident
    assert len(ended(heard)) == 1
    hearing.close()
    hearing.close()
    assert hearing.feed(b"\0" * 3_200) == []


def through_a_telephone(sound):
    """8 kHz in µ-law of 8 bits (ITU-T G.711), at 16 kHz again."""
    narrow = np.clip(resample(sound, RATE, 8_000), -1, 1)
    code = np.round(127 * np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256))
    decoded = np.sign(code) * np.expm1(np.abs(code) / 127 * np.log(256)) / 255
    return resample(decoded.astype(np.float32), 8_000, RATE)


def test_the_mean_of_a_telephones_speech_is_another():
    recognizer = Recognizer(PHRASES)
    for sound, mean in (
        (spoken("hello"), _MEAN),
        (through_a_telephone(spoken("hello")), _NARROW_MEAN),
        (spoken("hello"), _MEAN),
    ):
        recognizer.begin()
        pcm = to_pcm16(sound)
        for at in range(0, len(pcm) - 1023, 1024):
            recognizer.feed(pcm[at : at + 1024], True)
        assert recognizer._mean == mean
    recognizer.close()


def test_questions_are_understood_through_a_telephone():
    """Kind: speech of less than the bandwidth that the acoustic model knows.

    A voice of espeak-ng says the same sentence a little differently each time, so that one sentence may be missed.
    """
    texts = [text for _, phrases in QUESTIONS for text in phrases[:1]]
    missed = []
    for voice in ("en-us+adam", "en-us+f2"):
        for text in texts:
            hearing = TutorSpeechToText().session(VadSettings(), PHRASES)
            heard = ended(hear(hearing, through_a_telephone(around(spoken(text, voice)))))
            if [tokens(one.text) for one in heard] != [tokens(text)]:
                missed.append((voice, text))
            hearing.close()
    assert len(missed) <= 0.1 * 2 * len(texts), missed


def test_the_second_pass_finds_the_sentence_that_the_first_one_missed():
    text = "what is two minus six"
    heard = hear(TutorSpeechToText().session(VadSettings(), PHRASES), around(spoken(text)))
    partials = [one.text for one in heard if isinstance(one, PartialTranscript)]
    assert partials[-1] != text  # negative control: all that one pass understands of this clip
    assert [(one.text, one.confident) for one in ended(heard)] == [(text, True)]


@pytest.mark.parametrize("voice", ["en-us", "en-us+m6"])
def test_seven_is_not_seventy(voice):
    text = "what is seven plus five"
    found = ended(hear(TutorSpeechToText().session(VadSettings(), PHRASES), around(spoken(text, voice))))
    assert [one.text for one in found] == [text]


def test_the_times_are_those_of_the_speech():
    heard = hear(TutorSpeechToText().session(VadSettings(), PHRASES), around(spoken("tell me a joke")))
    assert RATE * 0.5 < heard[0].at_sample < RATE * 0.85
    length = RATE * 0.5 + len(spoken("tell me a joke"))
    (end,) = ended(heard)
    assert length < end.at_sample < length + RATE * 0.75
    # Speech ended before the silence that told so: there, give or take the fading of the last sound.
    assert RATE * 0.5 <= end.silent_samples < RATE * 0.6
    assert abs(end.at_sample - end.silent_samples - length) < RATE * 0.25


def test_two_utterances_and_a_second_session():
    ears = TutorSpeechToText()
    for _ in range(2):
        hearing = ears.session(VadSettings(), PHRASES)
        sound = np.concatenate([around(spoken("hello tutor")), around(spoken("what time is it"))])
        texts = [one.text for one in ended(hear(hearing, sound))]
        assert texts[1:] == ["what time is it"]
        assert len(texts) == 2
        hearing.close()


@pytest.mark.parametrize("gain", [0.05, 0.3, 1.5])
def test_loudness_does_not_matter(gain):
    sound = np.clip(gain * around(spoken("what is the largest planet")), -1, 1)
    found = ended(hear(TutorSpeechToText().session(VadSettings(), PHRASES), sound))
    assert [one.text for one in found] == ["what is the largest planet"]


def test_digital_silence_around_the_words():
    texts = ("what is the largest ocean", "how many months are in a year", "tell me a story", "why is the sky blue",
             "who wrote romeo and juliet", "what is the highest mountain")  # fmt: skip
    right = {True: 0, False: 0}
    for floor in right:
        for text in texts:
            recognizer = Recognizer(PHRASES, floor=floor)
            recognizer.begin()
            silence = np.zeros(RATE // 2, np.float32)
            sound = to_pcm16(np.concatenate([silence, spoken(text, "en-us+m3"), silence]))
            for at in range(0, len(sound), 640):
                piece = sound[at : at + 640]
                recognizer.feed(piece, speech=any(piece))
            right[floor] += recognizer.finish()[0] == text
    assert right[True] >= 5
    assert right[False] < right[True]  # negative control: what the noise is for


def test_what_is_not_known_is_not_trusted_but_reported():
    hearing = TutorSpeechToText().session(VadSettings(), PHRASES)
    text = "unbelievable giraffes were marching quietly towards bigger mushrooms"
    (found,) = ended(hear(hearing, around(spoken(text))))
    assert not found.confident
    assert found.text


def test_words_that_no_dictionary_holds():
    phrases = Phrases(("open the jupyterlab zebrafinch", "close the window"))
    (found,) = ended(
        hear(TutorSpeechToText().session(VadSettings(), phrases), around(spoken(phrases.sentences[0])))
    )
    assert found.text == phrases.sentences[0]


@pytest.mark.parametrize("chunk", [2, 320, 1_000, 1_000_000])
def test_chunks_of_any_length_make_no_difference(chunk):
    sound = np.concatenate([quiet(0.5), beep(0.8), quiet(1.0)])
    expected_hearing, expected = scripted()
    hearing, echo = scripted()
    events = hear(expected_hearing, sound)
    assert hear(hearing, sound, chunk) == events
    assert echo.sound == expected.sound
    assert len(events) == 2


def test_an_odd_byte_waits_for_its_other_half():
    hearing, _ = scripted()
    pcm = to_pcm16(np.concatenate([quiet(0.5), beep(0.8), quiet(1.0)]))
    assert len(hearing.feed(pcm[:20_001]) + hearing.feed(pcm[20_001:])) == 2


def test_the_recogniser_gets_what_came_before():
    hearing, echo = scripted()
    mark = np.full(100, 0.05, np.float32)  # soft: no speech by itself, 200 ms before
    hear(hearing, np.concatenate([quiet(1), mark, quiet(0.2), beep(0.5), quiet(1)]))
    assert np.isclose(to_float(echo.sound), 0.05, atol=1e-4).sum() >= 100


@pytest.mark.parametrize(("silence_ms", "pieces"), [(100, 2), (500, 1)])
def test_the_silence_that_ends_speech_is_the_settings(silence_ms, pieces):
    hearing, _ = scripted(silence_ms=silence_ms)
    sound = np.concatenate([quiet(0.5), beep(0.5), quiet(0.3), beep(0.5), quiet(1.0)])
    assert len(ended(hear(hearing, sound))) == pieces


@pytest.mark.parametrize(("prefix_ms", "starts"), [(20, 1), (300, 0)])
def test_speech_must_last_the_prefix(prefix_ms, starts):
    hearing, _ = scripted(prefix_padding_ms=prefix_ms)
    heard = hear(hearing, np.concatenate([quiet(0.5), beep(0.15), quiet(1.0)]))
    assert sum(isinstance(one, SpeechStarted) for one in heard) == starts


def test_the_end_of_the_stream_ends_speech():
    hearing, _ = scripted()
    assert hearing.flush() == []
    hear(hearing, np.concatenate([quiet(0.5), beep(0.5)]))
    assert len(ended(hearing.flush())) == 1
    assert hearing.flush() == []
    assert len(hear(hearing, np.concatenate([quiet(0.5), beep(0.5), quiet(1)]))) == 2


def test_manual_activity():
    hearing, echo = scripted(manual=True)
    assert (
        hear(hearing, np.concatenate([beep(1), quiet(2)])) == []
    )  # negative control: nothing starts by itself
    assert isinstance(hearing.start()[0], SpeechStarted)
    assert hearing.start() == []
    assert hear(hearing, np.concatenate([quiet(1), beep(1), quiet(3)])) == []
    assert [one.text for one in hearing.end()] == ["said"]
    assert hearing.end() == []
    assert len(echo.sound) >= 5 * RATE * 2


def test_manual_activity_is_understood():
    hearing = TutorSpeechToText().session(VadSettings(manual=True), PHRASES)
    hearing.start()
    hear(hearing, around(spoken("what is seven plus five"), 0.1, 0.1))
    (found,) = ended(hearing.end())
    assert tokens(found.text) == tokens("what is seven plus five")


def test_nobody_speaks_for_ever():
    hearing, _ = scripted()
    assert len(ended(hear(hearing, beep(61), 64_000))) == 1


def test_the_settings_of_the_wire():
    assert VadSettings.from_config(None) == VadSettings.from_config(RealtimeInputConfig()) == VadSettings()
    detection = AutomaticActivityDetection(
        start_of_speech_sensitivity="START_SENSITIVITY_LOW",
        end_of_speech_sensitivity="END_SENSITIVITY_HIGH",
        prefix_padding_ms=20,
        silence_duration_ms=100,
    )
    assert VadSettings.from_config(
        RealtimeInputConfig(automatic_activity_detection=detection)
    ) == VadSettings(silence_ms=100, prefix_padding_ms=20, start_threshold=0.7, end_threshold=0.45)
    off = AutomaticActivityDetection(disabled=True)
    assert VadSettings.from_config(RealtimeInputConfig(automatic_activity_detection=off)).manual


@pytest.mark.parametrize("kind", ["nothing", "noise", "music"])
def test_what_is_no_speech_starts_nothing(kind):
    time = np.arange(5 * RATE) / RATE
    notes = 262 * 2 ** (np.floor(time * 4) % 8 / 12)
    sound = {
        "nothing": np.zeros(len(time)),
        "noise": quiet(5, 0.05),
        "music": 0.2 * np.sin(2 * np.pi * np.cumsum(notes) / RATE) * np.exp(-3 * (time * 4 % 1)),
    }[kind]
    assert hear(TutorSpeechToText().session(VadSettings(), PHRASES), sound.astype(np.float32)) == []


def test_people_who_say_other_things_are_not_obeyed():
    clips = [read_wav(path) for path in sorted(PEOPLE.rglob("*.wav"))]
    clips += [(to_float(path.read_bytes()), RATE) for path in sorted(PEOPLE.glob("*.raw"))]
    if not clips:
        pytest.skip("Debian's pocketsphinx-testdata is not installed")
    obeyed = 0
    for sound, rate in clips:
        hearing = TutorSpeechToText().session(VadSettings(), PHRASES)
        found = ended(hear(hearing, around(resample(sound, rate, RATE)[: 3 * RATE])) + hearing.flush())
        obeyed += any(one.confident for one in found)
    assert obeyed <= max(1, len(clips) // 20)


@pytest.mark.parametrize(
    ("skills", "voice", "text"),
    [
        (Skills(search=True), "en-us+adam", "when was the eiffel tower built"),
        (Skills(search=True), "en-us+f2", "who discovered penicillin"),
        (Skills(search=True), "en-us+m6", "what is a web socket"),
        (Skills(code=True), "en-us+edward", "what are the first ten prime numbers"),
        (Skills(code=True), "en-us+f5", "what is the factorial of nine"),
        (Skills(code=True), "en-us+adam", "divide seven by zero with python"),
        (Skills(url_context=True), "en-us+m6", "what does example dot com say"),
        (Skills(may_ignore=True), "en-us+f2", "hey mom where are my shoes"),
        (Skills(), "en-us+edward", "has the picture changed"),
        (Skills(), "en-us+f5", "what color is it"),
    ],
)
def test_what_was_declared_is_heard(skills, voice, text):
    """With pink noise's place taken by a quiet room: the benchmark has the noise."""
    phrases = Phrases((*TutorResponder().session([LIGHT], skills).phrases.sentences, *PICTURE_PHRASES))
    (found,) = ended(hear(TutorSpeechToText().session(VadSettings(), phrases), around(spoken(text, voice))))
    assert (found.text, found.confident) == (text, True)


def test_what_was_not_declared_is_not_heard():
    text = "what are the first ten prime numbers"
    (found,) = ended(
        hear(TutorSpeechToText().session(VadSettings(), PHRASES), around(spoken(text, "en-us+edward")))
    )
    assert found.text != text
