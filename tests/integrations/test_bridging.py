"""The harness of the bridges and their benchmark run: some scenes with the agent that needs no framework.

All scenes with all agents are for `make clients`: `test_bridges.py`.
"""

import asyncio
import threading

import pytest

from benchmarks import bridges
from livewidget.widget.background import background
from tests.integrations import bridging
from tests.integrations.questions import write
from tests.integrations.test_bridges import assert_answered, play, reported, scene
from tests.integrations.test_clients import KEY, serving

pytestmark = pytest.mark.voice


@pytest.fixture
def server(tmp_path):
    write(tmp_path)
    with serving() as ready:
        yield {**ready, "key": KEY, "folder": str(tmp_path)}


def test_an_agent_is_talked_with_through_the_widget(server):
    report = reported(play("livewidget", "3.8", server, ["text_turn", "remote_tool", "blocking_tool"]))
    assert_answered(
        scene(report, "text_turn"), "The capital of Japan is Tokyo.", heard="what is the capital of japan"
    )
    assert_answered(scene(report, "remote_tool"), "The light is on.", heard="turn on the light")
    own, notebooks = report["remote_tool"]["tools"] + report["blocking_tool"]["tools"]
    assert (own["name"], own["remote"], own["state"]) == ("set_light", True, "done")
    assert (notebooks["name"], notebooks["remote"], notebooks["state"]) == ("set_fan", False, "done")
    assert report["complaints"] == []


async def test_the_benchmark_measures_both_ways():
    """Of an agent and of a phone call, at once: what each takes does not matter here."""
    names = ("livewidget", bridges.PHONE)
    runs = (bridges.measure(name, "gemini-3.8-live", 1, 1, warm_up=False) for name in names)
    for name, figures in zip(names, await asyncio.gather(*runs), strict=True):
        for way in bridges.WAYS:
            (delay_ms,) = figures[way].delays_ms
            # An answer that was decided on before its question was asked would be another one's.
            assert 0 < delay_ms < 1000 * (bridges.ANSWER_S + bridges.PAUSE_S), (name, way)
            assert figures[way].load_percent > 0
        assert len(bridges.row(name, figures)) == len(bridges.HEAD)


async def test_what_is_left_over_is_counted(tmp_path):
    """A thread, a task of the widgets' loop and an open file each show; what ends in a moment does not."""
    background()
    before = await bridging.counted()
    ending = threading.Event()
    threading.Thread(target=ending.wait, daemon=True).start()
    task = background().submit(asyncio.sleep(60))
    with (tmp_path / "left.txt").open("w"):
        left = bridging.difference(before, await bridging.counted())
    assert (left["threads"], left["tasks"], left["files"]) == (1, 1, 1)
    asyncio.get_running_loop().call_later(0.3, ending.set)
    task.cancel()
    left = bridging.difference(before, await bridging.counted(until=before))
    assert (left["threads"], left["tasks"], left["files"]) == (0, 0, 0)
