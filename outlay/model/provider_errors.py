"""Map what servers answer and what LiteLLM and the HTTP clients raise to Outlay's errors.

The mapping also decides how a failed call is billed. A call is free of tokens only if a status line
of the 4xx class refused it, and it is released only if it is known that nothing was sent. Words in a
message never decide that: a server may write anything in a reply that it has billed.
"""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any, Final

from outlay.errors import (
    ConfigurationError,
    ContextOverflowError,
    ModelError,
    ModelRefusedError,
    ModelUnavailableError,
    OutlayError,
    OutputInvalidError,
)
from outlay.local import window_advice
from outlay.model.usage_report import read_usage
from outlay.redaction import mask, mask_causes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from outlay.model.session import Wire

KINDS: Final[dict[str, type[OutlayError]]] = {
    "ContextWindowExceededError": ContextOverflowError,
    "JSONSchemaValidationError": OutputInvalidError,
    "LiteLLMUnknownProvider": ConfigurationError,
    "ModelNotMappedError": ConfigurationError,
    "UnsupportedParamsError": ConfigurationError,
    "AuthenticationError": ModelRefusedError,
    "BlockedPiiEntityError": ModelRefusedError,
    "BudgetExceededError": ModelRefusedError,
    "GuardrailRaisedException": ModelRefusedError,
    "ModifyResponseException": ModelRefusedError,
    "NotFoundError": ModelRefusedError,
    "PermissionDeniedError": ModelRefusedError,
    "SensitiveDataRouteException": ModelRefusedError,
    "UnprocessableEntityError": ModelRefusedError,
    "BadRequestError": ModelRefusedError,
    "RateLimitError": ModelUnavailableError,
    "Timeout": ModelUnavailableError,
    "APIError": ModelUnavailableError,
    "APIConnectionError": ModelUnavailableError,
    "APIResponseValidationError": ModelUnavailableError,
    "BadGatewayError": ModelUnavailableError,
    "InternalServerError": ModelUnavailableError,
    "ServiceUnavailableError": ModelUnavailableError,
    "OpenAIError": ModelUnavailableError,
}
"""Our class by the name of LiteLLM's class, or of its nearest ancestor listed here."""

UNSENT: Final = {
    "ConnectionRefusedError",
    "gaierror",
    "ConnectTimeout",
    "PoolTimeout",
    "ClientConnectorError",
    "ConnectionTimeoutError",
    "LocalProtocolError",
    "UnsupportedProtocol",
    "InvalidURL",
    "InvalidUrlClientError",
}
"""Exceptions raised before the first byte of a request is sent."""

MAYBE_SENT: Final = {
    "RemoteProtocolError",
    "ReadError",
    "WriteError",
    "ReadTimeout",
    "WriteTimeout",
    "ServerDisconnectedError",
    "ClientPayloadError",
    "ConnectionResetError",
    "BrokenPipeError",
}
"""Exceptions raised after a request was sent, maybe: a client may have sent it again since then."""

ANSWERED: Final = {"HTTPStatusError", "APIStatusError", "ClientResponseError"}
"""Exceptions that a client raises for a status line that it has read."""

TOO_MANY: Final = 429
TRANSIENT: Final = {409, 425, TOO_MANY}
"""Statuses of the 4xx class that are worth another attempt."""
UNCERTAIN: Final = {408, 499}
"""Statuses of the 4xx class that a server gives up with, maybe after it generated."""
LONGEST: Final = 600

