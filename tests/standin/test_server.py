import asyncio
import base64
import json

import numpy as np
import pytest

from livewidget.errors import UsageError
from livewidget.standin import FAULTS, ManualClock, StandIn
from livewidget.transports.base import TransportClosed
from tests.standin.puppets import (
    LOUD,
    QUIET,
    Brain,
    Client,
    Ears,
    VirtualClock,
    Voice,
    kinds,
    said,
    settle,
    sound,
)

TRANSCRIPTS = {"inputAudioTranscription": {}, "outputAudioTranscription": {}}
DECLARED = [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}]
SECOND = [QUIET] * 10


class Bench:
    """One stand-in with puppets in it, and the clients that dialled it."""

    def __init__(self, *texts, clock=None, model="offline-tutor", **ears):
        self.ears, self.brain, self.voice = Ears(*texts, **ears), Brain(), Voice()
        self.clock = clock or VirtualClock()
        self.standin = StandIn(
            ears=self.ears, brain=self.brain, voice=self.voice, clock=self.clock, model=model
        )
        self.clients = []

    async def dial(self):
        self.clients.append(Client(await self.standin.dial()))
        return self.clients[-1]

    async def client(self, **fields):
        client = await self.dial()
        assert await client.setup(self.standin.model_path(), **{**TRANSCRIPTS, **fields}) in (
            {"setupComplete": {}},
            *({"setupComplete": {"sessionId": session}} for session in _ids(client)),
        )
        return client

    async def advance(self, ms, step=5):
        for _ in range(int(ms / step)):
            await settle()
            self.clock.advance(step)
        await settle()


def _ids(client):
    return [m["setupComplete"]["sessionId"] for m in client.log if m.get("setupComplete")]


@pytest.fixture
async def bench():
    """Makes benches; afterwards nothing of them may be left."""
    made = []

    def make(*texts, **options):
        made.append(Bench(*texts, **options))
        return made[-1]

    yield make
    for one in made:
        for client in one.clients:
            await client.transport.close()
        assert one.ears.open == 0
        assert one.voice.running == 0
    left = {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("stand-in")}
    assert not left


async def closed(client):
    """Read to the end; return how it was closed."""
    try:
        while True:
            await client.next()
    except TransportClosed as end:
        return end.code, end.reason


# --- The door -----------------------------------------------------------------------------------------------


async def test_setup_is_answered_as_the_service_does(bench):
    client = await bench().dial()
    await client.send(setup={"model": "models/gemini-3.8-live"})
    assert await client.transport.receive() == b'{\n  "setupComplete": {}\n}\n'


async def test_vertex_gives_a_session_id(bench):
    client = await bench().dial()
    answer = await client.setup("projects/p/locations/l/publishers/google/models/gemini-3.8-live")
    assert answer["setupComplete"]["sessionId"]


@pytest.mark.parametrize(
    ("frame", "code", "reason"),
    [
        ("{", 1007, "Invalid JSON"),
        ("[]", 1007, ""),
        ('{"realtimeInput": {"text": "hi"}}', 1007, "The first message must be setup, and only the first."),
        ('{"setup": {"model": "models/offline-tutor", "responseModalities": ["AUDIO"]}}', 1007,
         'Invalid JSON payload received. Unknown name "responseModalities" at \'setup\': Cannot find field.'),
        ('{"setup": {"model": "models/nobody"}}', 1008,
         "models/nobody is not found for API version v1beta, or is not supported for bidiGenerateContent."),
        ('{"setup": {"model": "models/offline-tutor", "sessionResumption": {"handle": "x"}}}', 1008,
         "BidiGenerateContent session not found"),
    ],
)  # fmt: skip
async def test_a_first_frame_that_is_refused(bench, frame, code, reason):
    client = await bench().dial()
    await client.transport.send(frame)
    got = await closed(client)
    assert got[0] == code
    assert got[1].startswith(reason)
    assert len(got[1].encode()) <= 123


async def test_a_setup_that_never_comes(bench):
    one = bench(clock=ManualClock())
    client = await one.dial()
    await settle()
    one.clock.advance(31_000)
    assert await closed(client) == (1011, "Deadline expired before operation could complete.")


# --- Turns --------------------------------------------------------------------------------------------------


