"""Pages that are named to the tutor, where URL context is declared: it has no network, and says so."""

from __future__ import annotations

import re

from livewidget.standin.seams import Page, Say
from livewidget.standin.tutor.patterns import Match, Pattern, Slot
from livewidget.standin.tutor.results import listed

_MOST = 20  # pages of one question that the service reads
_ENDINGS = "com|org|net|edu|gov|int|info|io|dev|ai|eu|fr|de|es|it|uk|ch|at"
_ADDRESS = re.compile(rf"https?://[^\s<>\"']+|\b(?:[a-z0-9-]+\.)+(?:{_ENDINGS})\b(?:/[^\s<>\"']*)?", re.I)
_SPOKEN = {
    "example dot com": "https://example.com",
    "python dot org": "https://www.python.org",
    "wikipedia dot org": "https://www.wikipedia.org",
    "jupyter dot org": "https://jupyter.org",
}
_PHRASES = ("read {page}", "what does {page} say", "what is on {page}", "summarize {page}")
_INTENT = "page"

SUGGESTIONS = ("what does example dot com say",)


def patterns() -> list[Pattern]:
    """Return what asks for a page."""
    return [Pattern(text, _INTENT, {"page": Slot(_SPOKEN)}) for text in _PHRASES]


def named(text: str, found: Match | None = None) -> tuple[str, ...]:
    """Return the addresses that `text` names, typed, or spoken where `found` is what it was heard as."""
    typed = [address.rstrip(".,;:!?)]}'\"") for address in _ADDRESS.findall(text)]
    if not typed and found and found.pattern.intent == _INTENT and "page" in found.values:
        typed = [str(found.values["page"])]
    whole = (one if one.lower().startswith("http") else f"https://{one}" for one in typed)
    return tuple(dict.fromkeys(whole))[:_MOST]


def answer(addresses: tuple[str, ...]) -> Say:
    """Return what to say of pages that nobody can read here."""
    hosts = [re.sub(r"^https?://(?:www\.)?|/.*$", "", address, flags=re.I) for address in addresses]
    thoughts = (
        f"{listed(list(addresses))} {'is' if len(addresses) == 1 else 'are'} named.",
        "URL context is declared: I am to read what is named.",
        "This computer's network is not mine to use: nothing can be read.",
    )
    said = f"I could not read {listed(hosts)}: I am a small offline tutor, and have no network."
    return Say(said, thoughts, pages=tuple(map(Page, addresses)))
