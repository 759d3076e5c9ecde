"""What is kept of a talk: counted, compressed, and too much at last."""

from itertools import pairwise

import pytest

from livewidget.standin.context import Context
from tests.standin.puppets import LOUD, SECOND, closed, kinds


def talk(*words):
    context = Context()
    for word in words:
        context.add_text("user", word)
        context.count_text_out(word.upper())
        context.add("model", word.upper())
        context.end_turn()
    return context


def test_lines_are_in_order_and_the_last_can_be_taken_back():
    context = talk("one", "two")
    assert context.lines == [("user", "one"), ("model", "ONE"), ("user", "two"), ("model", "TWO")]
    assert context.last() == ("model", "TWO")
    context.add("user", "three")
    assert context.pop() == ("user", "three")
    assert context.pop() == ("model", "TWO")
    assert Context().pop() is None
    assert Context().last() is None


def test_all_that_is_kept_is_prompt_again():
    context = Context()
    context.instruction = "x" * 40
    context.add_text("user", "y" * 80)
    context.count_audio_in(16_000)
    context.count_picture("MEDIA_RESOLUTION_LOW")
    context.count_audio_out(48_000)
    context.count_thought("z" * 8)
    assert context.size == 10 + 20 + 25 + 64
    first = context.end_turn()
    assert (first.prompt_token_count, first.response_token_count, first.thoughts_token_count) == (119, 50, 2)
    second = context.end_turn()
    assert (second.prompt_token_count, second.response_token_count) == (169, 0)
    context.instruction = ""
    assert context.end_turn().prompt_token_count == 159


def test_compression_drops_the_oldest_exchanges_whole():
    context = talk(*["a" * 40, "b" * 40, "c" * 40, "d" * 40])  # 20 tokens each
    context.instruction = "i" * 40
    assert context.size == 90
    assert context.compress(90, 10) == 0
    assert context.compress(89, 50) == 2
    assert context.size == 50
    assert context.lines[0] == ("user", "c" * 40)
    assert context.instruction == "i" * 40
    context.add_text("user", "e" * 400)
    assert context.compress(10, 0) == 2
    assert context.lines == [("user", "e" * 400)], "what is being said now is never dropped"


def test_a_seeded_history_is_dropped_exchange_by_exchange_too():
    context = Context()
    for role, text in (("user", "a"), ("model", "b"), ("user", "c"), ("user", "d"), ("model", "e")):
        context.add_text(role, text * 40)
    context.add_text("user", "now")
    assert context.compress(50, 45) == 1
    assert [text[0] for _, text in context.lines] == ["c", "d", "e", "n"]


# --- On the wire --------------------------------------------------------------------------------------------


def prompt(client):
    return [m["usageMetadata"]["promptTokenCount"] for m in client.log if "usageMetadata" in m]


WINDOW = {"contextWindowCompression": {"triggerTokens": "100", "slidingWindow": {"targetTokens": "40"}}}


@pytest.mark.parametrize("compressed", [True, False])
async def test_what_is_compressed_away_is_forgotten_and_costs_no_more(bench, compressed):
    client = await bench(tutor=True).client(**(WINDOW if compressed else {}))
    assert await client.ask("My name is Ada") == "Nice to meet you, Ada."
    assert await client.ask("What is my name?") == "Your name is Ada."
    for _ in range(4):
        await client.ask("what is seven plus five")
    answer = await client.ask("what is my name")
    first = await client.ask("what did I ask first")
    counts = prompt(client)
    if compressed:
        assert answer == "I do not know your name: you have not told me."
        assert "seven plus five" in first
        assert max(counts) <= 100
        assert any(later < earlier for earlier, later in pairwise(counts))
    else:
        assert answer == "Your name is Ada."
        assert first.endswith("My name is Ada")
        assert counts == sorted(counts)


async def test_the_trigger_is_four_fifths_of_the_window_and_the_target_half_of_that(bench):
    client = await bench().client(contextWindowCompression={"slidingWindow": {}})
    await client.ask("x" * 4 * 50_000)
    await client.ask("y" * 4 * 50_000)
    assert prompt(client)[-1] > 100_000
    await client.ask("z" * 4 * 5_000)
    assert prompt(client)[-1] < 60_000


