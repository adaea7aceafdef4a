"""Every error Outlay raises, as a tree.

OutlayError
  ConfigurationError        the caller's mistake; the message says what to change
  BudgetExhaustedError      a call was refused before it was made
  ModelError                a provider failed; carries model and usage
    ModelUnavailableError   timeout, rate limit, connection, 5xx: worth retrying
    ModelRefusedError       auth, permission, bad request, content policy: not
    ContextOverflowError    prompt longer than the window
    OutputInvalidError      the reply does not parse to the schema asked for
  RetrievalError            empty index, dimension or embedder mismatch, corrupt store
  PolicyError               checkpoint does not fit the modules or features
  ScorerError               an answer could not be scored; carries the judge's usage

Every error pickles, carries its facts as attributes, and names what to do. Keys in its texts are
masked when it is made (`outlay.redaction`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outlay.redaction import mask

if TYPE_CHECKING:
    from outlay.budget import Usage


class OutlayError(Exception):
    """Anything Outlay raises on purpose."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(mask(arg) if isinstance(arg, str) else arg for arg in args))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigurationError(OutlayError):
    """The call or its configuration is wrong; the message says what to change."""


class BudgetExhaustedError(OutlayError):
    """A call was refused before it was made, because a fence could not hold it.

    Args:
        fence: Name of the fence that refused.
        limit: The field of `Budget` that was short, e.g. `"output_tokens"`; `"closed"` for a call
            that waited in a fence when it closed.
        asked: The least the call needed, in the unit of `limit`.
        available: What the fence had left for it, in the same unit.
    """

    def __init__(self, fence: str, limit: str, asked: float, available: float) -> None:
        # Made of the fence's name and numbers, and often: nothing in it to mask.
        super(OutlayError, self).__init__(_refusal(fence, limit, asked, available))
        self.fence = fence
        self.limit = limit
        self.asked = asked
        self.available = available


class ModelError(OutlayError):
    """A provider failed.

    Args:
        message: What happened and what to change.
        model: The model's name, as LiteLLM spells it.
        usage: What the failed call was billed, where that is known.
        sent: Whether the request may have reached the provider; if not, nothing is billed.
        unknown: Whether what the provider billed is unknown, so that the whole reservation stays
            spent; otherwise, without `usage`, one call of no tokens is billed.
        retry_after: Seconds that the provider asked to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        model: str = "",
        usage: Usage | None = None,
        sent: bool = True,
        unknown: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.model = mask(model)
        self.usage = usage
        self.sent = sent
        self.unknown = unknown
        self.retry_after = retry_after


class ModelUnavailableError(ModelError):
    """Time-out, rate limit, lost connection or a 5xx: worth trying again."""


class ModelRefusedError(ModelError):
    """Authentication, permission, bad request or content policy: trying again is no use."""


class ContextOverflowError(ModelError):
    """The prompt is longer than the model's window."""


class OutputInvalidError(ModelError):
    """The reply does not parse to the schema that was asked for."""


class RetrievalError(OutlayError):
    """The index is empty, damaged, or was made with another embedder or dimension."""


class PolicyError(OutlayError):
    """A policy checkpoint does not fit the modules or features it is used with."""


class ScorerError(OutlayError):
    """An answer could not be scored, which is no score of 0.

    Args:
        message: What happened and what to change.
        usage: What a judging model was billed all the same; `None`: no judge was asked.
    """

    def __init__(self, message: str, *, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage


def _refusal(fence: str, limit: str, asked: float, available: float) -> str:
    if limit == "closed":
        return f"fence {fence!r} closed while the call waited in it: await the call inside its `with` block"
    if limit == "seconds":
        return f"the deadline of fence {fence!r} has passed: raise `seconds` in the Budget"
    return (
        f"fence {fence!r} has {available:g} {limit} left and the call needs {asked:g}: "
        f"raise `{limit}` in the Budget, or ask for less"
    )


def _rebuild(kind: type[OutlayError], args: tuple[object, ...], facts: dict[str, object]) -> OutlayError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error
