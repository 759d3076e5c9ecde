"""The explorer's settings, as a person uses them."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.card import Card


class Settings:
    """The settings in the explorer of one card."""

    def __init__(self, card: Card) -> None:
        self.root = card.root.locator(".lw-set")
        opener = card.root.locator(".lw-explore")
        if opener.get_attribute("aria-expanded") != "true":
            opener.click()
        self.root.wait_for(timeout=20_000)

    def control(self, name: str) -> Locator:
        """The row of a feature."""
        return self.root.locator(f'[data-feature="{name}"]')

    def entry(self, name: str) -> Locator:
        return self.control(name).locator(".lw-entry, .lw-switch")

    @property
    def bar(self) -> Locator:
        return self.root.locator(".lw-apply")

    def set(self, name: str, value: Any) -> None:
        """Give a feature a value in its control; None: its default."""
        row, entry = self.control(name), self.entry(name)
        kind = row.get_attribute("data-kind")
        if kind == "switch":
            entry.set_checked(value)
        elif kind == "choice":
            entry.select_option("" if value is None else value)
        else:
            entry.fill(_typed(kind, value))
            entry.blur()

    def choose(self, model: str) -> None:
        self.root.locator(".lw-model-select").select_option(model)

    def wait_changed(self, name: str) -> None:
        """Wait until the kernel knows of the change."""
        expect(self.control(name)).to_have_attribute("data-changed", "true", timeout=15_000)

    def fault(self, name: str) -> Locator:
        return self.control(name).locator(".lw-control-fault")

    def apply(self) -> None:
        """Press Apply, and wait until nothing waits any more."""
        self.bar.get_by_role("button", name="Apply").click()
        expect(self.bar).to_be_hidden(timeout=20_000)

    def code(self) -> str:
        """The code that is shown to be copied."""
        block = self.root.locator(".lw-code-text")
        if not block.is_visible():
            self.root.get_by_role("button", name="Copy as code").click()
        return block.text_content() or ""


def _typed(kind: str | None, value: Any) -> str:
    if value is None:
        return ""
    if kind == "names":
        return ", ".join(value)
    return json.dumps(value) if kind == "json" else str(value)
