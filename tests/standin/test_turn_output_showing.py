"""What answers show beside their words: thoughts, programs, pages and sources, in the order of the wire."""

import pytest

from livewidget.standin import ManualClock
from livewidget.standin.interfaces import (
    ExecutedCode,
    FunctionRequest,
    GroundingSource,
    NoReply,
    Reply,
    RequestedPage,
    SearchGrounding,
)
from livewidget.standin.turn_output import grounding
from tests.standin.puppets import DECLARED, LOUD, kinds, said, settle

THOUGHTS = ("It is a sum.", "Its signs are 7 + 5.", "No tool is needed.", "The result is 12.")
SOURCE = GroundingSource("Eiffel Tower", "https://example.com/tower")
FOUND = SearchGrounding(("eiffel tower built",), (SOURCE,), "It is from 1889.")


def parts(messages):
    return [p for m in messages for p in m.get("serverContent", {}).get("modelTurn", {}).get("parts", [])]


def thoughts(messages):
    """The thoughts in their order; each is a line of its own, for clients that append them."""
    lines = [part["text"] for part in parts(messages) if part.get("thought")]
    assert all(line.endswith("\n") for line in lines)
    return [line.removesuffix("\n") for line in lines]


async def ask(one, answer, text="q", **fields):
    """Ask for `answer` and return the turn, and the client."""
    one.brain.answers[text] = answer
    client = await one.client(**fields)
    await client.send(
        clientContent={"turns": [{"role": "user", "parts": [{"text": text}]}], "turnComplete": True}
    )
    return await client.turn(), client


# --- Thoughts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "config", "shown"),
    [
        ("offline-tutor", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}, 1),
        ("offline-tutor", {"includeThoughts": True, "thinkingLevel": "LOW"}, 2),
        ("offline-tutor", {"includeThoughts": True, "thinkingLevel": "MEDIUM"}, 3),
        ("offline-tutor", {"includeThoughts": True, "thinkingLevel": "HIGH"}, 4),
        ("offline-tutor", {"includeThoughts": True}, 1),
        ("offline-tutor", {"thinkingLevel": "HIGH"}, 0),
        ("gemini-2.5-flash-native-audio-latest", {"includeThoughts": True}, 4),
        ("gemini-2.5-flash-native-audio-latest", {"includeThoughts": True, "thinkingBudget": -1}, 4),
        ("gemini-2.5-flash-native-audio-latest", {"includeThoughts": True, "thinkingBudget": 8}, 2),
        ("gemini-2.5-flash-native-audio-latest", {"includeThoughts": True, "thinkingBudget": 0}, 0),
        ("gemini-3.1-flash-live-preview", {"includeThoughts": True}, 1),
    ],
)
async def test_thoughts_come_before_the_answer_as_many_as_asked_for(bench, model, config, shown):
    one = bench(model=model)
    one.brain.answers["q"] = Reply("twelve", THOUGHTS)
    client = await one.client(generationConfig={"thinkingConfig": config})
    if model.startswith("gemini-2.5"):
        await client.send(
            clientContent={"turns": [{"role": "user", "parts": [{"text": "q"}]}], "turnComplete": True}
        )
    else:
        await client.send(realtimeInput={"text": "q"})
    turn = await client.turn()
    assert thoughts(turn) == list(THOUGHTS[:shown])
    assert all(part.get("thought") for part in parts(turn)[:shown])
    assert said(turn) == "twelve"


async def test_thoughts_count_whether_they_are_sent_or_not(bench):
    for shown in (True, False):
        config = {"thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": shown}}
        turn, client = await ask(bench(), Reply("twelve", THOUGHTS), generationConfig=config)
        assert turn[-1]["usageMetadata"]["thoughtsTokenCount"] == 8
        usage = turn[-1]["usageMetadata"]
        assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["responseTokenCount"] + 8
        await client.send(realtimeInput={"text": "again"})
        assert "thoughtsTokenCount" not in (await client.turn())[-1]["usageMetadata"]


async def test_a_model_that_does_not_think_shows_nothing(bench):
    turn, _ = await ask(bench(model="gemini-3.8-live"), Reply("twelve", THOUGHTS))
    assert thoughts(turn) == []
    assert "thoughtsTokenCount" not in turn[-1]["usageMetadata"]


async def test_thoughts_come_before_a_call_too(bench):
    one = bench()
    one.brain.answers["q"] = FunctionRequest("weather", {}, ("It asks for the weather.",))
    client = await one.client(
        tools=DECLARED, generationConfig={"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"}}
    )
    await client.send(realtimeInput={"text": "q"})
    got = await client.until("toolCall")
    assert thoughts(got) == ["It asks for the weather."]
    assert kinds(got)[-1] == "toolCall"


