"""The HTTP connections of the calls loop, and a record of what one call sends over them."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from outlay.calls import on_close

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aiohttp import ClientSession

BESIDE: Final = ("/api/show", "/token", "/oauth2/v4/token", ":countTokens")
"""Ends of paths that LiteLLM posts to beside the request that generates."""
KEEPALIVE_SECONDS: Final = 60
DNS_SECONDS: Final = 300

_sessions: dict[int, ClientSession] = {}


class RepeatedRequestError(Exception):
    """A library below sends a request again by itself, which no fence has admitted."""


@dataclass
class Wire:
    """What one call sent, and what came back; filled by the session of the calls loop."""

    urls: set[str] = field(default_factory=set)
    """Where it posted to."""
    sent: bool = False
    """Whether the head of a posted request left this machine."""
    status: int | None = None
    """The status line of the last reply."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers of the last reply."""
    content: str = ""
    """The body of a whole reply, as LiteLLM logs it before it reads it."""

    def log(self, details: Mapping[str, Any]) -> None:
        """Keep what LiteLLM passes to its `logger_fn`."""
        said = details.get("original_response")
        self.content = said if isinstance(said, str) else ""

    def body(self) -> dict[str, Any]:
        """Return the JSON of the reply; empty where it has none."""
        try:
            found = json.loads(self.content)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


_wire: ContextVar[Wire | None] = ContextVar("outlay_wire", default=None)


@contextmanager
def recorded_wire() -> Iterator[Wire]:
    """Record what is sent inside, and refuse to send a second request to the same URL."""
    token = _wire.set(wire := Wire())
    try:
        yield wire
    finally:
        _wire.reset(token)


def shared_session() -> ClientSession:
    """Give the running loop's session, which holds any number of connections.

    LiteLLM's own is limited to 500 connections per host: a fan-out of 1,000 would wait for
    itself, and be timed out waiting.
    """
    loop = asyncio.get_running_loop()
    session = _sessions.get(id(loop))
    if session is None or session.closed:
        session = _sessions[id(loop)] = _open()
        on_close(session.close)
    return session


def _open() -> ClientSession:
    from aiohttp import ClientSession, DummyCookieJar, TCPConnector, TraceConfig  # noqa: PLC0415 - 0.3 s

    trace = TraceConfig(_TraceContext)
    trace.on_request_start.append(_on_start)
    trace.on_request_headers_sent.append(_on_sent)
    trace.on_request_end.append(_on_end)
    return ClientSession(
        connector=TCPConnector(
            limit=0, limit_per_host=0, keepalive_timeout=KEEPALIVE_SECONDS, ttl_dns_cache=DNS_SECONDS
        ),
        cookie_jar=DummyCookieJar(),
        trust_env=True,
        trace_configs=[trace],
    )


class _TraceContext(SimpleNamespace):
    """The wire of the call that a request belongs to."""

    wire: Wire | None

    def __init__(self, **values: Any) -> None:
        super().__init__(**values, wire=_wire.get())


async def _on_start(_session: ClientSession, context: SimpleNamespace, request: Any) -> None:
    wire: Wire | None = context.wire
    if wire is None or request.method != "POST":
        return
    if wire.sent and not request.url.path.endswith(BESIDE):
        raise RepeatedRequestError(f"a second request, to {request.url.path}, inside one call")
    wire.urls.add(str(request.url))


async def _on_sent(_session: ClientSession, context: SimpleNamespace, request: Any) -> None:
    if context.wire is not None and request.method == "POST" and not request.url.path.endswith(BESIDE):
        context.wire.sent = True


async def _on_end(_session: ClientSession, context: SimpleNamespace, request: Any) -> None:
    if context.wire is not None:
        context.wire.status, context.wire.headers = request.response.status, request.response.headers
