"""As much of HTTP/1.1 as a test's server needs: keep-alive, chunked replies, and misbehaviour."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping


class HttpRequest(NamedTuple):
    """A request as it was read."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Wire:
    """One client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def gone(self) -> bool:
        """Whether the client has closed its end."""
        return self._reader.at_eof() or self._writer.is_closing()

    async def read(self) -> HttpRequest:
        """Read the next request.

        Raises:
            asyncio.IncompleteReadError: The client left instead.
        """
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _version = first.split(" ", 2)
        fields = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return HttpRequest(method, path, headers, body)

    async def reply(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole reply."""
        length = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        self._writer.write(_head(status, length | dict(headers or {})) + content)
        await self._writer.drain()

    async def reply_half(self, content: bytes) -> None:
        """Promise a whole reply, send half of it, and break the connection."""
        length = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        self._writer.write(_head(200, length) + content[: len(content) // 2])
        await self._writer.drain()
        self._writer.close()

    async def open_stream(self) -> None:
        """Begin a stream of events."""
        kind = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
        self._writer.write(_head(200, kind))
        await self._writer.drain()

    async def event(self, content: str | Mapping[str, Any]) -> None:
        """Send one event of a stream."""
        text = content if isinstance(content, str) else json.dumps(content)
        line = f"data: {text}\n\n".encode()
        self._writer.write(b"%x\r\n%b\r\n" % (len(line), line))
        await self._writer.drain()

    async def close_stream(self) -> None:
        """End a stream in due form."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def cut(self) -> None:
        """Break the connection."""
        self._writer.close()

    async def silence(self) -> None:
        """Say nothing until the client leaves."""
        while not self.gone:
            await self._reader.read(1)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