async def test_a_typed_turn(bench):
    client = await bench().client()
    await client.send(realtimeInput={"text": "one two"})
    turn = await client.turn()
    assert said(turn) == "echo one two"
    assert np.frombuffer(sound(turn), "<i2").tolist() == [1] * 2400 + [2] * 2400 + [3] * 2400
    assert kinds(turn)[-3:] == ["generationComplete", "turnComplete", "usageMetadata"]
    # The words of a message come in it or before it: joined in one message for this family.
    first = turn[0]["serverContent"]
    assert first["outputTranscription"] == {"text": "echo "}
    assert first["modelTurn"]["parts"][0]["inlineData"]["mimeType"] == "audio/pcm;rate=24000"


async def test_old_families_send_one_thing_at_a_time_and_the_word_first(bench):
    client = await bench(model="gemini-2.5-flash-native-audio-latest").client()
    await client.send(clientContent={"turns": [{"parts": [{"text": "one"}]}], "turnComplete": True})
    turn = await client.turn()
    assert kinds(turn)[:4] == ["outputTranscription", "modelTurn", "outputTranscription", "modelTurn"]


async def test_no_transcripts_unless_asked_for(bench):
    one = bench("hello")
    client = await one.dial()
    await client.setup()
    await client.audio(LOUD, LOUD, *SECOND)
    turn = await client.turn()
    assert kinds(turn)[:2] == ["voiceActivity", "voiceActivity"]
    assert set(kinds(turn)[2:]) == {"modelTurn", "generationComplete", "turnComplete", "usageMetadata"}


