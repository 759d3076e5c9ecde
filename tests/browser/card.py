"""The widget's card, as a person uses it: by what it shows and by its buttons."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as TooLate


class Card:
    """One card in a page. `number` counts the cards from above, from 0."""

    def __init__(self, page: Page, number: int = 0) -> None:
        self.page = page
        self.root: Locator = page.locator(".livewidget").nth(number)
        self.root.wait_for(timeout=20_000)

    @property
    def microphone(self) -> Locator:
        return self.root.locator("button.lw-microphone")

    def start(self) -> None:
        """Press ● and wait until the talk is live and the microphone on."""
        self.microphone.click()
        self.wait_live()

    def wait_live(self) -> None:
        expect(self.root.locator(".lw-stop")).to_be_enabled(timeout=20_000)
        self.wait_hint(
            "Talk whenever you like.",
            "Hold space, or the button, to talk.",
            "Speak to interrupt.",
            "Talk; the translation follows.",
            "Talk; it is written down.",
        )

    def look(self, panel: str) -> Locator:
        """Open the explorer at a panel, and return the panel."""
        opener = self.root.locator(".lw-explore")
        if opener.get_attribute("aria-expanded") != "true":
            opener.click()
        self.root.get_by_role("tab", name=panel).click()
        return self.root.get_by_role("tabpanel", name=panel)

    def stop(self) -> None:
        self.root.locator(".lw-stop").click()
        self.wait_hint("The talk has ended. Press ● to start again.")

    def type(self, text: str) -> None:
        box = self.root.get_by_role("textbox", name="Message")
        box.fill(text)
        box.press("Enter")

    def hint(self) -> str:
        return self.root.locator(".lw-hint").inner_text()

    def wait_hint(self, *texts: str, timeout: float = 20.0) -> None:
        try:
            self.page.wait_for_function(
                "([card, texts]) => texts.includes(card.querySelector('.lw-hint').textContent)",
                arg=[self.root.element_handle(), list(texts)],
                timeout=timeout * 1000,
            )
        except TooLate as error:
            shown = self.root.inner_text()
            raise AssertionError(
                f"The hint is not {' or '.join(texts)!r}. The card shows:\n{shown}"
            ) from error

    def turns(self) -> list[tuple[str, str]]:
        """(speaker, words now shown) of each turn."""
        rows: list[list[str]] = self.root.locator(".lw-turn").evaluate_all(
            """(rows) => rows.map(row => [
              row.querySelector('.lw-speaker').textContent,
              [...row.querySelector('.lw-words').childNodes].filter(n => !(n.classList?.contains('lw-interrupted')))
                .map(n => n.textContent).join('').trim()])"""
        )
        return [(who, words) for who, words in rows]

    def wait_for_words(self, speaker: str, words: str, *, timeout: float = 20.0) -> None:
        """Wait until a turn of `speaker` shows `words` (lower case, anywhere in it)."""
        try:
            self.page.wait_for_function(
                """([card, speaker, words]) => [...card.querySelectorAll('.lw-turn')].some(row =>
                    row.querySelector('.lw-speaker').textContent === speaker &&
                    row.querySelector('.lw-words').textContent.toLowerCase().includes(words))""",
                arg=[self.root.element_handle(), speaker, words.lower()],
                timeout=timeout * 1000,
            )
        except TooLate as error:
            shown = self.root.inner_text()
            raise AssertionError(f"{speaker} did not say {words!r}. The card shows:\n{shown}") from error

    def notices(self) -> list[str]:
        found: list[str] = self.root.locator(".lw-note").all_inner_texts()
        return found

    def wait_for_notice(self, words: str, *, timeout: float = 20.0) -> None:
        self.page.wait_for_function(
            "([card, words]) => [...card.querySelectorAll('.lw-note')].some(n => n.textContent.includes(words))",
            arg=[self.root.element_handle(), words],
            timeout=timeout * 1000,
        )

    def wait_without_notice(self, words: str, *, timeout: float = 20.0) -> None:
        self.page.wait_for_function(
            "([card, words]) => ![...card.querySelectorAll('.lw-note')].some(n => n.textContent.includes(words))",
            arg=[self.root.element_handle(), words],
            timeout=timeout * 1000,
        )

    def screenshot(self, path: Any) -> None:
        self.root.screenshot(path=path)