async def test_who_thinks_in_the_background_fills_the_pause_and_says_when_all_is_done(bench):
    config = {"thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True}}
    one = bench(model="gemini-3.8-live-extended-thinking")
    first, client = await ask(one, Reply("twelve", THOUGHTS), generationConfig=config)
    assert said(first) == "Let me think."
    assert kinds(first)[-4:-2] == ["generationComplete", "turnComplete"]
    assert first[-1]["serverContent"]["interactionStatus"] == "IN_PROGRESS"
    second = await client.turn()
    assert thoughts(second) == list(THOUGHTS)
    assert said(second) == "twelve"
    assert second[-1]["serverContent"]["interactionStatus"] == "IDLE"
    # Negative control: what needs no thought is answered at once.
    await client.send(realtimeInput={"text": "hi"})
    only = await client.turn()
    assert said(only) == "echo hi"
    assert only[-1]["serverContent"]["interactionStatus"] == "IDLE"


async def test_speaking_into_the_filler_ends_the_interaction(bench):
    one = bench("stop", model="gemini-3.8-live-extended-thinking", clock=ManualClock())
    one.brain.answers["q"] = Reply("twelve", THOUGHTS)
    client = await one.client(generationConfig={"thinkingConfig": {"thinkingLevel": "LOW"}})
    await client.send(realtimeInput={"text": "q"})
    await one.advance(20)
    await client.audio(LOUD)
    await settle()
    turn = await client.turn()
    assert kinds(turn)[-5:-2] == ["voiceActivity", "interrupted", "turnComplete"]
    assert turn[-1]["serverContent"]["interactionStatus"] == "IDLE"


# --- Programs, pages, sources -------------------------------------------------------------------------------


@pytest.mark.parametrize(("ok", "outcome"), [(True, "OUTCOME_OK"), (False, "OUTCOME_FAILED")])
async def test_a_program_and_its_result_come_before_the_words(bench, ok, outcome):
    turn, _ = await ask(bench(), Reply("Six.", executed=ExecutedCode("print(6)", "6\n", ok)))
    assert parts(turn)[0] == {"executableCode": {"code": "print(6)", "language": "PYTHON"}}
    assert parts(turn)[1] == {"codeExecutionResult": {"outcome": outcome, "output": "6\n"}}
    assert said(turn) == "Six."


async def test_pages_are_told_before_the_words_with_what_became_of_them(bench):
    pages = (RequestedPage("https://example.com"), RequestedPage("https://example.org", retrieved=True))
    turn, _ = await ask(bench(), Reply("No.", pages=pages))
    assert turn[0]["serverContent"] == {
        "urlContextMetadata": {
            "urlMetadata": [
                {
                    "retrievedUrl": "https://example.com",
                    "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_ERROR",
                },
                {
                    "retrievedUrl": "https://example.org",
                    "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS",
                },
            ]
        }
    }


async def test_sources_come_after_the_words_and_before_the_end(bench):
    turn, _ = await ask(bench(), Reply("From my shelf: It is from 1889.", grounding=FOUND))
    assert kinds(turn)[-4:] == ["groundingMetadata", "generationComplete", "turnComplete", "usageMetadata"]
    metadata = next(
        m["serverContent"]["groundingMetadata"]
        for m in turn
        if "groundingMetadata" in m.get("serverContent", {})
    )
    assert metadata["webSearchQueries"] == ["eiffel tower built"]
    assert metadata["groundingChunks"] == [{"web": {"uri": SOURCE.uri, "title": SOURCE.title}}]


def test_positions_of_what_rests_on_a_source_count_bytes():
    answer = "Brasília: It is from 1889."
    (support,) = grounding(FOUND, answer)["groundingSupports"]
    segment = support["segment"]
    assert answer.encode()[segment["startIndex"] : segment["endIndex"]].decode() == FOUND.text
    assert support["groundingChunkIndices"] == [0]
    whole = grounding(FOUND, FOUND.text)["groundingSupports"][0]["segment"]
    assert "startIndex" not in whole  # like every zero of the wire


def test_a_query_does_no_harm_in_the_entry_point():
    evil = SearchGrounding(('"><script>alert(1)</script>',), (SOURCE,), "x")
    rendered = grounding(evil, "x")["searchEntryPoint"]["renderedContent"]
    assert "<script>" not in rendered
    assert rendered.count("<") == 2


# --- Silence ------------------------------------------------------------------------------------------------


async def test_who_chooses_not_to_answer_says_that_it_waits(bench):
    one = bench()
    turn, client = await ask(one, NoReply(), proactivity={"proactiveAudio": True})
    assert kinds(turn) == ["waitingForInput", "turnComplete", "usageMetadata"]
    assert one.brain.minds[0].skills.may_ignore
    await client.send(realtimeInput={"text": "and now"})
    assert said(await client.turn()) == "echo and now"


@pytest.mark.parametrize(
    ("model", "proactivity", "silence", "reserved"),
    [
        ("offline-tutor", {}, False, False),
        ("offline-tutor", {"proactivity": {"proactiveAudio": True}}, True, True),
        ("gemini-2.5-flash-native-audio-latest", {}, False, False),
        ("gemini-3.8-live", {}, True, False),
    ],
)
async def test_silence_is_a_skill_where_it_is_asked_for_or_always(
    bench, model, proactivity, silence, reserved
):
    one = bench(model=model)
    await one.client(**proactivity)
    skills = one.brain.minds[0].skills
    assert (skills.may_ignore, skills.proactive_audio) == (silence, reserved)