_SUBJECT: Final = r"(?:prompt|input|message|request|sequence|conversation|tokens?)\w*"
_TOO_LONG: Final = r"(?:too long|too large|too many|exceed(?:s|ed)?|longer than|larger than|over the)"
_MEASURE: Final = r"(?:token|context|length|window|limit|maximum|model)"
_OVERFLOW: Final = re.compile(
    "|".join((
        r"context[ _-]?(?:length|window|size|limit|budget)",
        r"maximum context",
        r"max(?:imum)?_?(?:model|seq(?:uence)?)_?len",
        rf"{_SUBJECT}[^.]{{0,80}}{_TOO_LONG}[^.]{{0,120}}{_MEASURE}",
        r"(?:prompt|input) is too long",
        r"too many (?:input |prompt )?tokens",
        r"reduce the length",
        r"max(?:imum)? (?:allowed )?(?:number of )?(?:input |prompt )?(?:length|tokens) (?:is|of|allowed)",
        r"max_new_tokens`? must be",
    )),
    re.IGNORECASE,
)
"""The words in which servers say that the prompt is longer than the model's window."""
_OUTPUT_LIMIT: Final = re.compile(
    r"max_(?:completion_)?tokens.{0,40}(?:completion|output) tokens", re.IGNORECASE
)
"""A limit on the output that is larger than the model's own: a shorter prompt does not help."""
_RATE: Final = re.compile(r"per (?:minute|day|hour|second)|rate.?limit|quota", re.IGNORECASE)
_DELAY: Final = re.compile(
    r'"?(?:retryDelay|retry_after(?:_seconds)?)\\?"?\s*:\s*\\?"?(\d{1,9}(?:\.\d{1,9})?)'
)
_REFUSED: Final = (
    "invalid",
    "authent",
    "permission",
    "not_found",
    "content",
    "unsupported",
    "forbidden",
    "billing",
)


def kind_of(error: type[BaseException]) -> type[OutlayError] | None:
    """Give our class for a class of LiteLLM's; `None`: not mapped."""
    return next((KINDS[k.__name__] for k in error.__mro__ if k.__name__ in KINDS), None)


def from_status(
    status: int, content: str, headers: Mapping[str, str], *, model: str, url: str | None = None
) -> ModelError:
    """Give the error for a reply whose status line is not 2xx.

    Args:
        status: The status of the reply.
        content: The reply's body.
        headers: The reply's headers.
        model: The model's name.
        url: Where the request went, to be named where it was the wrong place.
    """
    body = _json(content)
    said, code = error_message(body if body is not None else content)
    kind = _kind_of_status(status, said, code)
    found = kind(
        f"{model}: {said or f'status {status}'}{_advice(kind, status, url, model)}",
        model=model,
        usage=read_usage(body.get("usage")) if isinstance(body, dict) else None,
        retry_after=retry_after(headers, content),
    )
    found.unknown = found.usage is None and (not 300 <= status < 500 or status in UNCERTAIN)  # noqa: PLR2004
    return found


def from_body(body: Any, *, model: str) -> ModelError:
    """Give the error for an error object in a reply of status 200, or inside a stream.

    The server may have generated before it: the whole reservation stays spent.
    """
    said, code = error_message(body)
    status = int(code) if code.isdigit() and len(code) == 3 else None  # noqa: PLR2004 - a status
    if status is not None:
        kind = _kind_of_status(status, said, code)
    elif _is_overflow(said, code):
        kind = ContextOverflowError
    else:
        refused = any(part in code.casefold() for part in _REFUSED)
        kind = ModelRefusedError if refused else ModelUnavailableError
    text = f"{model}: {said}{_advice(kind, status, None, model)}"
    usage = read_usage(body.get("usage")) if isinstance(body, dict) else None
    delay = retry_after({}, json.dumps(body, default=str))
    return kind(text, model=model, unknown=True, usage=usage, retry_after=delay)


def unreachable(url: str | None, reason: str, *, model: str) -> ModelUnavailableError:
    """Give the error for a server to which nothing could be sent."""
    where = f"the server at {url}" if url else "the provider"
    message = f"{model}: {where} cannot be reached; is it running, and is `api_base` right? ({reason})"
    return ModelUnavailableError(message, model=model, sent=False)


def is_unsent(error: BaseException) -> bool:
    """Whether an exception of an HTTP client says that nothing was sent."""
    names = {kind.__name__ for cause in causes_of(error) for kind in type(cause).__mro__}
    return bool(names & UNSENT) and not names & MAYBE_SENT


def no_key(model: str, variable: str | None) -> ConfigurationError:
    """Give the error for a provider that needs a key and has none."""
    wanted = variable or "the provider's key variable"
    return ConfigurationError(
        f"no key for {model!r}: set {wanted} in the environment, or pass Model(..., api_key=...)"
    )