@pytest.mark.parametrize(
    ("model", "end"),
    [
        (
            "gemini-3.8-live",
            (1007, "The input token count (150000) exceeds the maximum number of tokens allowed (131072)."),
        ),
        ("gemini-live-2.5-flash-native-audio", (1000, "The operation was cancelled.")),
        ("gemini-2.0-flash-live-preview-04-09", (1000, "The operation was cancelled.")),
    ],
)
async def test_without_compression_a_full_context_ends_the_session(bench, model, end):
    client = await bench(model=model).client()
    content = {"turns": [{"role": "user", "parts": [{"text": "x" * 600_000}]}], "turnComplete": True}
    await client.send(clientContent=content)
    assert await closed(client) == end


async def test_with_compression_what_does_not_fit_by_itself_ends_it_too(bench):
    client = await bench().client(**WINDOW)
    await client.send(realtimeInput={"text": "x" * 600_000})
    assert (await closed(client))[0] == 1007


async def test_a_context_that_is_nearly_full_is_not_full(bench):
    client = await bench().client()
    await client.ask("x" * 4 * 131_072)
    assert prompt(client) == [131_072]


# --- Turn coverage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coverage", "least", "most"),
    [("TURN_INCLUDES_ONLY_ACTIVITY", 15, 20), ("TURN_INCLUDES_ALL_INPUT", 265, 270), (None, 15, 20)],
)
async def test_only_all_input_counts_silence(bench, coverage, least, most):
    realtime = {"realtimeInputConfig": {"turnCoverage": coverage}} if coverage else {}
    client = await bench("ask").client(**realtime)
    await client.audio(*SECOND * 10, LOUD, *SECOND)
    details = (await client.turn())[-1]["usageMetadata"]["promptTokensDetails"]
    assert [one["modality"] for one in details] == ["AUDIO"]
    assert least <= details[0]["tokenCount"] <= most


PNG = "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAC6s0uzAAAAAElFTkSuQmCC"


@pytest.mark.parametrize(
    ("coverage", "model", "seen"),
    [
        ("TURN_INCLUDES_ONLY_ACTIVITY", "offline-tutor", False),
        ("TURN_INCLUDES_ALL_INPUT", "offline-tutor", True),
        ("TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO", "offline-tutor", True),
        (None, "gemini-3.8-live", True),
        (None, "gemini-2.5-flash-native-audio-latest", False),
    ],
)
async def test_what_is_shown_before_somebody_speaks(bench, coverage, model, seen):
    realtime = {"realtimeInputConfig": {"turnCoverage": coverage}} if coverage else {}
    client = await bench("what do you see", "what do you see", tutor=True, model=model).client(**realtime)
    picture = {"video": {"data": PNG, "mimeType": "image/png"}}
    await client.send(realtimeInput=picture)
    await client.audio(LOUD, *SECOND)
    heard = await client.turn()
    assert ("IMAGE" in str(heard[-1]["usageMetadata"])) == seen
    # While somebody speaks it is part of the turn in any case.
    await client.audio(LOUD)
    await client.send(realtimeInput=picture)
    await client.audio(*SECOND)
    assert "IMAGE" in str((await client.turn())[-1]["usageMetadata"])


async def test_what_is_shown_before_one_types_belongs_to_that(bench):
    only = {"realtimeInputConfig": {"turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY"}}
    client = await bench("hello", tutor=True).client(**only)
    await client.send(realtimeInput={"video": {"data": PNG, "mimeType": "image/png"}})
    assert "640 by 480" in await client.ask("what do you see")
    await client.send(realtimeInput={"video": {"data": PNG, "mimeType": "image/png"}})
    await client.audio(LOUD, *SECOND)
    await client.turn()
    assert "one picture" in await client.ask("how many pictures have you seen"), "the second was for nobody"
    assert "interrupted" not in kinds(client.log)
