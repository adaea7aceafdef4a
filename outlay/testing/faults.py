"""The ways in which a provider fails, and how often."""

from __future__ import annotations

from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
    ZERO_PROMPT = "zero prompt"
    """The reply says that the prompt took no tokens."""
    NO_PROMPT = "no prompt"
    """The reply tells the output's tokens only."""
    NEGATIVE_PROMPT = "negative prompt"
    """The reply says that the prompt took -1,000 tokens."""
    NEGATIVE_OUTPUT = "negative output"
    """The reply says that the output took -1,000 tokens."""
    HUGE_PROMPT = "huge prompt"
    """The reply says that the prompt took 10 to the 30th tokens, more than any store can hold."""
    REASONING_APART = "reasoning apart"
    """Most of the output is told as reasoning tokens, and left out of the output's tokens."""
    CACHE_APART = "cache apart"
    """Most of the prompt is told as cached tokens, and left out of the prompt's tokens."""
    LARGER_TOTAL = "larger total"
    """The reply tells half of the output's tokens, but all of them in the total."""
    SMALLER_TOTAL = "smaller total"
    """The reply tells a total of 1."""
    COUNTS_AS_TEXT = "counts as text"
    """The reply reports its counts as texts, e.g. `"12"`."""
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


ODD_USAGE: Final = (
    Fault.ZERO_PROMPT,
    Fault.NO_PROMPT,
    Fault.NEGATIVE_PROMPT,
    Fault.NEGATIVE_OUTPUT,
    Fault.HUGE_PROMPT,
    Fault.REASONING_APART,
    Fault.CACHE_APART,
    Fault.LARGER_TOTAL,
    Fault.SMALLER_TOTAL,
    Fault.COUNTS_AS_TEXT,
)
"""Good replies whose usage report is wrong in some way."""


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
