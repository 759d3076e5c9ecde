"""What a person reads when the browser or the kernel cannot do what was asked."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.cells import FIRST
from tests.browser.lab import open_notebook

FAILING_MICROPHONE = """() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('x', %r); };
}"""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "The browser refused the microphone."),
        ("NotFoundError", "microphone"),
        ("NotReadableError", "microphone"),
    ],
)
def test_a_microphone_that_cannot_be_had_is_explained_and_typing_works(open_talk, error, words):
    notebook = open_talk()
    notebook.page.evaluate(FAILING_MICROPHONE % error)
    notebook.run(0)
    card = Card(notebook.page)
    card.microphone.click()
    card.wait_for_notice(words)
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")


def test_a_page_that_is_not_secure_says_so(lab, browser):
    script = "Object.defineProperty(navigator, 'mediaDevices', { value: undefined }); Object.defineProperty(window, 'isSecureContext', { value: false });"
    notebook = open_notebook(lab, browser, [FIRST], scripts=(script,))
    notebook.run(0)
    card = Card(notebook.page)
    card.microphone.click()
    card.wait_for_notice("https")


def test_a_silent_microphone_is_noticed_after_five_seconds(open_talk):
    silent = """() => {
    navigator.mediaDevices.getUserMedia = async () => {
      const context = (window.__silent = new AudioContext()); await context.resume();
      return context.createMediaStreamDestination().stream; };
    }"""
    notebook = open_talk()
    notebook.page.evaluate(silent)
    notebook.run(0)
    card = Card(notebook.page)
    card.start()
    card.wait_for_notice("no sound", timeout=9)
    notebook.page.evaluate("() => window.__silent.close()")


MISTAKES = {
    "LiveWidget('gemini-3.8-live')": "GEMINI_API_KEY",
    "LiveWidget('gemini-9-life', api_key='x')": "There is no model gemini-9-life",
    "LiveWidget(voise='Kore')": "voice",
    "LiveWidget(voice='Korey')": "Kore",
    "LiveWidget(temperature=9)": "temperature",
}


def test_a_mistake_in_the_cell_is_one_sentence(open_talk):
    notebook = open_talk("from livewidget import LiveWidget", *MISTAKES)
    notebook.run(0)
    for cell, (code, words) in enumerate(MISTAKES.items(), 1):
        notebook.run(cell)
        (line,) = notebook.output(cell).strip().splitlines()
        assert words in line, code


def test_an_unreachable_host_is_told_in_the_card(open_talk):
    notebook = open_talk(
        "from livewidget import LiveWidget, Gemini\n"
        "live = LiveWidget(Gemini('gemini-3.8-live', api_key='x', base_url='ws://127.0.0.1:9'))\nlive"
    )
    notebook.run(0)
    card = Card(notebook.page)
    card.microphone.click()
    card.wait_for_notice("127.0.0.1")
    expect(card.root).to_be_visible()