async def test_a_spoken_turn(bench):
    one = bench("what is it")
    client = await one.client()
    await client.audio(QUIET, LOUD, LOUD, *SECOND)
    turn = await client.turn()
    assert turn[0] == {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.150s"}}
    assert turn[1]["serverContent"]["interimInputTranscription"] == {"text": "so far"}
    ended = next(i for i, m in enumerate(turn) if m.get("voiceActivity", {}).get("type") == "ACTIVITY_END")
    assert turn[ended]["voiceActivity"]["audioOffset"] == "0.800s"
    assert turn[ended + 1]["serverContent"]["inputTranscription"] == {"text": "what is it", "finished": True}
    assert said(turn) == "echo what is it"
    assert bytes(one.ears.heard) == QUIET + LOUD * 2 + QUIET * 10


async def test_nothing_understood_makes_no_turn(bench):
    one = bench("", "yes")
    client = await one.client()
    await client.audio(LOUD, *SECOND, LOUD, *SECOND)
    turn = await client.turn()
    assert kinds(turn).count("voiceActivity") == 4
    assert said(turn) == "echo yes"


async def test_what_was_not_heard_for_sure_is_told_to_the_mind(bench):
    one = bench("mumble", confident=False)
    client = await one.client()
    await client.audio(LOUD, *SECOND)
    turn = await client.turn()
    heard = [m["serverContent"] for m in turn if "inputTranscription" in m.get("serverContent", {})]
    assert [content["inputTranscription"]["text"] for content in heard] == ["mumble"]
    assert one.brain.minds[0].asked == [("mumble", False)]


async def test_slow_ears_run_beside_the_loop(bench):
    one = bench("first", later=True)
    client = await one.client()
    await client.audio(LOUD, *SECOND)
    assert said(await client.turn()) == "echo first"


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
async def test_any_declared_rate_is_heard(bench, rate):
    one = bench()
    client = await one.client()
    piece = np.full(rate // 10, 500, "<i2").tobytes()
    await client.audio(*[piece] * 10, rate=rate)
    await client.send(realtimeInput={"text": "done"})
    await client.turn()
    heard = np.frombuffer(bytes(one.ears.heard), "<i2")
    assert abs(len(heard) - 16_000) < 100
    assert abs(np.median(heard) - 500) <= 2


@pytest.mark.parametrize(("mime", "code"), [("audio/pcm;rate=1", 1007), ("audio/opus", 1007)])
async def test_sound_that_cannot_be_heard_is_refused(bench, mime, code):
    client = await bench().client()
    await client.send(realtimeInput={"audio": {"data": "AAAA", "mimeType": mime}})
    assert (await closed(client))[0] == code


async def test_odd_and_empty_and_huge_audio_do_no_harm(bench):
    one = bench()
    client = await one.client()
    await client.audio(b"", b"\x01", b"\x01\x02\x03", bytes(16_000 * 2 * 60))
    await client.send(realtimeInput={"text": "still there"})
    assert said(await client.turn()) == "echo still there"
    assert len(one.ears.heard) == 2 + 16_000 * 2 * 60


async def test_media_chunks_are_heard_by_all_but_the_newest(bench):
    old, new = bench("hi", model="gemini-2.5-flash-native-audio-latest"), bench("hi", model="gemini-3.8-live")
    for one in (old, new):
        client = await one.client()
        await client.audio(LOUD, *SECOND, field="mediaChunks")
        await client.send(realtimeInput={"text": "typed"})
        await client.turn()
    assert len(old.ears.heard) == 11 * 3200
    assert len(new.ears.heard) == 0


async def test_the_end_of_the_stream_ends_the_speech(bench):
    client = await bench("hurry").client()
    await client.audio(LOUD)
    await client.send(realtimeInput={"audioStreamEnd": True})
    assert said(await client.turn()) == "echo hurry"


async def test_push_to_talk(bench):
    manual = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
    client = await bench("held").client(**manual)
    await client.send(realtimeInput={"activityStart": {}})
    await client.audio(LOUD, *SECOND)
    await client.send(realtimeInput={"activityEnd": {}})
    turn = await client.turn()
    assert said(turn) == "echo held"
    assert "voiceActivity" not in kinds(turn)


async def test_explicit_activity_beside_detection_is_refused(bench):
    client = await bench().client()
    await client.send(realtimeInput={"activityStart": {}})
    assert await closed(client) == (
        1007,
        "Explicit activity control is not supported when automatic activity detection is enabled.",
    )


async def test_speak_now(bench):
    one = bench()
    client = await one.client()
    await client.send(clientContent={"turnComplete": True})
    await client.turn()
    assert one.brain.minds[0].asked == [("hello", True)]
    await client.send(clientContent={"turns": [{"role": "user", "parts": [{"text": "kept"}]}]})
    await client.send(clientContent={"turnComplete": True})
    assert said(await client.turn()) == "echo kept"


async def test_history_may_be_seeded_and_then_only_typed_as_realtime_text(bench):
    one = bench(model="gemini-3.1-flash-live-preview")
    client = await one.client(historyConfig={"initialHistoryInClientContent": True})
    turns = [{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}]
    await client.send(clientContent={"turns": turns, "turnComplete": True})
    await client.send(realtimeInput={"text": "now"})
    assert said(await client.turn()) == "echo now"
    await client.send(clientContent={"turns": turns, "turnComplete": True})
    assert await closed(client) == (1007, "Request contains an invalid argument.")


async def test_counts_are_those_of_what_was_heard_and_said(bench):
    client = await bench("ask").client()
    await client.audio(LOUD, *SECOND)
    usage = (await client.turn())[-1]["usageMetadata"]
    # 0.6 s until the speech had ended (the rest comes later), and two words of 100 ms.
    details = {one["modality"]: one["tokenCount"] for one in usage["promptTokensDetails"]}
    assert 15 <= details["AUDIO"] <= 28
    assert usage["responseTokenCount"] == 5
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + 5
    await client.send(realtimeInput={"text": "12345678"})
    again = (await client.turn())[-1]["usageMetadata"]
    assert again["promptTokenCount"] >= usage["totalTokenCount"] + 2


async def test_vertex_counts_candidates(bench):
    client = await bench(model="gemini-live-2.5-flash-native-audio").client()
    await client.send(clientContent={"turns": [{"parts": [{"text": "x"}]}], "turnComplete": True})
    usage = (await client.turn())[-1]["usageMetadata"]
    assert usage["candidatesTokenCount"] == 5
    assert "responseTokenCount" not in usage


async def test_extended_thinking_says_that_it_is_idle(bench):
    thinking = {"thinkingConfig": {"thinkingLevel": "LOW"}}
    client = await bench(model="gemini-3.8-live-extended-thinking").client(generationConfig=thinking)
    await client.send(realtimeInput={"text": "hi"})
    assert (await client.turn())[-1]["serverContent"]["interactionStatus"] == "IDLE"


async def test_a_model_that_transcribes_never_answers(bench):
    one = bench("one", "two", model="gemini-3.5-transcribe-live")
    client = await one.client()
    await client.audio(LOUD, *SECOND, LOUD, *SECOND)
    await client.until("serverContent", "inputTranscription")
    await client.until("serverContent", "inputTranscription")
    await settle()
    assert one.brain.minds[0].asked == []


async def test_a_model_that_translates_completes_no_turn_and_says_what_it_is(bench):
    client = await bench("hola", model="gemini-3.5-live-translate-preview").client()
    await client.audio(LOUD, *SECOND)
    said_so = ""
    while not said_so.endswith("this computer."):
        said_so += said([await client.next()])
    await client.audio(*SECOND)
    await settle()
    assert not {"generationComplete", "turnComplete"} & set(kinds(client.log))


async def test_the_voice_asked_for_is_used(bench):
    one = bench()
    voice = {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}}
    client = await one.client(generationConfig=voice)
    await client.send(realtimeInput={"text": "hi"})
    await client.turn()
    assert one.voice.voices == ["Kore"]


async def test_a_brain_that_breaks_says_so_and_the_talk_goes_on(bench):
    client = await bench().client()
    await client.send(realtimeInput={"text": "break"})
    assert said(await client.turn()) == "Sorry, my brain failed: ZeroDivisionError."
    await client.send(realtimeInput={"text": "again"})
    assert said(await client.turn()) == "echo again"


# --- Pace and interruptions ---------------------------------------------------------------------------------


async def test_sound_comes_four_times_as_fast_as_it_plays_and_the_turn_ends_when_it_was_heard(bench):
    one = bench(clock=ManualClock())
    client = await one.client()
    arrived = []

    async def read():
        while True:
            message = await client.next(60)
            arrived.append((one.clock.now_ms(), kinds([message])[0]))

    reader = asyncio.create_task(read())
    await client.send(realtimeInput={"text": " ".join(["word"] * 19)})  # with its echo, 2 s of sound
    await settle()
    assert [at for at, _ in arrived] == [0], "the first piece goes out at once"
    await one.advance(2500)
    reader.cancel()
    audio = [at for at, kind in arrived if kind in ("modelTurn", "outputTranscription")]
    assert len(audio) == 20
    assert audio == pytest.approx([25 * n for n in range(20)], abs=5)
    ends = {kind: at for at, kind in arrived}
    assert ends["generationComplete"] == pytest.approx(475, abs=5)
    assert ends["turnComplete"] == pytest.approx(2000, abs=5)


@pytest.mark.parametrize("after_ms", [30, 1500])
async def test_the_users_voice_interrupts_while_it_is_sent_and_while_it_is_heard(bench, after_ms):
    one = bench("stop", clock=ManualClock())
    client = await one.client()
    await client.send(realtimeInput={"text": " ".join(["word"] * 19)})
    await one.advance(after_ms)
    await client.audio(LOUD)
    await settle()
    turn = await client.turn()
    got = kinds(turn)
    assert got[-4:] == ["voiceActivity", "interrupted", "turnComplete", "usageMetadata"]
    assert ("generationComplete" in got) == (after_ms > 500)
    assert one.voice.running == 0
    await client.audio(*SECOND)
    await one.advance(500)
    assert said(await client.turn()) == "echo stop"


async def test_no_interruption_is_honoured_and_the_question_is_answered_afterwards(bench):
    one = bench("second", clock=ManualClock())
    client = await one.client(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
    await client.send(realtimeInput={"text": "first"})
    await one.advance(20)
    await client.audio(LOUD, *SECOND)
    await one.advance(1000)
    first, second = await client.turn(), await client.turn()
    assert said(first) == "echo first"
    assert "interrupted" not in kinds(first + second)
    assert said(second) == "echo second"


@pytest.mark.parametrize(
    "message",
    [
        {"clientContent": {"turns": [], "turnComplete": False}},
        {"clientContent": {"turns": [{"parts": [{"text": "new"}]}], "turnComplete": True}},
        {"realtimeInput": {"text": "new"}},
    ],
)
async def test_text_interrupts_always(bench, message):
    one = bench(clock=ManualClock())
    client = await one.client(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
    await client.send(realtimeInput={"text": "a long answer to be heard"})
    await one.advance(20)
    await client.send(**message)
    await settle()
    assert "interrupted" in kinds(await client.turn())
    if message != {"clientContent": {"turns": [], "turnComplete": False}}:
        await one.advance(500)
        assert said(await client.turn()) == "echo new"


# --- Tools --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["gemini-3.8-live", "gemini-2.5-flash-native-audio-latest"])
async def test_a_tool_call_in_the_order_of_its_family(bench, model):
    old = "2.5" in model
    client = await bench(model=model).client(tools=DECLARED)
    await client.send(clientContent={"turns": [{"parts": [{"text": "call weather"}]}], "turnComplete": True})
    asked = await client.until("serverContent", "turnComplete") if old else await client.until("toolCall")
    assert kinds(asked) == ["toolCall", "turnComplete", "usageMetadata"][: 3 if old else 1]
    call = asked[0]["toolCall"]["functionCalls"][0]
    assert call["name"] == "weather"
    assert call["args"] == {"city": "Paris"}
    result = {"id": call["id"], "name": "weather", "response": {"sky_now": "blue"}}
    await client.send(toolResponse={"functionResponses": [result]})
    assert said(await client.turn()) == 'weather gave {"sky_now": "blue"}'


async def test_vertex_clients_may_leave_the_id_out(bench):
    client = await bench(model="gemini-live-2.5-flash-native-audio").client(tools=DECLARED)
    await client.send(clientContent={"turns": [{"parts": [{"text": "call weather"}]}], "turnComplete": True})
    await client.turn()
    await client.send(toolResponse={"functionResponses": [{"name": "weather", "response": {"a": 1}}]})
    assert said(await client.turn()) == 'weather gave {"a": 1}'


async def test_a_result_nobody_asked_for_is_ignored(bench):
    client = await bench().client()
    await client.send(toolResponse={"functionResponses": [{"id": "x", "name": "y", "response": {}}]})
    await client.send(realtimeInput={"text": "on"})
    assert said(await client.turn()) == "echo on"


async def test_a_silent_result_is_not_spoken_of(bench):
    client = await bench().client(tools=DECLARED)
    await client.send(realtimeInput={"text": "call weather"})
    call = (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"][0]
    response = {"id": call["id"], "name": "weather", "response": {}, "scheduling": "SILENT"}
    await client.send(toolResponse={"functionResponses": [response]})
    assert kinds(await client.turn()) == ["turnComplete", "usageMetadata"]


async def test_a_function_that_takes_too_long_is_given_up(bench):
    one = bench(clock=ManualClock())
    client = await one.client(tools=DECLARED)
    await client.send(realtimeInput={"text": "call weather"})
    call = (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"][0]
    one.clock.advance(10_001)
    cancelled = await client.until("toolCallCancellation")
    assert cancelled[-1]["toolCallCancellation"]["ids"] == [call["id"]]
    await one.advance(3000, step=50)
    assert "no result within 10 seconds" in said(await client.turn())


async def test_speaking_cancels_a_pending_call(bench):
    one = bench("never mind", clock=ManualClock())
    client = await one.client(tools=DECLARED)
    await client.send(realtimeInput={"text": "call weather"})
    call = (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"][0]
    await client.audio(LOUD)
    turn = await client.turn()
    assert kinds(turn) == [
        "voiceActivity", "toolCallCancellation", "interrupted", "turnComplete", "usageMetadata",
    ]  # fmt: skip
    assert turn[1]["toolCallCancellation"]["ids"] == [call["id"]]


async def test_tools_can_be_replaced(bench):
    one = bench(model="offline-tutor")
    client = await one.client(tools=DECLARED)
    new = [{"functionDeclarations": [{"name": "lamp"}]}]
    await client.send(contextUpdate={"tools": {"tools": new}})
    await client.send(realtimeInput={"text": "call lamp"})
    await client.until("toolCall")
    assert [one["name"] for one in one.brain.minds[-1].declarations] == ["lamp"]
    assert one.ears.phrases.sentences == ("lamp",)
    await client.send(contextUpdate={"tools": {"tools": []}})
    await settle()
    assert one.brain.minds[-1].declarations == []
    assert one.ears.open == 1


# --- Pictures -----------------------------------------------------------------------------------------------


async def test_pictures_are_counted_and_their_size_is_seen(bench):
    one = bench()
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")
    client = await one.client()
    await client.send(
        realtimeInput={"video": {"data": base64.b64encode(png).decode(), "mimeType": "image/png"}}
    )
    await client.send(realtimeInput={"text": "hi"})
    usage = (await client.turn())[-1]["usageMetadata"]
    assert {"modality": "IMAGE", "tokenCount": 258} in usage["promptTokensDetails"]


# --- Resumption ---------------------------------------------------------------------------------------------


async def test_a_handle_comes_after_each_turn_and_leads_back(bench):
    one = bench()
    client = await one.client(sessionResumption={})
    await client.send(realtimeInput={"text": "first"})
    await client.turn()
    update = (await client.next())["sessionResumptionUpdate"]
    assert update["resumable"] is True
    await client.transport.close()
    again = await one.client(sessionResumption={"handle": update["newHandle"]})
    await again.send(realtimeInput={"text": "second"})
    await again.turn()
    assert [text for text, _ in one.brain.minds[0].asked] == ["first", "second"], "the same mind"


async def test_a_handle_is_forgotten_after_two_hours(bench):
    one = bench(clock=ManualClock())
    client = await one.client(sessionResumption={})
    await client.send(realtimeInput={"text": "first"})
    await one.advance(400)
    await client.turn()
    handle = (await client.next())["sessionResumptionUpdate"]["newHandle"]
    one.clock.advance(2 * 3600 * 1000 - 1000)
    (await one.client(sessionResumption={"handle": handle}))
    one.clock.advance(2000)
    late = await one.dial()
    await late.send(setup={"model": "models/offline-tutor", "sessionResumption": {"handle": handle}})
    assert await closed(late) == (1008, "BidiGenerateContent session not found")


# --- Faults -------------------------------------------------------------------------------------------------


async def test_go_away_warns_and_then_closes(bench):
    one = bench(clock=ManualClock())
    client = await one.client()
    one.standin.simulate("goaway")
    assert await client.next() == {"goAway": {"timeLeft": "10s"}}
    one.clock.advance(10_000)
    assert await closed(client) == (1011, "Deadline expired before operation could complete.")


@pytest.mark.parametrize(
    ("fault", "code", "reason"),
    [
        ("drop", 1006, ""),
        ("internal", 1011, "Internal error encountered."),
        ("refuse", 1011, "The service is currently unavailable."),
    ],
)
async def test_faults_that_close(bench, fault, code, reason):
    one = bench()
    client = await one.client()
    one.standin.simulate(fault)
    assert await closed(client) == (code, reason)


async def test_refuse_holds_until_recover(bench):
    one = bench()
    one.standin.simulate("refuse")
    client = await one.dial()
    await client.send(setup={"model": "models/offline-tutor"})
    assert await closed(client) == (1011, "The service is currently unavailable.")
    one.standin.simulate("recover")
    await one.client()


async def test_stall_loses_everything_until_recover(bench):
    one = bench()
    client = await one.client()
    one.standin.simulate("stall")
    await settle()
    await client.send(realtimeInput={"text": "lost"})
    await settle()
    one.standin.simulate("recover")
    await settle()
    await client.send(realtimeInput={"text": "found"})
    assert said(await client.turn()) == "echo found"


def test_unknown_faults_are_refused_with_the_list():
    with pytest.raises(UsageError, match="goaway") as error:
        StandIn().simulate("flood")
    assert all(name in str(error.value) for name in FAULTS)


async def test_a_second_setup_is_refused(bench):
    client = await bench().client()
    await client.send(setup={"model": "models/offline-tutor"})
    assert (await closed(client))[0] == 1007


async def test_a_frame_that_cannot_be_read_in_mid_session_closes(bench):
    client = await bench().client()
    await client.transport.send(json.dumps({"realtimeInput": {"nonsense": 1}}))
    code, reason = await closed(client)
    assert code == 1007
    assert "nonsense" in reason
