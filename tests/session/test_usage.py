"""What a session has used, and how long its connection lasts."""

import pytest

from livewidget.events import Usage
from livewidget.models import PRICES_OF, find
from livewidget.protocol.messages import ModalityTokenCount, UsageMetadata
from livewidget.session.usage import cost_of
from tests.peer import eventually

from .exchange import Exchange, Talk

LIVE = find("gemini-3.8-live", "gemini")


def counted(prompt, response, **more):
    return UsageMetadata(
        prompt_token_count=prompt,
        response_token_count=response,
        total_token_count=prompt + response,
        prompt_tokens_details=[ModalityTokenCount(modality="AUDIO", token_count=prompt)],
        response_tokens_details=[ModalityTokenCount(modality="AUDIO", token_count=response)],
        **more,
    )


async def test_before_anything_was_said():
    async with Talk() as talk:
        meter = talk.session.meter
        assert (meter.usage, meter.context_tokens, meter.context_limit) == (Usage(), 0, 131_072)
        assert (meter.cost_usd, meter.prices_of) == (0.0, PRICES_OF)
        assert (meter.time_left_ms, meter.time_limit_ms, meter.ending) == (600_000, 600_000, "connection")
        assert (meter.link_ms, talk.session.stats.reconnects, meter.paused) == (0.0, 0, False)
        await talk.wait(1000)
        assert talk.session.meter.time_left_ms == 599_000


async def test_turns_are_added_and_the_context_is_that_of_the_last():
    async with Talk() as talk:
        for prompt in (1000, 2500):
            # Told twice in a turn: the last report counts.
            await talk.peer.send(usage_metadata=counted(prompt, 10))
            await talk.peer.send(usage_metadata=counted(prompt, 100))
            await talk.exchange("hello", "hi")
        meter = talk.session.meter
        assert (meter.usage.prompt_tokens, meter.usage.response_tokens) == (3500, 200)
        assert meter.context_tokens == talk.session.context_tokens == 2500
        assert meter.cost_usd == pytest.approx(3500 * 3 / 1e6 + 200 * 12 / 1e6)


async def test_a_report_without_prompt_tokens_leaves_the_size_of_the_context_known():
    async with Talk() as talk:
        await talk.peer.send(usage_metadata=counted(1000, 10))
        await eventually(lambda: talk.session.context_tokens == 1000)
        await talk.peer.send(usage_metadata=counted(0, 20))
        await eventually(lambda: talk.session.usage.response_tokens == 20)
        assert talk.session.context_tokens == talk.session.meter.context_tokens == 1000


async def test_what_was_reported_last_is_not_lost_with_a_connection():
    async with Talk() as talk:
        await talk.session.send_text("hello")
        await talk.peer.say("h")
        await talk.peer.send(usage_metadata=counted(1000, 10))
        await eventually(lambda: talk.session.context_tokens)
        await talk.peer.close(1006)
        await talk.moved()
        await talk.peer.send(usage_metadata=counted(2000, 10))
        await eventually(lambda: talk.session.context_tokens == 2000)
        assert talk.session.usage.prompt_tokens == 3000
        assert talk.session.stats.reconnects == 1


async def test_the_service_says_when_the_connection_ends():
    async with Talk() as talk:
        await talk.session.send_text("hello")
        await talk.peer.go_away("50s")
        await eventually(lambda: talk.session.meter.ending == "go_away")
        assert talk.session.meter.time_left_ms == 50_000
        await talk.wait(10_000)
        assert talk.session.meter.time_left_ms == 40_000
        await talk.peer.close(1011)
        await eventually(lambda: talk.session.meter.ending is None)
        assert talk.session.time_left_ms is None
        await talk.moved()
        assert talk.session.meter.ending == "connection"


def test_thoughts_are_text_that_is_written_and_what_tools_read_is_text_that_is_read():
    usage = Usage(
        total_tokens=1,
        prompt_by_modality={"AUDIO": 100},
        response_by_modality={"AUDIO": 10},
        thoughts_tokens=1000,
        tool_use_prompt_tokens=2000,
    )
    assert cost_of(LIVE, usage) == pytest.approx((100 * 3 + 2000 * 0.75 + 10 * 12 + 1000 * 4.5) / 1e6)


def test_where_nothing_is_known_of_a_price_there_is_none():
    usage = Usage(prompt_tokens=5, total_tokens=5, prompt_by_modality={"TEXT": 5})
    assert cost_of(find("gemini-3.8-live", "vertex"), usage) is None
    assert cost_of(LIVE, Usage(prompt_tokens=5, total_tokens=5)) is None
    assert cost_of(find("offline-tutor", "standin"), usage) == 0


async def test_a_model_without_a_price_has_a_meter_all_the_same():
    async with Talk(Exchange("gemini-9-live")) as talk:
        await talk.peer.send(usage_metadata=counted(10, 10))
        await eventually(lambda: talk.session.context_tokens)
        assert talk.session.meter.cost_usd is None
