"""What both sides may say: contents, their parts, and the declarations of tools.

Every struct is the wire's own object: names in snake_case here are camelCase there. Absent fields are `None`
and are left out when encoded; an empty object on the wire is an empty struct. Fields are those of the Live
API reference (https://ai.google.dev/api/live) and of google-genai 3.4.0.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Wire(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True
):
    """Base of everything on the wire: immutable, camelCase, absent when None, strict about unknown names."""


class Blob(Wire, frozen=True):
    """Bytes with a MIME type: `audio/pcm;rate=16000`, `image/jpeg`."""

    data: bytes = b""
    mime_type: str | None = None
    display_name: str | None = None


class FileData(Wire, frozen=True):
    file_uri: str | None = None
    mime_type: str | None = None
    display_name: str | None = None


class ExecutableCode(Wire, frozen=True):
    code: str = ""
    language: str | None = None
    id: str | None = None


class CodeExecutionResult(Wire, frozen=True):
    outcome: str | None = None
    output: str | None = None
    id: str | None = None


class FunctionCall(Wire, frozen=True):
    """A call of one declared function. `args` is the user's data: its keys are never respelled."""

    id: str | None = None
    name: str | None = None
    args: dict[str, Any] | None = None
    partial_args: list[dict[str, Any]] | None = None
    will_continue: bool | None = None


class FunctionResponse(Wire, frozen=True):
    """The result of one call. `response` is the user's data: its keys are never respelled."""

    id: str | None = None
    name: str | None = None
    response: dict[str, Any] | None = None
    scheduling: str | None = None
    will_continue: bool | None = None
    parts: list[Part] | None = None


class Part(Wire, frozen=True):
    """One piece of a content; exactly one of the payload fields is set in practice."""

    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    thought: bool | None = None
    thought_signature: bytes | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    video_metadata: dict[str, Any] | None = None
    media_resolution: dict[str, Any] | None = None
    part_metadata: dict[str, Any] | None = None
    tool_call: dict[str, Any] | None = None
    tool_response: dict[str, Any] | None = None
    audio_transcription: dict[str, Any] | None = None
    media_processing: Any = None
    speech_metadata: dict[str, Any] | None = None
    document_metadata: dict[str, Any] | None = None
    spreadsheet_metadata: dict[str, Any] | None = None
    audio_metadata: dict[str, Any] | None = None


class Content(Wire, frozen=True):
    role: str | None = None
    parts: list[Part] | None = None


class FunctionDeclaration(Wire, frozen=True):
    """One function the model may call; `parameters` is the OpenAPI subset of JSON Schema."""

    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: Any = None
    response: dict[str, Any] | None = None
    response_json_schema: Any = None
    behavior: str | None = None


class Tool(Wire, frozen=True):
    function_declarations: list[FunctionDeclaration] | None = None
    google_search: dict[str, Any] | None = None
    google_search_retrieval: dict[str, Any] | None = None
    code_execution: dict[str, Any] | None = None
    url_context: dict[str, Any] | None = None
    google_maps: dict[str, Any] | None = None
    file_search: dict[str, Any] | None = None
    computer_use: dict[str, Any] | None = None
    retrieval: dict[str, Any] | None = None
    enterprise_web_search: dict[str, Any] | None = None
    parallel_ai_search: dict[str, Any] | None = None
    exa_ai_search: dict[str, Any] | None = None
    mcp_servers: list[dict[str, Any]] | None = None
