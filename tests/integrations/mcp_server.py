"""An MCP server made with the official package; run as a program it speaks on its pipes."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.utilities.types import Image
from pydantic import BaseModel, Field


class Place(BaseModel):
    """A place and what is in it."""

    name: str
    inside: list[Place] = []


def make() -> MCPServer:
    """Return a server with tools of every kind."""
    server = MCPServer("kitchen", log_level="CRITICAL")

    @server.tool()
    def add(a: Annotated[int, Field(description="The first.")], b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    def shop(item: str) -> list[str]:
        """Say where an item is sold."""
        return [f"{item} at the baker's", f"{item} at the grocer's"]

    @server.tool(structured_output=False)
    def draw() -> list[Any]:
        """Draw something."""
        return ["a red dot", Image(data=b"\x89PNG\r\n", format="png")]

    @server.tool()
    def burn() -> str:
        """Burn the toast."""
        raise ToolError("the toast is black\nand smokes")

    @server.tool(name="set/oven temperature")
    def oven(degrees: int) -> str:
        """Heat the oven."""
        return f"{degrees} degrees"

    @server.tool()
    def visit(place: Place) -> str:
        """Visit a place."""
        return place.name

    @server.tool()
    def environment(name: str) -> str:
        """Say what the environment holds."""
        return os.environ.get(name, "nothing")

    @server.tool()
    async def simmer() -> str:
        """Simmer for a minute."""
        await asyncio.sleep(60)
        return "done"

    @server.tool()
    def leave() -> str:
        """Leave the kitchen without a word."""
        os._exit(3)

    return server


if __name__ == "__main__":
    print("the kitchen opens", file=sys.stderr)
    make().run("stdio")
