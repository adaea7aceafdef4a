"""Send chat completions to servers that speak OpenAI's format, and read what they send back."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outlay.errors import ConfigurationError, ModelError, ModelRefusedError, ModelUnavailableError
from outlay.model.provider_errors import from_body, from_status, is_unsent, unreachable
from outlay.model.session import shared_session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

    from aiohttp import ClientResponse

CONNECT_SECONDS: Final = 30.0
ERROR_BYTES: Final = 100_000
"""As much of an error reply as is read."""
LONGEST_INTEGER: Final = 300
"""Digits; Python refuses to read more than a few thousand."""
AUTOMATIC: Final = 47
"""Window size for zlib that recognises the headers of gzip and zlib."""
END: Final = "[DONE]"


@dataclass(frozen=True)
class ChatRequest:
    """One request, ready to be sent."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    model: str
    """What errors call the model."""
    most_bytes: int
    """The largest reply that is read."""


async def post(request: ChatRequest) -> Any:
    """Send a request, and give the JSON of its reply.

    Raises:
        ModelError: It could not be sent, was refused, or its reply is no JSON.
    """
    async with _Response(request) as response:
        content = await _content(response, request)
    return _checked(content.decode("utf-8-sig", "replace"), request)


async def events(request: ChatRequest) -> AsyncGenerator[Any, None]:
    """Send a request, and give the JSON of each event of its reply; `None` for the end marker.

    A server that answers a streamed request in one piece gives one event, the whole reply.

    Raises:
        ModelError: It could not be sent, was refused, or an event is an error or no JSON.
    """
    async with _Response(request) as response:
        reader = _EventReader()
        async for text in _event_texts(response, request, reader):
            if text.strip() == END:
                yield None
                return
            yield _checked(text, request)
        if reader.is_whole:
            yield None


async def _event_texts(
    response: ClientResponse, request: ChatRequest, reader: _EventReader
) -> AsyncIterator[str]:
    async for line in _lines(response, request):
        for text in reader.feed(line):
            yield text
    for text in reader.end():
        yield text


class _EventReader:
    """Put the lines of a stream together to the texts of its events."""

    def __init__(self) -> None:
        self.is_whole = False
        """Whether the lines are those of one JSON text, and not of a stream."""
        self._lines: list[str] = []

    def feed(self, line: str) -> Iterator[str]:
        """Give the text of the event that `line` completes, if it does."""
        field, _, value = line.partition(":")
        if self.is_whole or (not self._lines and line.lstrip().startswith(("{", "["))):
            self.is_whole = True
            self._lines.append(line)
        elif field == "data":
            # Most events are one line, and some servers leave out the empty line behind it.
            if not self._lines and (value.strip() == END or _is_json(value)):
                yield value
            else:
                self._lines.append(value)
        elif not line:
            yield from self.end()

    def end(self) -> Iterator[str]:
        """Give the text of the lines that are left."""
        if self._lines:
            yield "\n".join(self._lines)
            self._lines.clear()


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError):
        return False
    return True


def _integer(digits: str) -> int | float:
    """Read an integer; one of more digits than any count has is infinite, and no reason to lose a reply."""
    return int(digits) if len(digits) <= LONGEST_INTEGER else float("inf")


def _checked(text: str, request: ChatRequest) -> Any:
    """Read JSON, and raise what an error object says; a reply that has choices is one all the same."""
    try:
        body = json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError) as exc:
        message = f"{request.model}: the server's reply is not JSON (asked at {request.url})"
        raise ModelUnavailableError(message, model=request.model, unknown=True) from exc
    if not isinstance(body, dict) or (body.get("error") and not body.get("choices")):
        raise from_body(body, model=request.model)
    return body


