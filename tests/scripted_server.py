"""A server that gives every request the one reply it was made with, as it stands."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class ScriptedServer(ThreadingHTTPServer):
    """Answers every request with the reply of one case."""

    def __init__(self, reply: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = reply
        self.requests = 0
        self.started = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client may leave."""


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests += 1
        self.server.started = self.server.started or time.monotonic()
        reply = self.server.reply
        if _served_now(reply, asked, time.monotonic() - self.server.started):
            self._send(200, json.dumps(reply["then"]), {})
        elif "events" in reply:
            lines = (e if isinstance(e, str) else f"data: {json.dumps(e)}" for e in reply["events"])
            self._send(200, "".join(f"{line}\n\n" for line in lines), {"content-type": "text/event-stream"})
        else:
            self._send(reply.get("status", 200), _text(reply["body"]), reply.get("headers", {}))

    def _send(self, status: int, content: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())


def _served_now(reply: dict[str, Any], asked: dict[str, Any], seconds: float) -> bool:
    if "refuse_until_s" in reply:
        return bool(seconds >= reply["refuse_until_s"])
    return "refuse_parameter" in reply and reply["refuse_parameter"] not in asked


@contextlib.contextmanager
def serving(reply: dict[str, Any]) -> Iterator[ScriptedServer]:
    server = ScriptedServer(reply)
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)