def translate(
    error: Exception, *, model: str, url: str | None, wire: Wire | None, missing_key: str | None = None
) -> OutlayError:
    """Turn what LiteLLM raised into the error to raise `from` it.

    LiteLLM invents status codes: a refused connection is its 500. So `wire` counts first, then the
    chain of causes.

    Args:
        error: What LiteLLM raised.
        model: The model's name.
        url: Where the server is, if that was given.
        wire: What was sent and answered, as far as it was recorded; `None`: LiteLLM was not asked to
            send anything.
        missing_key: The variable of the key that the provider needs and the call does not have.
    """
    mask_causes(error)
    causes = tuple(causes_of(error))
    said = _one_line(str(getattr(error, "message", "") or error)) or type(error).__name__
    status = _answered(causes, wire)
    is_recorded = wire is not None and bool(wire.urls)
    may_be_sent = wire is not None and (wire.sent or status is not None)
    if not may_be_sent and (fault := _configuration_fault(error, causes, model, wire, missing_key)):
        return ConfigurationError(fault)
    if not may_be_sent and (is_recorded or is_unsent(error)):
        return unreachable(url, said, model=model)
    kind = kind_of(type(error)) or ModelUnavailableError
    if status is not None and not 200 <= status < 300:  # noqa: PLR2004
        found = from_status(status, _content(error, causes), _headers(causes, wire), model=model, url=url)
        if kind is ContextOverflowError and not isinstance(found, kind):
            found = _as_kind(found, kind)
        found.args = (f"{model}: {said}{_advice(type(found), status, url, model)}",)
        return found
    if not issubclass(kind, ModelError):
        if not may_be_sent:
            # These classes are LiteLLM's own findings: it makes none of them of what a server says.
            return ConfigurationError(f"{model}: {said}")
        kind = ModelRefusedError
    made = kind(f"{model}: {said}{_advice(kind, status, url, model)}", model=model)
    made.retry_after = retry_after(_headers(causes, wire), _content(error, causes))
    made.unknown = wire is not None
    made.sent = wire is not None
    return made


def error_message(body: Any) -> tuple[str, str]:
    """Give the message and the code or type of an error reply, whatever its shape."""
    while isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return _one_line(_without_tags(body if isinstance(body, str) else json.dumps(body))), ""
    error = next((body[key] for key in ("error", "errors", "detail") if body.get(key)), body)
    while isinstance(error, list) and error:
        error = error[0]
    if not isinstance(error, dict):
        return _one_line(error if isinstance(error, str) else json.dumps(error)), str(body.get("code") or "")
    said = next((error[key] for key in ("message", "msg", "detail", "error") if error.get(key)), None)
    said = said if isinstance(said, str) else json.dumps(error if said is None else said, default=str)
    code = next((error[key] for key in ("code", "type", "status") if error.get(key)), "")
    return _one_line(said), str(code)


def retry_after(headers: Mapping[str, str], content: str) -> float | None:
    """Give the seconds that a reply asks to wait: by its headers, else by its body."""
    found = {name.casefold(): str(value).strip() for name, value in headers.items()}
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (milliseconds := _number(found.get(name))) is not None:
            return milliseconds / 1000
    if "retry-after" in found and (seconds := _seconds(found["retry-after"])) is not None:
        return seconds
    delay = _DELAY.search(content)
    return float(delay[1]) if delay else None


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and what caused it, the nearest first."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _answered(causes: tuple[BaseException, ...], wire: Wire | None) -> int | None:
    """Return the status line that was read, if one was."""
    if wire is not None and wire.status is not None:
        return wire.status
    for cause in causes:
        # LiteLLM's own exceptions inherit from the OpenAI client's, also where nothing was sent.
        is_foreign = not type(cause).__module__.startswith("litellm")
        if is_foreign and any(kind.__name__ in ANSWERED for kind in type(cause).__mro__):
            response = getattr(cause, "response", None)
            return _status(cause) or _status(response) or 200
    return None


