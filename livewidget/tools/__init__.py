"""Python functions as tools: declared by their signatures, called with validated arguments.

`livewidget.session.tool_runner` runs them.
"""

from livewidget.tools.mcp import McpServerClosed, is_mcp_session, list_mcp_tools, mcp_error_text
from livewidget.tools.result import (
    ERROR_LENGTH,
    RESULT_LIMIT,
    Result,
    Scheduling,
    describe_error,
    first_line,
    response,
)
from livewidget.tools.schema import check_declaration
from livewidget.tools.tool import (
    APPROVAL_TIMEOUT,
    TIMEOUT,
    Behavior,
    Tool,
    ToolLike,
    ToolSource,
    as_tools,
    is_source,
    split_sources,
)

__all__ = [
    "APPROVAL_TIMEOUT",
    "ERROR_LENGTH",
    "RESULT_LIMIT",
    "TIMEOUT",
    "Behavior",
    "McpServerClosed",
    "Result",
    "Scheduling",
    "Tool",
    "ToolLike",
    "ToolSource",
    "as_tools",
    "check_declaration",
    "describe_error",
    "first_line",
    "is_mcp_session",
    "is_source",
    "list_mcp_tools",
    "mcp_error_text",
    "response",
    "split_sources",
]
