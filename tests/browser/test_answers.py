"""What comes with an answer, and the talks that are no talks: translation and dictation, in a real JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.sounds import say

EXPERT = (
    "from livewidget import LiveWidget\n"
    "live = LiveWidget(google_search=True, code_execution=True, url_context=True, proactive_audio=True,\n"
    "                  thinking='HIGH', include_thoughts=True)\nlive"
)
TRANSLATES = (
    "from livewidget import LiveWidget, StandIn\n"
    "live = LiveWidget(StandIn(model='gemini-3.5-live-translate-preview'), translation='es')\nlive"
)
WRITES = (
    "from livewidget import LiveWidget, StandIn\n"
    "live = LiveWidget(StandIn(model='gemini-3.5-transcribe-live'), modalities=('TEXT',))\nlive"
)


def test_sources_are_links_that_a_click_opens_and_nothing_else(open_talk):
    notebook = open_talk(EXPERT)
    notebook.run(0)
    card = Card(notebook.page)
    asked = []
    context = notebook.page.context
    context.route(
        "https://en.wikipedia.org/**",
        lambda route: (asked.append(route.request), route.fulfill(body="a page", content_type="text/html")),
    )
    card.type("when was the eiffel tower built")
    card.wait_for_words("tutor", "1889")
    link = card.root.locator(".lw-sources a").first
    expect(link).to_have_attribute("href", "https://en.wikipedia.org/wiki/Eiffel_Tower")
    expect(card.root.locator(".lw-sources li").first).to_contain_text("en.wikipedia.org")
    expect(card.root.locator(".lw-searched:visible")).to_have_text("eiffel tower built")
    assert asked == [], "nothing is fetched before a person asks for it"
    with context.expect_page() as opened:
        link.click()
    page = opened.value
    page.wait_for_load_state()
    assert page.inner_text("body") == "a page"
    assert page.evaluate("() => window.opener") is None
    assert "referer" not in asked[0].headers


def test_code_thoughts_pages_and_silence(open_talk):
    notebook = open_talk(EXPERT)
    notebook.run(0)
    card = Card(notebook.page)
    card.type("what are the first ten prime numbers")
    block = card.root.locator(".lw-run[data-outcome=ok]")
    expect(block.locator(".lw-output")).to_contain_text("29", timeout=20_000)
    expect(block.locator(".lw-program")).to_contain_text("print(")
    thoughts = card.root.locator(".lw-thoughts:visible").last
    expect(thoughts.locator(".lw-thought")).to_be_hidden()
    thoughts.locator("summary").focus()
    notebook.page.keyboard.press("Enter")
    expect(thoughts.locator(".lw-thought")).to_be_visible()
    card.type("what does https://example.org/tides say")
    expect(card.root.locator(".lw-pages li:visible")).to_have_text(
        "example.org/tidescould not be read", timeout=20_000
    )
    card.type("dinner is ready")
    expect(card.root.locator(".lw-waited:visible")).to_have_text("chose not to answer", timeout=20_000)
    told = notebook.python("print([turn.declined for turn in live.turns][-1], live.turns[1].code[0].outcome)")
    assert told == "True OK"


def test_a_translation_stands_in_two_columns(open_talk, sounds):
    notebook = open_talk(TRANSLATES)
    notebook.run(0)
    card = Card(notebook.page)
    expect(card.root.get_by_role("textbox", name="Message")).to_be_hidden()
    card.start()
    say(notebook.page, sounds("good morning", before=0.5))
    source, target = card.root.locator(".lw-source"), card.root.locator(".lw-target")
    expect(source).to_contain_text("good morning", ignore_case=True, timeout=20_000)
    expect(target).to_contain_text("Buenos días", timeout=20_000)
    expect(card.root.locator(".lw-columns")).to_have_text("EnglishSpanish")
    expect(target).to_have_attribute("lang", "es")
    beside = (source.bounding_box(), target.bounding_box())
    assert beside[0]["x"] + beside[0]["width"] <= beside[1]["x"]
    assert beside[0]["y"] == pytest.approx(beside[1]["y"], abs=1)
    card.root.evaluate("(card) => { card.style.width = '420px'; }")
    below = (source.bounding_box(), target.bounding_box())
    assert below[1]["y"] >= below[0]["y"] + below[0]["height"]
    say(notebook.page, sounds("thank you very much", before=2.6))
    expect(card.root.locator(".lw-pair")).to_have_count(2, timeout=20_000)
    expect(card.root.locator(".lw-target").last).to_contain_text("gracias", ignore_case=True, timeout=20_000)


@pytest.mark.long
def test_a_dictation_is_one_text_to_copy(open_talk, sounds):
    notebook = open_talk(WRITES, permissions=["clipboard-read", "clipboard-write"])
    notebook.run(0)
    card = Card(notebook.page)
    card.start()
    expect(card.root.locator(".lw-lane-model")).to_be_hidden()
    say(notebook.page, sounds("what is the largest ocean", before=0.5))
    flow = card.root.locator(".lw-flow")
    expect(flow).to_contain_text("largest ocean", timeout=20_000)
    expect(card.root.locator(".lw-count")).to_have_text("5 words", timeout=10_000)
    card.root.get_by_role("button", name="Copy text").click()
    expect(card.root.locator(".lw-copy")).to_have_text("Copied")
    copied = notebook.page.evaluate("() => navigator.clipboard.readText()")
    assert "largest ocean" in copied
    assert notebook.python("print({turn.speaker for turn in live.turns})") == "{'user'}"
