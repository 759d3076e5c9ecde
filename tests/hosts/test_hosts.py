"""The talk in other people's hosts: a question is asked aloud, the answer is heard, a cell runs meanwhile."""

from __future__ import annotations

import time

import numpy as np
import pytest

from livewidget.audio import resample, to_float
from tests.browser.lab import LINKS
from tests.browser.sounds import TAP, heard
from tests.continuity import compare
from tests.hosts.table import HOSTS, Host

TALK = "Talk whenever you like."
ANSWER = "twelve"


def parameters() -> list[object]:
    return [
        pytest.param(host, id=host.id, marks=() if host.is_quick else pytest.mark.hosts) for host in HOSTS
    ]


@pytest.mark.parametrize("host", parameters())
def test_a_question_asked_aloud_is_answered_and_a_cell_runs_meanwhile(host: Host, microphone, tmp_path):
    with host.browser(microphone) as browser, host.start(tmp_path) as running:
        opened = running.open(browser, (TAP, LINKS))
        card = opened.show()
        card.start()
        card.wait_for_words("tutor", ANSWER, timeout=30)
        card.wait_hint(TALK)
        assert opened.way() == host.way
        if host.meanwhile != "–":
            opened.begin_cell()
            if host.meanwhile == "goes on":
                wait_for_answers(card, answers(card) + 1)
                assert not any("busy" in notice for notice in card.notices())
                assert opened.meanwhile.runs, "the cell was to run all the while"
            else:
                card.wait_for_notice("Kernel busy: microphone paused")
            opened.meanwhile.over.touch()
            opened.meanwhile.wait_for(opened.page, opened.meanwhile.ended)
            card.wait_without_notice("Kernel busy")
            check_sound(opened)
            if host.meanwhile == "pauses":
                wait_for_answers(card, answers(card) + 1)
        assert opened.red_lines() == []
        if host.transcript == "saved":
            assert ANSWER in opened.reopen()


def answers(card) -> int:
    return sum(who == "tutor" and ANSWER in words for who, words in card.turns())


def wait_for_answers(card, number: int, seconds: float = 40.0) -> None:
    """Wait until the card shows so many answers; each needs a question that was heard."""
    deadline = time.monotonic() + seconds
    while answers(card) < number:
        assert time.monotonic() < deadline, f"no further answer.\n{card.root.inner_text()}"
        card.page.wait_for_timeout(250)


def check_sound(opened) -> None:
    """The first answer left the player as it came from the model: nothing lost, nothing repeated."""
    sent = to_float(opened.meanwhile.sound.read_bytes())
    played, rate = heard(opened.page)
    found = compare(sent, played if rate == 24_000 else resample(played, rate, 24_000), 24_000)
    assert found.matched_ms > 500, "the answer was not heard"
    assert (found.lost_ms, found.inserted_ms, found.unmatched_ms) == (0, 0, 0), found
    assert np.abs(played).max() > 0.1
