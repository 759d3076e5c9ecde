"""The door and the wire: the setup, and what is refused in the service's own words."""

import json

import pytest

from livewidget.standin import ManualClock
from tests.standin.puppets import closed, settle


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
