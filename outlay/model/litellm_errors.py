"""What LiteLLM and the clients below it raise, as Outlay's errors: the only place that knows.

LiteLLM invents status codes (a refused connection is its 500), so the chain of causes is read
first: it tells what was never sent, and the ledger bills nothing for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN: Final = ModelUnavailableError
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
    "Timeout": UNKNOWN,
    "APIError": UNKNOWN,
    "APIConnectionError": UNKNOWN,
    "APIResponseValidationError": UNKNOWN,
    "BadGatewayError": UNKNOWN,
    "InternalServerError": UNKNOWN,
    "ServiceUnavailableError": UNKNOWN,
    "OpenAIError": UNKNOWN,
}
"""By the name of the class, or of its nearest ancestor listed here."""

UNSENT: Final = {
    "ConnectionRefusedError",
    "gaierror",
    "ConnectError",
    "ConnectTimeout",
    "PoolTimeout",
    "ClientConnectorError",
    "ConnectionTimeoutError",
    "LocalProtocolError",
    "UnsupportedProtocol",
    "InvalidURL",
    "InvalidUrlClientError",
}
"""Causes that lie before the first byte of the request."""

HTTP_TOO_MANY: Final = 429
LONGEST: Final = 600


def kind_of(error: type[BaseException]) -> type[OutlayError] | None:
    """Give our class for a class of LiteLLM's; `None`: not mapped."""
    return next((KINDS[k.__name__] for k in error.__mro__ if k.__name__ in KINDS), None)


def translate(error: Exception, *, model: str, url: str | None) -> OutlayError:
    """Turn what LiteLLM raised into the error to raise `from` it."""
    causes = tuple(_causes(error))
    said = _message(error)
    names = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    if fault := _configuration_fault(error, causes, model):
        return ConfigurationError(fault)
    if names & UNSENT:
        where = f"the server at {url}" if url else "the provider"
        message = f"{model}: {where} cannot be reached; is it running, and is `api_base` right? ({said})"
        return ModelUnavailableError(message, model=model, sent=False)
    kind = _kind(error)
    if not issubclass(kind, ModelError):
        return ConfigurationError(f"{model}: {said}")
    made = kind(
        f"{model}: {said}{_advice(error, kind, model)}", model=model, retry_after=_retry_after(causes)
    )
    made.unknown = issubclass(kind, ModelUnavailableError) and _status(error) != HTTP_TOO_MANY
    return made


def _configuration_fault(error: Exception, causes: tuple[BaseException, ...], model: str) -> str | None:
    text = str(error)
    if "LLM Provider NOT provided" in text:
        return (
            f"no provider is known for the model {model!r}: write it as provider/model, e.g. "
            "'openai/gpt-4.1-mini', 'ollama/qwen3:4b' or 'hosted_vllm/Qwen/Qwen3-8B' with api_base=..., "
            "or 'local' for the embedded model"
        )
    if not _answered(causes) and ("missing credentials" in text.lower() or "api key" in text.lower()):
        wanted = _variable(text) or "the provider's key variable"
        return f"no key for {model!r}: set {wanted} in the environment, or pass Model(..., api_key=...)"
    missing = next((cause for cause in causes if isinstance(cause, ImportError)), None)
    if missing is not None:
        name = missing.name or str(missing)
        return f"LiteLLM needs the package {name!r} for {model!r}: pip install {name}"
    return None


def _variable(text: str) -> str | None:
    words = (word.strip("`'\".,()") for word in text.split())
    return next((word for word in words if word.endswith(("_KEY", "_TOKEN")) and word.isupper()), None)


def _kind(error: Exception) -> type[OutlayError]:
    # LiteLLM has no class for some statuses and raises APIError for them.
    if type(error).__name__ == "APIError" and _is_refusal(_status(error)):
        return ModelRefusedError
    return kind_of(type(error)) or ModelUnavailableError


def _is_refusal(status: int | None) -> bool:
    return status is not None and 400 <= status < 500 and status != HTTP_TOO_MANY  # noqa: PLR2004


def _advice(error: Exception, kind: type[OutlayError], model: str) -> str:
    if type(error).__name__ == "AuthenticationError":
        return "; check api_key= or the provider's key variable"
    if kind is ContextOverflowError:
        return window_advice(model)
    return ""


def _message(error: Exception) -> str:
    """Give what it says in one line, without LiteLLM's prefixes and stack."""
    said = str(getattr(error, "message", "") or error).partition("Traceback (most recent call last)")[0]
    line = " ".join(said.split()).partition(" To drop these")[0] or type(error).__name__
    while True:
        head, colon, rest = line.partition(": ")
        if not colon or " " in head or not (head.startswith("litellm.") or head.endswith("Error")):
            return line.rpartition("Exception - ")[2][:LONGEST]
        line = rest


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _answered(causes: tuple[BaseException, ...]) -> bool:
    return any(type(cause).__name__ == "HTTPStatusError" for cause in causes)


def _retry_after(causes: tuple[BaseException, ...]) -> float | None:
    for cause in causes:
        response = getattr(cause, "response", None)
        headers = getattr(cause, "litellm_response_headers", None) or getattr(response, "headers", None)
        value = headers.get("retry-after") if headers is not None else None
        if value is not None:
            return _seconds(value)
    return None


def _seconds(value: str) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - a date is rare
    from time import time  # noqa: PLC0415

    if value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        return None
