"""Python functions as tools: the declaration comes from the signature, arguments are checked before the call.

Nothing here runs a function in a thread or waits for one: that is the session's part.
"""

from livewidget.tools.mcp import ServerGone, is_session, tools_of, words_of
from livewidget.tools.result import (
    ERROR_LENGTH,
    RESULT_LIMIT,
    Result,
    Scheduling,
    failure,
    first_line,
    response,
)
from livewidget.tools.schema import check_declaration
from livewidget.tools.tool import (
    APPROVAL_TIMEOUT,
    TIMEOUT,
    Behavior,
    Offered,
    Tool,
    ToolSource,
    as_tools,
    is_source,
    sorted_out,
)

__all__ = [
    "APPROVAL_TIMEOUT",
    "ERROR_LENGTH",
    "RESULT_LIMIT",
    "TIMEOUT",
    "Behavior",
    "Offered",
    "Result",
    "Scheduling",
    "ServerGone",
    "Tool",
    "ToolSource",
    "as_tools",
    "check_declaration",
    "failure",
    "first_line",
    "is_session",
    "is_source",
    "response",
    "sorted_out",
    "tools_of",
    "words_of",
]
