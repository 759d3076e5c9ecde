"""The counts that end a turn."""

import base64

from tests.standin.puppets import LOUD, SECOND


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
