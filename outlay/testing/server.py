"""A local server that keeps its own count of what it served: the judge of the ledger.

```python
with CountingServer(reply="forty two", faults=[Fault.RATE_LIMITED]) as server:
    model = Model("openai/test", api_base=server.url, api_key="x", price=Price(input=1, output=2))
    ...
assert ledger.usage.output_tokens == server.usage.output_tokens
```

It speaks OpenAI's chat-completions dialect (plain and streamed replies, several choices, tools,
JSON schemas, log-probabilities), needs nothing but the standard library, and holds thousands of
connections. A token is a word.
"""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from outlay.budget import Usage
from outlay.model.records import Choice
from outlay.testing import dialect
from outlay.testing.faults import AFTER, BEFORE, Fault, Refusal
from outlay.testing.wire import HttpRequest, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    Body = Mapping[str, Any]
    Replies = str | Choice | Callable[[Body, int], str | Choice]
    Faults = Iterable[Fault | None] | Callable[[Body], Fault | None]

NOTHING = Usage(calls=1)


@dataclass
class Exchange:
    """One request to generate, and what became of it."""

    number: int
    """Counted from 0 in the order in which requests were read."""
    body: dict[str, Any]
    """The request."""
    fault: Fault | None
    """How it was failed."""
    usage: Usage = NOTHING
    """What was generated for it, which a provider would bill; one call of no tokens until then."""
    told: Usage | None = None
    """What the client was told of that; `None`: it cannot know."""


