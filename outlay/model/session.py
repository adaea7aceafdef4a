"""The HTTP connections of the calls loop: one pool, closed when the loop ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from outlay.calls import on_close

if TYPE_CHECKING:
    from aiohttp import ClientSession

KEEPALIVE_SECONDS: Final = 60
DNS_SECONDS: Final = 300

_sessions: dict[int, ClientSession] = {}


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
    from aiohttp import ClientSession, DummyCookieJar, TCPConnector  # noqa: PLC0415 - 0.3 s

    return ClientSession(
        connector=TCPConnector(
            limit=0, limit_per_host=0, keepalive_timeout=KEEPALIVE_SECONDS, ttl_dns_cache=DNS_SECONDS
        ),
        cookie_jar=DummyCookieJar(),
        trust_env=True,
    )
