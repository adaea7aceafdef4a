from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("ask", "direct", "q", "--model", "a", "-m", "b"), "--model"),
        (("ask", "direct", "q", "--usd", "1", "--usd", "1"), "--usd"),
        (("bench", "run", "--model", "a", "--model", "b"), "--model"),
    ],
)
def test_a_single_option_given_twice_is_refused(
    outlay: Callable[..., Any], command: tuple[str, ...], option: str
) -> None:
    ran = outlay(*command)
    assert ran.status == 2
    assert f"{option} is given 2 times: give it once" in ran.err