class _Response:
    """Open a reply, with its failures mapped, and close it on exit."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._response: ClientResponse | None = None

    async def __aenter__(self) -> ClientResponse:
        from aiohttp import ClientError, ClientResponseError, ClientTimeout  # noqa: PLC0415 - 0.3 s

        request = self._request
        try:
            content = json.dumps(request.body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        except (TypeError, ValueError) as exc:
            raise ConfigurationError(f"{request.model}: the request is no JSON: {exc}") from exc
        try:
            self._response = await shared_session().post(
                request.url,
                data=content,
                # Not compressed: a small reply could unpack to more memory than there is.
                headers={
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                    **request.headers,
                },
                allow_redirects=False,  # a redirect would be a second request
                auto_decompress=False,
                timeout=ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            )
        except (ClientError, OSError, ValueError) as exc:
            if is_unsent(exc):
                raise unreachable(request.url, str(exc), model=request.model) from exc
            if isinstance(exc, ValueError) and not isinstance(exc, ClientError):
                raise ConfigurationError(f"{request.model}: the request cannot be sent: {exc}") from exc
            raise _lost(request, exc) from exc
        if not 200 <= self._response.status < 300:  # noqa: PLR2004 - the 2xx class
            refused = ClientResponseError(
                self._response.request_info,
                (),
                status=self._response.status,
                message=self._response.reason or "",
            )
            raise await self._refusal(self._response) from refused
        return self._response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        from aiohttp import ClientError  # noqa: PLC0415

        if self._response is not None:
            self._response.close() if kind else self._response.release()
        if isinstance(error, (ClientError, OSError)) and not isinstance(error, TimeoutError):
            raise _lost(self._request, error) from error

    async def _refusal(self, response: ClientResponse) -> ModelError:
        from aiohttp import ClientError  # noqa: PLC0415

        content = b""
        try:
            async for piece in response.content.iter_any():
                content += piece
                if len(content) > ERROR_BYTES:
                    break
        except (ClientError, OSError):
            pass  # what came is enough to say why
        response.close()
        return from_status(
            response.status,
            content.decode("utf-8", "replace"),
            response.headers,
            model=self._request.model,
            url=self._request.url,
        )


async def _content(response: ClientResponse, request: ChatRequest) -> bytes:
    return b"".join([piece async for piece in _pieces(response, request)])


async def _pieces(response: ClientResponse, request: ChatRequest) -> AsyncIterator[bytes]:
    """Give a reply as it comes, unpacked, up to its largest size.

    Raises:
        ModelRefusedError: It is larger.
        ModelUnavailableError: It is packed in a way that was not asked for and cannot be undone.
    """
    size, left = 0, request.most_bytes
    packing = response.headers.get("Content-Encoding", "identity").lower()
    unpacker = zlib.decompressobj(wbits=AUTOMATIC) if packing in {"gzip", "x-gzip", "deflate"} else None
    async for piece in response.content.iter_any():
        try:
            content = unpacker.decompress(piece, left - size + 1) if unpacker else piece
        except zlib.error as exc:
            raise _lost(request, exc) from exc
        size += len(content)
        if size > left:
            raise ModelRefusedError(
                f"{request.model}: the reply is larger than {left:,} bytes, which is more than the tokens "
                "asked for can take: the server ignores max_tokens",
                model=request.model,
                unknown=True,
            )
        yield content


async def _lines(response: ClientResponse, request: ChatRequest) -> AsyncIterator[str]:
    """Give the lines of a reply, which end with a line feed, a carriage return, or both."""
    parts, ended_with_return = [b""], False
    async for piece in _pieces(response, request):
        content = piece[1:] if ended_with_return and piece.startswith(b"\n") else piece
        ended_with_return = piece.endswith(b"\r")
        first, *others = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        parts.append(first)
        for other in others:
            yield b"".join(parts).decode("utf-8-sig", "replace")
            parts = [other]
    if last := b"".join(parts):
        yield last.decode("utf-8-sig", "replace")


def _lost(request: ChatRequest, error: BaseException) -> ModelUnavailableError:
    reason = str(error) or type(error).__name__
    return ModelUnavailableError(
        f"{request.model}: the connection was lost ({reason})", model=request.model, unknown=True
    )
