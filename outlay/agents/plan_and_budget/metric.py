"""E3: accuracy and thrift in one number."""

from outlay.errors import ConfigurationError


def e3(accuracy: float, tokens: float) -> float:
    """Give accuracy squared over tokens (Plan-and-Budget, arXiv 2505.16122).

    With all tokens in `tokens` instead of the solver's alone it is E3_total, which is never larger.

    Args:
        accuracy: In percent, 0 to 100.
        tokens: Mean generated tokens per question.

    Raises:
        ConfigurationError: No tokens were generated, or the accuracy is no percentage.
    """
    if not 0 <= accuracy <= 100 or not tokens > 0:  # noqa: PLR2004 - percent
        raise ConfigurationError("E3 needs an accuracy in percent (0 to 100) and tokens above 0")
    return accuracy * accuracy / tokens
