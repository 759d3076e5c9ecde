"""Reads what the service reports about an answer: sources, searches, pages, code, languages.

All of it comes as the server sent it, so its shape is not trusted: what has an unexpected shape is left out,
what is too long is cut, and what is too much is dropped. An address becomes a link on the page, so it must be
plain http or https, and must mean the same to every URL parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from livewidget.events import CodeResult, ExecutableCode, Grounding, UrlContext
from livewidget.turns.turn import CodeRun, WebPage, WebSource

#: Limits on what is kept of one turn, and on lengths in characters. Chosen: more than any answer has needed,
#: and little enough to be shown on a card and sent to every page.
MOST_SOURCES: Final = 50
MOST_QUERIES: Final = 20
MOST_RUNS: Final = 20
MOST_PAGES: Final = 50
TITLE_LENGTH: Final = 200
QUERY_LENGTH: Final = 300
ADDRESS_LENGTH: Final = 4_096
CODE_LENGTH: Final = 20_000
THOUGHTS_LENGTH: Final = 50_000

#: Prefixes of the API's enum values.
_STATUS_PREFIX: Final = "URL_RETRIEVAL_STATUS_"
_OUTCOME_PREFIX: Final = "OUTCOME_"
_WORD: Final = re.compile(r"[A-Z][A-Z_]{0,39}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,6}", re.ASCII)
# Browsers treat a backslash as a slash, Python does not. (User info before an @, which disguises the host, is
# refused separately.)
_NOT_IN_ADDRESSES: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")


def host_of(address: object) -> str | None:
    """Return the host of an http or https address, or None if it must not become a link."""
    if not isinstance(address, str) or not 0 < len(address) <= ADDRESS_LENGTH:
        return None
    if _NOT_IN_ADDRESSES.search(address):
        return None
    try:
        parts = urlsplit(address)
        _ = parts.port  # Raises ValueError if it is not a number.
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return None
    return parts.hostname or None


def sources_of(metadata: Mapping[str, Any], known: tuple[WebSource, ...] = ()) -> tuple[WebSource, ...]:
    """Return `known` plus the sources in a `groundingMetadata`, without duplicates."""
    found = {source.uri: source for source in known}
    for chunk in _mappings(metadata.get("groundingChunks")):
        for kind in ("web", "maps", "retrievedContext"):
            place = chunk.get(kind)
            if not isinstance(place, Mapping) or len(found) >= MOST_SOURCES:
                continue
            uri = place.get("uri")
            host = host_of(uri)
            if isinstance(uri, str) and host is not None and uri not in found:
                found[uri] = WebSource(title=_line(place.get("title"), TITLE_LENGTH) or host, uri=uri)
    return tuple(found.values())


def queries_of(metadata: Mapping[str, Any], known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return `known` plus the search queries in a `groundingMetadata`, without duplicates."""
    found = dict.fromkeys(known)
    for query in _list(metadata.get("webSearchQueries")):
        line = _line(query, QUERY_LENGTH)
        if line and len(found) < MOST_QUERIES:
            found[line] = None
    return tuple(found)


def pages_of(metadata: Mapping[str, Any], known: tuple[WebPage, ...] = ()) -> tuple[WebPage, ...]:
    """Return `known` plus the pages in a `urlContextMetadata`; a repeated page gets its new status."""
    found = {page.url: page for page in known}
    for page in _mappings(metadata.get("urlMetadata")):
        url = page.get("retrievedUrl")
        if not isinstance(url, str) or host_of(url) is None:
            continue
        if url in found or len(found) < MOST_PAGES:
            found[url] = WebPage(
                url=url, status=_word(page.get("urlRetrievalStatus"), _STATUS_PREFIX) or "UNKNOWN"
            )
    return tuple(found.values())


def has_content(event: Grounding | UrlContext | ExecutableCode | CodeResult) -> bool:
    """Return whether the event holds anything to show: an empty list does not begin an answer."""
    match event:
        case Grounding(metadata=metadata):
            return bool(sources_of(metadata) or queries_of(metadata))
        case UrlContext(metadata=metadata):
            return bool(pages_of(metadata))
        case ExecutableCode(code=code):
            return bool(code.strip())
        case CodeResult(outcome=outcome, output=output):
            return bool(outcome or output)


class CodeRuns:
    """The code of one turn. A result belongs to the code with its id, else to the oldest without a result."""

    def __init__(self) -> None:
        self._runs: list[tuple[str | None, CodeRun]] = []

    def add_code(self, event: ExecutableCode) -> tuple[CodeRun, ...]:
        """Add code that begins to run; returns all runs."""
        run = CodeRun(language=_word(event.language, ""), code=event.code[:CODE_LENGTH])
        return self._add(event.id, run)

    def add_result(self, event: CodeResult) -> tuple[CodeRun, ...]:
        """Add a result; returns all runs."""
        outcome = _word(event.outcome, _OUTCOME_PREFIX) or "UNKNOWN"
        output = event.output[:CODE_LENGTH]
        waiting = [at for at, (_, run) in enumerate(self._runs) if run.outcome is None]
        named = [at for at in waiting if event.id is not None and self._runs[at][0] == event.id]
        if not (named or waiting):
            return self._add(event.id, CodeRun(None, "", outcome, output))
        at = (named or waiting)[0]
        id, run = self._runs[at]
        self._runs[at] = (id, CodeRun(run.language, run.code, outcome, output))
        return self._all()

    def _add(self, id: str | None, run: CodeRun) -> tuple[CodeRun, ...]:
        self._runs.append((id, run))
        del self._runs[:-MOST_RUNS]
        return self._all()

    def _all(self) -> tuple[CodeRun, ...]:
        return tuple(run for _, run in self._runs)


def language_of(code: str | None) -> str | None:
    """Return `code` if it is a well-formed language code, else None."""
    return code if code is not None and _LANGUAGE.fullmatch(code) else None


def _word(value: object, prefix: str) -> str | None:
    """Return an enum value of the service without the prefix of its enum, or None if it is malformed."""
    bare = value.upper().removeprefix(prefix) if isinstance(value, str) else ""
    return bare if _WORD.fullmatch(bare) else None


def _line(text: object, length: int) -> str:
    if not isinstance(text, str):
        return ""
    line = " ".join(text[: 4 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    return (item for item in _list(value) if isinstance(item, Mapping))
