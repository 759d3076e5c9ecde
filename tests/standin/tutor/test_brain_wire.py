"""The tutor's own brain in the stand-in: what each declaration makes of a question, on the wire."""

import base64
import io

import pytest
from PIL import Image

from livewidget.standin import StandIn
from livewidget.standin.tutor.topics import FACT_PREFIX
from tests.standin.puppets import (
    LOUD,
    SECOND,
    TRANSCRIPTS,
    Client,
    Ears,
    VirtualClock,
    Voice,
    kinds,
    said,
)

MODELS = ("offline-tutor", "gemini-2.5-flash-native-audio-latest")


async def talk(*texts, model="offline-tutor", **fields):
    """A client of the tutor that hears these texts one after the other."""
    tutor = StandIn(ears=Ears(*texts), voice=Voice(), clock=VirtualClock(), model=model)
    client = Client(await tutor.dial())
    await client.setup(tutor.model_path(), **{**TRANSCRIPTS, **fields})
    return client


async def spoken(client):
    await client.audio(LOUD, *SECOND)
    return await client.turn()


def found(messages, name):
    return [m["serverContent"][name] for m in messages if name in m.get("serverContent", {})]


def parts(messages, name):
    return [part[name] for turn in found(messages, "modelTurn") for part in turn["parts"] if name in part]


@pytest.mark.parametrize("model", MODELS)
async def test_a_declared_search_gives_sources(model):
    client = await talk("who painted the mona lisa", model=model, tools=[{"googleSearch": {}}])
    turn = await spoken(client)
    assert said(turn).startswith(FACT_PREFIX)
    (metadata,) = found(turn, "groundingMetadata")
    assert metadata["groundingChunks"][0]["web"]["uri"] == "https://en.wikipedia.org/wiki/Mona_Lisa"
    (support,) = metadata["groundingSupports"]
    start, end = support["segment"]["startIndex"], support["segment"]["endIndex"]
    assert said(turn).encode()[start:end].decode() == support["segment"]["text"]
    await client.transport.close()


@pytest.mark.parametrize("model", MODELS)
async def test_without_the_declaration_there_are_none(model):
    client = await talk("who painted the mona lisa", model=model)
    turn = await spoken(client)
    assert not found(turn, "groundingMetadata")
    assert "did not understand" in said(turn)
    await client.transport.close()


async def test_declared_code_execution_shows_what_ran():
    client = await talk("what is the factorial of five", tools=[{"codeExecution": {}}])
    turn = await spoken(client)
    (code,), (result,) = parts(turn, "executableCode"), parts(turn, "codeExecutionResult")
    assert code["language"] == "PYTHON"
    assert "range(2, 5 + 1)" in code["code"]
    assert result == {"outcome": "OUTCOME_OK", "output": "120\n"}
    assert "one hundred twenty" in said(turn)
    await client.transport.close()


async def test_a_program_that_fails_says_so():
    client = await talk("divide seven by zero with python", tools=[{"codeExecution": {}}])
    turn = await spoken(client)
    (result,) = parts(turn, "codeExecutionResult")
    assert result["outcome"] == "OUTCOME_FAILED"
    assert "division by zero" in said(turn)
    await client.transport.close()


async def test_a_declared_page_is_honestly_not_read():
    client = await talk(tools=[{"urlContext": {}}])
    await client.send(realtimeInput={"text": "What does https://example.com/x say?"})
    turn = await client.turn()
    assert found(turn, "urlContextMetadata") == [
        {
            "urlMetadata": [
                {
                    "retrievedUrl": "https://example.com/x",
                    "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_ERROR",
                }
            ]
        }
    ]
    assert "no network" in said(turn)
    await client.transport.close()


