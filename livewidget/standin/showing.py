"""What an answer shows beside its words, as the wire has it: a program that ran, pages, sources."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from livewidget.protocol.content import CodeExecutionResult, ExecutableCode, Part
from livewidget.standin.seams import Grounding, Page, Ran

_PAGE_READ, _PAGE_FAILED = "URL_RETRIEVAL_STATUS_SUCCESS", "URL_RETRIEVAL_STATUS_ERROR"


def program(ran: Ran) -> Iterator[Part]:
    """Yield the parts of a program that ran: its code, then what came of it."""
    yield Part(executable_code=ExecutableCode(code=ran.code, language="PYTHON"))
    outcome = "OUTCOME_OK" if ran.ok else "OUTCOME_FAILED"
    yield Part(code_execution_result=CodeExecutionResult(outcome=outcome, output=ran.output))


def pages(asked: tuple[Page, ...]) -> Mapping[str, Any]:
    """Return `urlContextMetadata`."""
    return {
        "urlMetadata": [
            {"retrievedUrl": page.uri, "urlRetrievalStatus": _PAGE_READ if page.read else _PAGE_FAILED}
            for page in asked
        ]
    }


def grounding(found: Grounding, answer: str) -> dict[str, Any]:
    """Return `groundingMetadata` of `answer`. As on the service, positions count bytes of UTF-8."""
    start = max(0, answer.find(found.text))
    first = len(answer[:start].encode())
    segment: dict[str, Any] = {"endIndex": first + len(found.text.encode()), "text": found.text}
    if first:  # like every zero of the wire, it is left out
        segment["startIndex"] = first
    return {
        "webSearchQueries": list(found.queries),
        "groundingChunks": [{"web": {"uri": one.uri, "title": one.title}} for one in found.sources],
        "groundingSupports": [
            {"segment": segment, "groundingChunkIndices": list(range(len(found.sources)))},
        ],
        "searchEntryPoint": {"renderedContent": "".join(map(_chip, found.queries))},
    }


def _chip(query: str) -> str:
    address = f"https://www.google.com/search?q={quote_plus(query)}"
    return f'<a class="chip" href="{html.escape(address)}">{html.escape(query)}</a>'