class CountingServer:
    """A provider on this machine; a context manager.

    Args:
        reply: What every choice says, or a function of the request's body and the choice's index;
            a `Choice` where it should think or call tools. It is cut at `max_tokens` and `stop`.
        json_reply: What a request for JSON gets, unless `reply` is a function.
        faults: How the requests fail, in order (then all goes well), or a function of the request's
            body; `mix` makes one at random.
        delay: Seconds that generating takes. What was begun is generated, and counted, to the end,
            also when the client leaves meanwhile.
        pause: Seconds between the pieces of a stream.
        usage: Fields to put into the usage object of every reply, e.g. `{"cost": 0.5}`.
        retry_after: Seconds that a rate-limited client is told to wait.
        api_key: The only key that is served; `None`: any.
        host: The address to listen at.
    """

    def __init__(  # noqa: PLR0913 - one option for each way in which a server differs
        self,
        reply: Replies = "one two three four five six seven eight",
        *,
        json_reply: str = "{}",
        faults: Faults = (),
        delay: float = 0.0,
        pause: float = 0.0,
        usage: Mapping[str, Any] | None = None,
        retry_after: float = 0.0,
        api_key: str | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._reply = reply
        self._json_reply = json_reply
        self._faults = faults if callable(faults) else _in_order(faults)
        self._delay = delay
        self._pause = pause
        self._usage = dict(usage or {})
        self._retry_after = retry_after
        self._api_key = api_key
        self._host = host
        self._exchanges: list[Exchange] = []
        self._generating = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._port = 0

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(ready)), name="counting-server", daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        if self._thread is not None:
            self._thread.join()

    @property
    def url(self) -> str:
        """The address for `api_base`."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every request to generate that was read, in that order."""
        with self._changed:
            return tuple(self._exchanges)

    @property
    def requests(self) -> int:
        """How many requests to generate were read."""
        return len(self.exchanges)

    @property
    def bodies(self) -> tuple[dict[str, Any], ...]:
        """What the requests said, in the order in which they were read."""
        return tuple(exchange.body for exchange in self.exchanges)

    @property
    def usage(self) -> Usage:
        """What was served in all: a call for each request, tokens where a reply was generated."""
        return sum((exchange.usage for exchange in self.exchanges), Usage())

    @property
    def told(self) -> Usage:
        """What clients were told that they used."""
        return sum((exchange.told for exchange in self.exchanges if exchange.told), Usage())

    @property
    def untold(self) -> Usage:
        """What was served to clients that cannot know what they used."""
        return sum((exchange.usage for exchange in self.exchanges if not exchange.told), Usage())

    def wait_for(self, requests: int, timeout: float = 60.0) -> bool:
        """Wait until so many requests were read in all; whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._exchanges) >= requests, timeout)

    def wait_idle(self, timeout: float = 60.0) -> bool:
        """Wait until nothing is being generated; whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._generating, timeout)

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        server = await asyncio.start_server(self._converse, self._host, backlog=4096, limit=2**24)
        self._port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._closing.wait()
        server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        try:
            while not wire.gone:
                await self._serve_one(await wire.read(), wire)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # the client left, or the server is closing
        finally:
            writer.close()

    async def _serve_one(self, asked: HttpRequest, wire: Wire) -> None:
        if asked.path.endswith("/models") and asked.method == "GET":
            models = {"object": "list", "data": [{"id": "test", "object": "model"}]}
            await wire.reply(200, json.dumps(models).encode())
        elif not asked.path.endswith("/chat/completions"):
            await self._refuse(wire, Refusal(404, "invalid_request_error", None, "no such path"))
        elif self._api_key not in {None, asked.headers.get("authorization", "").removeprefix("Bearer ")}:
            await self._refuse(wire, BEFORE[Fault.UNAUTHORISED])
        else:
            await self._answer(json.loads(asked.body), wire)

    async def _answer(self, body: dict[str, Any], wire: Wire) -> None:
        with self._changed:
            exchange = Exchange(len(self._exchanges), body, self._faults(body))
            self._exchanges.append(exchange)
            self._generating += 1
            self._changed.notify_all()
        try:
            made = await self._generate(exchange)
        finally:
            with self._changed:
                self._generating -= 1
                self._changed.notify_all()
        if refusal := {**BEFORE, **AFTER}.get(exchange.fault or Fault.SLOW):
            if refusal.status < 500:  # noqa: PLR2004 - who is refused knows that nothing was generated
                exchange.told = NOTHING
            await self._refuse(wire, refusal)
        elif body.get("stream"):
            await self._stream(exchange, made, wire)
        else:
            await self._reply_whole(exchange, made, wire)

    async def _generate(self, exchange: Exchange) -> list[dialect.Made]:
        body, fault = exchange.body, exchange.fault
        if fault in BEFORE:
            return []
        await asyncio.sleep(10 * self._delay + 0.1 if fault is Fault.SLOW else self._delay)
        choices = range(body.get("n") or 1)
        made = [dialect.generate(body, self._choice(body, index), fault) for index in choices]
        exchange.usage = dialect.bill(body, made)
        return made

    def _choice(self, body: Body, index: int) -> Choice:
        said = self._reply
        if callable(said):
            said = said(body, index)
        elif str((body.get("response_format") or {}).get("type", "")).startswith("json"):
            said = self._json_reply
        return Choice(text=said) if isinstance(said, str) else said

    def _report(self, body: Body, made: Sequence[dialect.Made], fault: Fault | None) -> dialect.Json | None:
        report = dialect.report(body, made, fault)
        return None if report is None else report | self._usage

    async def _refuse(self, wire: Wire, refusal: Refusal) -> None:
        status, kind, code, message = refusal
        headers = {"Retry-After": f"{self._retry_after:g}"} if status == 429 else {}  # noqa: PLR2004
        await wire.reply(status, json.dumps(dialect.error(kind, code, message)).encode(), headers)

    async def _reply_whole(self, exchange: Exchange, made: Sequence[dialect.Made], wire: Wire) -> None:
        fault, body = exchange.fault, exchange.body
        told = dialect.told_usage(body, made, fault)
        choices = [] if fault is Fault.NO_CHOICES else made
        reply = dialect.completion(exchange.number, body, choices, self._report(body, made, fault))
        content = json.dumps(reply).encode()
        if fault is Fault.STALL:
            await wire.silence()
        elif fault in {Fault.CUT, Fault.ENDED_EARLY}:
            await wire.reply_half(content)
        elif fault is Fault.MALFORMED:
            await wire.reply(200, content[: len(content) // 2])
        else:
            exchange.told = None if wire.gone or told == Usage() else told
            await wire.reply(200, content)

    async def _stream(self, exchange: Exchange, made: Sequence[dialect.Made], wire: Wire) -> None:
        fault, body = exchange.fault, exchange.body
        told = dialect.told_usage(body, made, fault)
        choices = [] if fault is Fault.NO_CHOICES else made
        events = dialect.chunks(exchange.number, body, choices, self._report(body, made, fault))
        if fault in {Fault.STALL, Fault.CUT, Fault.ENDED_EARLY}:
            events = events[: len(events) // 2]
        await wire.open_stream()
        for place, event in enumerate(events):
            broken = fault is Fault.MALFORMED and place == len(events) // 2
            await wire.event(json.dumps(event)[:20] if broken else event)
            await asyncio.sleep(self._pause)
        if fault is Fault.STALL:
            await wire.silence()
        elif fault is Fault.CUT:
            wire.cut()
        elif fault is Fault.ENDED_EARLY:
            await wire.close_stream()
        else:
            counted = bool(events) and "usage" in events[-1] and told != Usage()
            exchange.told = told if counted and fault is not Fault.MALFORMED and not wire.gone else None
            await wire.event("[DONE]")
            await wire.close_stream()


def _in_order(faults: Iterable[Fault | None]) -> Callable[[Body], Fault | None]:
    script = iter(tuple(faults))
    return lambda _body: next(script, None)