@pytest.mark.parametrize("model", MODELS)
async def test_proactive_audio_leaves_alone_what_was_not_meant_for_it(model):
    aside = "hey mom where are my shoes"
    client = await talk(aside, "hello", model=model, proactivity={"proactiveAudio": True})
    assert [name for name in kinds(await spoken(client)) if name != "voiceActivity"][-3:] == [
        "waitingForInput",
        "turnComplete",
        "usageMetadata",
    ]
    assert "offline tutor" in said(await spoken(client))
    await client.transport.close()
    answering = await talk(aside, model=model)
    assert "did not understand" in said(await spoken(answering))
    await answering.transport.close()


async def test_thoughts_say_how_a_question_was_understood():
    config = {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "HIGH"}}
    client = await talk("what is seven plus five", generationConfig=config)
    turn = await spoken(client)
    thoughts = [p["text"].strip() for t in found(turn, "modelTurn") for p in t["parts"] if p.get("thought")]
    assert thoughts == [
        "This is a sum.",
        "I can do sums myself: no tool is needed.",
        "Seven plus five is twelve.",
    ]
    assert said(turn) == "Seven plus five is twelve."
    await client.transport.close()


async def test_a_picture_is_looked_at():
    client = await talk("what color is it", "has it changed")
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(file, "JPEG")
    blob = {"data": base64.b64encode(file.getvalue()).decode(), "mimeType": "image/jpeg"}
    await client.send(realtimeInput={"video": blob})
    await client.send(realtimeInput={"video": blob})
    assert said(await spoken(client)) == "It is all turquoise."
    assert said(await spoken(client)) == "It looks the same since the picture before."
    await client.transport.close()


async def test_tools_may_be_declared_later():
    client = await talk()
    ask = {"realtimeInput": {"text": "who painted the mona lisa"}}
    await client.send(**ask)
    assert not found(await client.turn(), "groundingMetadata")
    await client.send(contextUpdate={"tools": {"tools": [{"googleSearch": {}}]}})
    await client.send(**ask)
    assert found(await client.turn(), "groundingMetadata")
    await client.transport.close()


async def test_a_model_that_may_always_be_silent_is_so_for_asides_and_asks_back_where_it_is_unsure():
    client = await talk("hey mom where are my shoes", "hello", model="gemini-3.8-live")
    assert "waitingForInput" in kinds(await spoken(client))
    assert "offline tutor" in said(await spoken(client))
    await client.transport.close()


async def test_the_official_client_reads_all_of_it():
    """Its types forbid what they do not know."""
    types = pytest.importorskip("google.genai.types")
    tools = [{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}]
    config = {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "HIGH"}}
    aside = {"proactivity": {"proactiveAudio": True}}
    client = await talk("hey mom where are my shoes", tools=tools, generationConfig=config, **aside)
    read = await spoken(client)
    for text in ("who painted the mona lisa", "what is the factorial of five", "read python.org", "1 + 1"):
        await client.send(realtimeInput={"text": text})
        read += await client.turn()
    await client.transport.close()
    # It respells some other messages itself before it checks them.
    mine = [message for message in read if "serverContent" in message]
    contents = [types.LiveServerMessage.model_validate(message).server_content for message in mine]
    with pytest.raises(ValueError, match="extra_forbidden"):  # negative control
        types.LiveServerMessage.model_validate({"serverContent": {"sources": []}})
    (grounding,) = [one.grounding_metadata for one in contents if one.grounding_metadata]
    assert grounding.grounding_chunks[0].web.title == "Mona Lisa"
    (pages,) = [one.url_context_metadata for one in contents if one.url_context_metadata]
    assert pages.url_metadata[0].url_retrieval_status == types.UrlRetrievalStatus.URL_RETRIEVAL_STATUS_ERROR
    parts_ = [part for one in contents if one.model_turn for part in one.model_turn.parts]
    assert [part.code_execution_result.outcome for part in parts_ if part.code_execution_result] == [
        types.Outcome.OUTCOME_OK
    ]
    assert [part.executable_code.language for part in parts_ if part.executable_code] == [
        types.Language.PYTHON
    ]
    assert len([part for part in parts_ if part.thought]) >= 8
    assert sum(one.waiting_for_input or False for one in contents) == 1
