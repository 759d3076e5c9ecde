import asyncio
import contextlib

import pytest


@pytest.fixture
async def answering():
    """Makes HTTP servers that give one answer to everything; returns their addresses as `ws://…`.

    `more` are further lines of the answer's head; `seen` and `heads` collect what was asked.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def start(status, body, seen=None, more=(), heads=None):
            async def serve(reader, writer):
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                asked = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                if seen is not None:
                    seen.append(asked)
                if heads is not None:
                    heads.append(head.decode())
                lines = [
                    f"Content-Length: {len(body)}",
                    "Location: http://127.0.0.1:1/",
                    "Connection: close",
                    *more,
                ]
                writer.write("\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode() + body)
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            stack.callback(server.close)
            return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        yield start
