from __future__ import annotations

import math

import pytest

from outlay.agents.plan_and_budget.room import output_room
from outlay.budget import FREE, Budget, Price

PRICE = Price(input=1, output=2)


@pytest.mark.parametrize(
    ("left", "price", "calls", "room"),
    [
        (Budget(), None, 5, math.inf),
        (Budget(output_tokens=200), None, 5, 200),
        (Budget(calls=4), None, 5, 0),
        (Budget(calls=5), None, 5, math.inf),
        (Budget(total_tokens=150), None, 1, 50),
        (Budget(total_tokens=350), None, 3, (350 - 300) / 3),
        (Budget(total_tokens=250), None, 3, 0),
        (Budget(usd=0.0003), PRICE, 1, (300 - 100) / 2),
        (Budget(usd=0.0006), PRICE, 3, (600 - 300) / 4),
        (Budget(usd=0.0001), PRICE, 3, 0),
        (Budget(usd=0.0), FREE, 3, math.inf),
        (Budget(output_tokens=200, total_tokens=150), None, 1, 50),
    ],
    ids=[
        "no limit",
        "output tokens",
        "too few calls",
        "enough calls",
        "the prompt is paid once by one call",
        "answers are sent again by each further call",
        "the prompts alone are too dear",
        "dollars",
        "dollars over several calls",
        "too few dollars",
        "free",
        "the least counts",
    ],
)
def test_room_is_what_the_tightest_limit_leaves(
    left: Budget, price: Price | None, calls: int, room: float
) -> None:
    assert output_room(left, price, prompt_tokens=100, calls=calls) == pytest.approx(room)