def _kind_of_status(status: int, said: str, code: str) -> type[ModelError]:
    if status not in {401, 403, 404, TOO_MANY} and _is_overflow(said, code):
        return ContextOverflowError
    if status == TOO_MANY and code == "insufficient_quota":
        return ModelRefusedError
    is_refusal = 300 <= status < 500 and status not in TRANSIENT | UNCERTAIN  # noqa: PLR2004
    return ModelRefusedError if is_refusal else ModelUnavailableError


def _is_overflow(said: str, code: str) -> bool:
    if "context_length" in code or "exceed_context" in code:
        return True
    return bool(_OVERFLOW.search(said)) and not _OUTPUT_LIMIT.search(said) and not _RATE.search(said)


def _as_kind(error: ModelError, kind: type[ModelError]) -> ModelError:
    made = kind(str(error), model=error.model, usage=error.usage, unknown=error.unknown)
    made.retry_after = error.retry_after
    return made


def _advice(kind: type[OutlayError], status: int | None, url: str | None, model: str) -> str:
    if kind is ContextOverflowError:
        return window_advice(model)
    if status in {401, 403}:
        return "; check api_key= or the provider's key variable"
    if status is not None and (300 <= status < 400 or status == 404) and url:  # noqa: PLR2004
        return f"; is {url} the right `api_base`, and does it serve this model?"
    return ""


def _configuration_fault(
    error: Exception,
    causes: tuple[BaseException, ...],
    model: str,
    wire: Wire | None,
    missing_key: str | None,
) -> str | None:
    """Say what to configure, where LiteLLM raised before it sent anything.

    What it says is read only where no server can have said it.
    """
    text = str(error)
    if wire is None and "LLM Provider NOT provided" in text:
        return (
            f"no provider is known for the model {model!r}: write it as provider/model, e.g. "
            "'openai/gpt-4.1-mini', 'ollama/qwen3:4b' or 'hosted_vllm/Qwen/Qwen3-8B' with api_base=..., "
            "or 'local' for the embedded model"
        )
    if missing_key is not None:
        return str(no_key(model, missing_key))
    missing = next((cause for cause in causes if isinstance(cause, ImportError)), None)
    if missing is not None:
        name = missing.name or str(missing)
        return f"LiteLLM needs the package {name!r} for {model!r}: pip install {name}"
    return None


def _one_line(said: str) -> str:
    """Give what a message says in one line, without LiteLLM's prefixes and stack."""
    said = said[: 20 * LONGEST].partition("Traceback (most recent call last)")[0]
    line = mask(" ".join(said.split())).partition(" To drop these")[0]
    while True:
        head, colon, rest = line.partition(": ")
        if not colon or " " in head or not (head.startswith("litellm.") or head.endswith("Error")):
            return line.rpartition("Exception - ")[2][:LONGEST]
        line = rest


def _without_tags(text: str) -> str:
    """Give the words of a page of HTML, which a proxy may answer with."""
    text = text[: 20 * LONGEST]
    return re.sub(r"<[^<>]{0,2000}>", " ", text) if text.lstrip().startswith("<") else text


def _json(content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _status(error: object) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _headers(causes: tuple[BaseException, ...], wire: Wire | None) -> Mapping[str, str]:
    if wire is not None and wire.headers:
        return wire.headers
    for cause in causes:
        response = getattr(cause, "response", None)
        headers = getattr(cause, "litellm_response_headers", None) or getattr(response, "headers", None)
        if headers:
            return dict(headers)
    return {}


def _content(error: Exception, causes: tuple[BaseException, ...]) -> str:
    """Give what an exception says, and the body of the reply that it came from."""
    bodies = (getattr(cause, "body", None) for cause in causes)
    return "\n".join([str(error), *(json.dumps(body, default=str) for body in bodies if body)])


def _number(value: str | None) -> float | None:
    is_number = value is not None and re.fullmatch(r"\d{1,12}(?:\.\d{1,12})?", value)
    return float(value) if value is not None and is_number else None


def _seconds(value: str) -> float | None:
    number = _number(value)
    if number is not None:
        return number
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, TypeError, OverflowError):
        return None
