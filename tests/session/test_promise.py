"""docs/reconnection.md is a promise: each row has a test and a control, and each bound is what it says."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from livewidget.config import Limits
from livewidget.errors import ConnectFailed, LinkLost, ServerFault
from livewidget.events import ConnectionReplaced, SessionEnded
from livewidget.session import ReconnectPolicy
from tests.peer import eventually

from .exchange import LOUD, Talk
from .test_supervisor import (
    LOST,
    empty_turn,
    go_away_now,
    orderly_close,
    storm,
    unasked_words,
)

HERE = Path(__file__).parent
DOCUMENT = (HERE.parents[1] / "docs" / "reconnection.md").read_text()
#: Fields of `ReconnectPolicy` that have nothing to do with connections, or that only tests set.
OTHERS = {"idle_pause_s", "answer_timeout_s", "random"}


def rows_of(heading):
    """The cells of each row of the table under a heading, without its first two lines."""
    section = DOCUMENT.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names_in(file):
    tree = ast.parse((HERE / file).read_text())
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name for node in functions if node.name.startswith("test_")}


def named(cell):
    found = re.fullmatch(r"`(test_\w+\.py)::(test_\w+)`", cell)
    assert found, f"this names no test: {cell}"
    return found.groups()


PROMISES = rows_of("What is survived")


@pytest.mark.parametrize("row", PROMISES, ids=[row[0][:40] for row in PROMISES])
def test_each_row_names_a_test_and_another_one_as_its_control(row):
    assert len(row) == 8
    assert row[1] in ("yes", "no")
    assert all(row[1] == "yes" or not cell for cell in row[3:5]), "what does not go on sends nothing again"
    (test, control) = (named(cell) for cell in row[6:])
    assert test != control
    for file, name in (test, control):
        assert name in names_in(file), f"{file} has no {name}"


def test_a_row_whose_test_is_not_there_would_be_found():
    assert "test_nothing_of_the_kind" not in names_in("test_supervisor.py")
    with pytest.raises(AssertionError, match="names no test"):
        named("it works")
    assert len(PROMISES) >= 15


def test_every_bound_is_documented_with_its_default():
    documented = {
        re.match(r"`(\w+)`( \(`Limits`\))?", name).groups(): value for name, value, _ in rows_of("The bounds")
    }
    policy = {one.name: one.default for one in dataclasses.fields(ReconnectPolicy) if one.name not in OTHERS}
    limits = {one.name: one.default for one in dataclasses.fields(Limits) if one.name.startswith("unheard")}
    assert {name: value for (name, of), value in documented.items() if not of} == {
        name: f"`{value!r}`" for name, value in policy.items()
    }
    assert {name: value for (name, of), value in documented.items() if of} == {
        name: f"`{value!r}`" for name, value in limits.items()
    }


def test_the_delays_are_those_of_the_page():
    policy = ReconnectPolicy(random=lambda: 1.0)
    total_s = sum(policy.delay_ms(failed) for failed in range(policy.max_attempts)) / 1000
    assert total_s == pytest.approx(16, abs=1)
    assert "about 16 s" in DOCUMENT


def test_the_readme_leads_there():
    assert "docs/reconnection.md" in (HERE.parents[1] / "README.md").read_text()


# --- Controls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (*LOST, LinkLost),
        (1001, "", ServerFault),
        (1011, "Internal error encountered.", ServerFault),
        (1012, "service restart", ServerFault),
        (1013, "", ServerFault),
        (1000, "", ServerFault),
        (1007, "Request contains an invalid argument.", ServerFault),
        (1008, "Policy violation", ServerFault),
    ],
)
async def test_without_reconnecting_the_same_ends_the_session(code, reason, error):
    async with Talk(reconnect=ReconnectPolicy(enabled=False)) as talk:
        await talk.exchange("one", "first")
        await talk.wait(700_000, 10_000)  # It is not left for its age, either.
        assert talk.told(ConnectionReplaced) == []
        await talk.peer.close(code, reason)
        await eventually(lambda: talk.told(SessionEnded))
        assert type(talk.session.error) is error
        assert talk.peer.dials == 1


async def test_who_does_not_ask_to_wait_is_dialled_within_seconds():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [ConnectFailed("Not now.")]
        await talk.peer.close(*LOST)
        await talk.until(lambda: talk.peer.dials == 3, 2_000)


@pytest.mark.parametrize("serve", [empty_turn, unasked_words, orderly_close, go_away_now])
async def test_without_bounds_the_same_servers_are_stormed(serve):
    boundless = ReconnectPolicy(
        max_attempts=10**6, dials_per_hour=10**6, min_interval_ms=0, initial_delay_ms=0
    )
    async with Talk(reconnect=boundless) as talk:
        await talk.exchange("one", "first")
        await storm(talk, lambda number: serve(talk, number), minutes=0.1)
        assert talk.peer.dials > 20  # in six seconds


async def test_a_session_that_is_not_replaced_leaves_what_is_said_unheard():
    limits = Limits(unheard_notice_s=1e6, unheard_reconnect_s=1e6)
    async with Talk(limits=limits) as talk:
        await talk.exchange("one", "first")
        for _ in range(120):
            talk.session.put_audio(LOUD * 10)
            while talk.peer.end._inbound.frames:
                await talk.peer.receive()
            await talk.wait(1_000)
        assert talk.told(ConnectionReplaced) == []
