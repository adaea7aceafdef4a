"""The ways in which a provider fails, and how often."""

from __future__ import annotations

from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Fault(StrEnum):
    """One way in which `CountingServer` fails a request."""

    RATE_LIMITED = "rate limited"
    """429 with `Retry-After`; nothing is generated."""
    BAD_REQUEST = "bad request"
    """400; nothing is generated."""
    UNAUTHORISED = "unauthorised"
    """401; nothing is generated."""
    TOO_LONG = "too long"
    """400 with the code `context_length_exceeded`; nothing is generated."""
    FAILED_BEFORE = "failed before"
    """500; nothing is generated, which the client cannot know."""
    UNAVAILABLE = "unavailable"
    """503; nothing is generated, which the client cannot know."""
    FAILED_AFTER = "failed after"
    """500 after generating: tokens are spent and nobody says how many."""
    UNAVAILABLE_AFTER = "unavailable after"
    """503 after generating: tokens are spent and nobody says how many."""
    MALFORMED = "malformed"
    """The reply is half of its JSON; in a stream, one event is."""
    NO_CHOICES = "no choices"
    """The list of choices is empty; the usage is told."""
    NO_USAGE = "no usage"
    """The reply says nothing of its usage."""
    ZERO_USAGE = "zero usage"
    """The reply says that it took no tokens."""
    FIRST_CHOICE_USAGE = "first choice's usage"
    """The reply tells the first choice's tokens as those of all of them, as llama.cpp does."""
    CUT = "cut"
    """The connection breaks in the middle of the reply."""
    ENDED_EARLY = "ended early"
    """A stream ends in due form, but in its middle; a reply that is not a stream is cut."""
    STALL = "stall"
    """Silence after generating, in a stream after its first piece, until the client leaves."""
    OVER_REPORT = "over-report"
    """Ten tokens more than `max_tokens` are generated, and told."""
    SLOW = "slow"
    """A good reply, after ten times the usual delay and 0.1 seconds more."""


class Refusal(NamedTuple):
    """An error reply."""

    status: int
    kind: str
    code: str | None
    message: str


BEFORE: dict[Fault, Refusal] = {
    Fault.RATE_LIMITED: Refusal(429, "rate_limit_error", "rate_limit_exceeded", "too many requests"),
    Fault.BAD_REQUEST: Refusal(400, "invalid_request_error", None, "this request is not valid"),
    Fault.UNAUTHORISED: Refusal(401, "invalid_request_error", "invalid_api_key", "incorrect API key"),
    Fault.TOO_LONG: Refusal(
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is exceeded: please reduce the length of the messages.",
    ),
    Fault.FAILED_BEFORE: Refusal(500, "server_error", None, "the server failed"),
    Fault.UNAVAILABLE: Refusal(503, "server_error", None, "the server is overloaded"),
}
"""What is replied without generating."""

AFTER: dict[Fault, Refusal] = {
    Fault.FAILED_AFTER: BEFORE[Fault.FAILED_BEFORE],
    Fault.UNAVAILABLE_AFTER: BEFORE[Fault.UNAVAILABLE],
}
"""What is replied in place of what was generated."""


def mix(shares: Mapping[Fault, float], *, seed: int = 0) -> Callable[[Mapping[str, Any]], Fault | None]:
    """Draw faults at random, for `CountingServer(faults=...)`.

    Args:
        shares: How likely each fault is, per request; what is left to 1 is good replies.
        seed: The same seed gives the same faults in the same order of requests.
    """
    random = Random(seed)  # noqa: S311 - a test's dice
    outcomes = [*shares, None]
    weights = [*shares.values(), max(0.0, 1.0 - sum(shares.values()))]
    return lambda _body: random.choices(outcomes, weights)[0]
