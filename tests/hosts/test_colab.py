"""Colab's traps, without Google: an old kernel, and outputs in frames of another origin."""

from __future__ import annotations

from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.lab import LINKS, chromium
from tests.browser.sounds import TAP
from tests.hosts.colab import ALLOWED, Colab
from tests.hosts.test_hosts import ANSWER, TALK, answers, check_sound, wait_for_answers

pytestmark = pytest.mark.hosts

#: The button of a card whose microphone and voice are at another page.
TAKE = "Take the microphone and the voice here"


def test_the_card_talks_from_a_frame_of_another_origin_and_waits_for_the_cell(microphone, tmp_path):
    with (
        chromium(microphone=microphone, repeats=True, hosts="*.test") as browser,
        closing(Colab(tmp_path)) as colab,
    ):
        opened = colab.open(browser, (TAP, LINKS))
        card = opened.show()
        card.start()
        card.wait_for_words("tutor", ANSWER, timeout=30)
        card.wait_hint(TALK)
        # No page of another computer may be made to ask for what is on this one.
        assert opened.way() == "through Jupyter"
        opened.begin_cell()
        card.wait_for_notice("Kernel busy: microphone paused")
        opened.meanwhile.over.touch()
        opened.meanwhile.wait_for(opened.page, opened.meanwhile.ended)
        card.wait_without_notice("Kernel busy")
        check_sound(opened)
        wait_for_answers(card, answers(card) + 1)
        assert opened.red_lines() == []
        shown = next(o for o in colab.outputs if "application/vnd.jupyter.widget-view+json" in o["data"])
        # anywidget does by itself what output.enable_custom_widget_manager() would be called for.
        view = shown["metadata"]["application/vnd.jupyter.widget-view+json"]
        assert view["colab"]["custom_widget_manager"]["url"].endswith("manager.js")
        # The same widget in another output: two frames that share their storage are two pages all the same.
        again = opened.show("live")
        expect(again.root.locator(".lw-turn").first).to_be_visible()
        again.start()
        expect(card.root.get_by_role("button", name=TAKE)).to_be_visible()
        wait_for_answers(again, answers(again) + 1)
        assert opened.red_lines() == []


@pytest.mark.parametrize("allow", ["autoplay", ALLOWED])
def test_where_the_frame_gets_no_microphone_the_card_offers_a_page(tmp_path, allow):
    with chromium(hosts="*.test") as browser, closing(Colab(tmp_path, allow=allow)) as colab:
        opened = colab.open(browser, (TAP, LINKS))
        card: Card = opened.show()
        card.microphone.click()
        link = card.root.get_by_role("link", name="Open in browser")
        if allow == ALLOWED:  # the negative control
            card.wait_hint(TALK)
            expect(link).to_have_count(0)
            return
        expect(link).to_be_visible(timeout=20_000)
        card.type("what is seven plus five")
        card.wait_for_words("tutor", ANSWER)
        # Chromium's own line, about the microphone that the person has just asked for.
        assert all("microphone is not allowed" in line for line in opened.red_lines())
