"""Python functions as tools: declared by their signatures, called with validated arguments.

`livewidget.session.tool_runner` runs them.
"""

from livewidget.tools.mcp import McpServerClosed, is_mcp_session, list_mcp_tools, mcp_error_text
from livewidget.tools.result import (
    ERROR_LENGTH,
    Result,
    Scheduling,
    describe_error,
    first_line,
    response,
    with_article,
)
from livewidget.tools.tool import (
    APPROVAL_TIMEOUT,
    TIMEOUT,
    Behavior,
    Tool,
    ToolLike,
    ToolSource,
    as_tools,
    is_source,
)

__all__ = [
    "APPROVAL_TIMEOUT",
    "ERROR_LENGTH",
    "TIMEOUT",
    "Behavior",
    "McpServerClosed",
    "Result",
    "Scheduling",
    "Tool",
    "ToolLike",
    "ToolSource",
    "as_tools",
    "describe_error",
    "first_line",
    "is_mcp_session",
    "is_source",
    "list_mcp_tools",
    "mcp_error_text",
    "response",
    "with_article",
]
