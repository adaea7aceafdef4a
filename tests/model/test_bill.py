"""What odd usage reports come to on the bill: never less than was served, and no room given back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from outlay.budget import PICODOLLARS, Budget, Price, Usage, UsageReport
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelError, ModelUnavailableError
from outlay.ledger import Claim, Ledger
from outlay.model import Completion, billing
from outlay.model.listener import Listener
from outlay.model.records import Choice, Chunk, Reply, Request, ToolCall
from outlay.model.usage_report import read_usage
from outlay.testing import ODD_USAGE, CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from outlay.model import Model

ASKED = 20
QUESTION = "What is six times seven?"


async def _complete(model: Model) -> Completion:
    return await model.complete(QUESTION, max_output_tokens=ASKED)


async def _stream(model: Model) -> Completion:
    last = [event async for event in model.stream(QUESTION, max_output_tokens=ASKED)][-1]
    assert last.completion is not None
    return last.completion


async def _sample(model: Model) -> Completion:
    return (await model.sample(QUESTION, 3, max_output_tokens=ASKED))[0]


WAYS = {"whole": _complete, "stream": _stream, "three samples": _sample}

way = pytest.mark.parametrize("way", WAYS)


@way
@pytest.mark.parametrize("fault", [*ODD_USAGE, Fault.NO_USAGE, Fault.ZERO_USAGE])
def test_no_report_brings_the_bill_below_what_was_served(
    served: Callable[..., Model], way: str, fault: Fault
) -> None:
    with CountingServer("word " * 15, faults=[fault]) as server, Ledger() as ledger:
        asyncio.run(WAYS[way](served(server)))
        spent = server.usage
    assert ledger.usage.calls == spent.calls == 1
    assert ledger.usage.prompt_tokens >= spent.prompt_tokens
    assert ledger.usage.output_tokens >= spent.output_tokens
    assert ledger.usage.usd is not None
    assert ledger.usage.usd * PICODOLLARS >= Price(input=1, output=2).cost(spent)


@way
@pytest.mark.parametrize("fault", [Fault.NEGATIVE_PROMPT, Fault.NEGATIVE_OUTPUT, Fault.HUGE_PROMPT])
def test_an_impossible_count_leaves_the_whole_reservation_spent(
    served: Callable[..., Model], way: str, fault: Fault
) -> None:
    with CountingServer(faults=[fault]) as server, Ledger() as ledger:
        asyncio.run(WAYS[way](served(server)))
    assert ledger.usage == ledger.unconfirmed
    assert ledger.usage.output_tokens == ASKED * ledger.usage.generations


@way
@pytest.mark.parametrize("unit", ["total_tokens", "usd"])
def test_a_prompt_below_0_gives_no_room_back(served: Callable[..., Model], way: str, unit: str) -> None:
    with CountingServer(faults=lambda _body: Fault.NEGATIVE_PROMPT) as server:
        model = served(server, retries=0)
        claim = asyncio.run(model.worst_case(QUESTION, max_output_tokens=ASKED, n=3 if "three" in way else 1))
        worst = claim.amounts(ASKED)
        limit = {"total_tokens": worst.total_tokens * 3, "usd": worst.picodollars * 3 / PICODOLLARS}[unit]

        async def all_calls() -> list[Any]:
            return await asyncio.gather(*(WAYS[way](model) for _ in range(12)), return_exceptions=True)

        with Ledger(Budget(**{unit: limit})) as ledger:
            outcomes = asyncio.run(all_calls())
        assert server.requests == 3
    assert sum(isinstance(outcome, BudgetExhaustedError) for outcome in outcomes) == 9
    assert ledger.usage.calls == 3


@way
@pytest.mark.parametrize("fault", [Fault.ZERO_PROMPT, Fault.NO_PROMPT])
def test_a_prompt_that_is_not_reported_stays_spent_and_nothing_else(
    served: Callable[..., Model], way: str, fault: Fault
) -> None:
    with CountingServer(faults=[fault]) as server, Ledger() as ledger:
        model = served(server)
        completion = asyncio.run(WAYS[way](model))
        bound = asyncio.run(model.worst_case(QUESTION, max_output_tokens=ASKED)).prompt_tokens
    assert ledger.unconfirmed == Usage(prompt_tokens=bound, usd=bound / 1e6)
    assert ledger.usage.output_tokens == server.usage.output_tokens
    assert completion.usage.prompt_tokens == bound
    assert "unconfirmed" in str(ledger.report())


@pytest.mark.parametrize(
    ("usage", "price", "dollars"),
    [
        pytest.param({"cost": 0.5}, {}, 0.5, id="a cost above the price"),
        pytest.param({"cost": 1e-9}, {}, (100 + 2 * 10) / 1e6, id="a cost below the price"),
        pytest.param(
            {"prompt_tokens_details": {"cached_tokens": 20, "cache_creation_tokens": 64}},
            {"cached_input": 0.1, "cache_write": 1.25},
            (16 + 2 + 80 + 20) / 1e6,
            id="cache writes",
        ),
        pytest.param(
            {"cache_creation_input_tokens": 64, "cache_creation": {"ephemeral_1h_input_tokens": 40}},
            {"cache_write": 1.25, "cache_write_1h": 2},
            (36 + 24 * 1.25 + 80 + 20) / 1e6,
            id="cache writes for an hour",
        ),
        pytest.param(
            {"service_tier": "priority"},
            {"service_tiers": {"priority": Price(input=3, output=4)}},
            (300 + 40) / 1e6,
            id="a service tier",
        ),
        pytest.param(
            {"prompt_tokens": 150},
            {"long_prompts": {149: Price(input=3, output=4)}},
            (450 + 40) / 1e6,
            id="a long prompt",
        ),
        pytest.param(
            {"completion_tokens_details": {"reasoning_tokens": 4}},
            {"reasoning": 5},
            (100 + 12 + 20) / 1e6,
            id="reasoning",
        ),
        pytest.param(
            {"completion_tokens_details": {"audio_tokens": 4}, "prompt_tokens_details": {"audio_tokens": 50}},
            {"audio_input": 10, "audio_output": 20},
            (50 + 500 + 12 + 80) / 1e6,
            id="audio",
        ),
        pytest.param({"num_search_queries": 3}, {"search": 0.01}, 0.03 + 120 / 1e6, id="searches"),
        pytest.param({}, {"request": 0.01}, 0.01 + 120 / 1e6, id="a price for each request"),
    ],
)
def test_dollars_are_what_price_and_provider_say(
    served: Callable[..., Model], usage: dict[str, Any], price: dict[str, Any], dollars: float
) -> None:
    report = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, **usage}
    with CountingServer(usage=report) as server, Ledger() as ledger:
        completion = asyncio.run(_complete(served(server, price=Price(input=1, output=2, **price))))
    assert ledger.usage.usd == pytest.approx(dollars)
    assert completion.usage.usd == pytest.approx(dollars)


def test_a_reported_cost_is_known_where_the_price_is_not(served: Callable[..., Model]) -> None:
    with CountingServer(usage={"cost": 0.5}) as server, Ledger() as ledger:
        asyncio.run(_complete(served(server, price=None)))
    assert ledger.usage.usd == 0.5


SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}


def _asked(**changes: Any) -> Request:
    message = {"role": "user", "content": changes.pop("content", QUESTION)}
    return Request(model="m", messages=(message,), max_output_tokens=ASKED, **changes)


@pytest.mark.parametrize(
    ("asked", "field", "value", "dearest"),
    [
        pytest.param(
            {"params": {"modalities": ["text", "audio"]}}, "audio_output", 9, (1, 9, 0), id="speech"
        ),
        pytest.param({"params": {"modalities": ["image"]}}, "image_output", 9, (1, 9, 0), id="images"),
        pytest.param({"content": [AUDIO]}, "audio_input", 9, (9, 2, 0), id="a recording"),
        pytest.param(
            {"content": [{"input_audio": AUDIO["input_audio"]}]},
            "audio_input",
            9,
            (9, 2, 0),
            id="a recording without a type",
        ),
        pytest.param({"params": {"web_search_options": {}}}, "search", 0.01, (1, 2, 0.1), id="web search"),
        pytest.param({"tools": (SEARCH,)}, "search", 0.01, (1, 2, 0.03), id="a search tool"),
        pytest.param({"tools": ({"googleSearch": {}},)}, "search", 0.01, (1, 2, 0.1), id="Google's search"),
        pytest.param(
            {"params": {"extra_body": {"plugins": [{"id": "web"}]}}},
            "search",
            0.01,
            (1, 2, 0.1),
            id="a plugin",
        ),
        pytest.param(
            {"params": {"service_tier": "priority"}},
            "service_tiers",
            {"priority": Price(input=3, output=4)},
            (3, 4, 0),
            id="a dear service tier",
        ),
        pytest.param(
            {"params": {"speed": "fast"}},
            "service_tiers",
            {"fast": Price(input=6, output=12)},
            (6, 12, 0),
            id="speed",
        ),
    ],
)
def test_what_is_asked_beside_text_needs_a_price_under_a_dollar_limit(
    asked: dict[str, Any], field: str, value: Any, dearest: tuple[float, float, float]
) -> None:
    request = _asked(**asked)
    unknown = Claim(max_output_tokens=ASKED, **billing.pricing(Price(input=1, output=2), request, 10))
    with Ledger(Budget(usd=1)) as ledger, pytest.raises(ConfigurationError, match=f"{field}=") as refused:
        ledger.reserve(unknown)
    assert "dollars" in str(refused.value)
    price = Price(input=1, output=2, **{field: value})
    known = Claim(prompt_tokens=10, max_output_tokens=ASKED, **billing.pricing(price, request, 10))
    given, made, beside = dearest
    assert known.amounts(ASKED).picodollars / PICODOLLARS == pytest.approx(
        (10 * given + 20 * made) / 1e6 + beside
    )


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="text"),
        pytest.param({"params": {"service_tier": "auto"}}, id="any service tier"),
        pytest.param({"content": [{"type": "text", "text": "hm"}]}, id="parts of text"),
        pytest.param({"tools": ({"type": "function", "function": {"name": "web_search"}},)}, id="a function"),
    ],
)
def test_an_ordinary_request_has_the_ordinary_price(asked: dict[str, Any]) -> None:
    price = Price(input=1, output=2)
    assert billing.pricing(price, _asked(**asked), 10) == {"price": price}


def test_a_cache_for_an_hour_is_reserved_where_it_is_asked_for() -> None:
    price = Price(input=1, output=2, cache_write=1.25, cache_write_1h=2)
    control = {"type": "ephemeral", "ttl": "1h"}
    request = _asked(content=[{"type": "text", "text": "hm", "cache_control": control}])
    claim = Claim(prompt_tokens=10, max_output_tokens=ASKED, **billing.pricing(price, request, 10))
    assert claim.amounts(ASKED).picodollars == price.cost(Usage(prompt_tokens=20, output_tokens=20))


def test_searches_that_are_not_reported_stay_spent(served: Callable[..., Model]) -> None:
    price = Price(input=1, output=2, search=0.01)
    with CountingServer() as server, Ledger(Budget(usd=1)) as ledger:
        options: Any = {"web_search_options": {}}
        asyncio.run(
            served(server, price=price, attachment_tokens=1000).complete(
                QUESTION, max_output_tokens=ASKED, **options
            )
        )
    assert ledger.unconfirmed == Usage(usd=0.1)
    assert ledger.usage.usd == pytest.approx(0.1 + price.cost(server.usage) / PICODOLLARS)


@pytest.mark.parametrize(("said", "dollars"), [(None, 0.00034), ("default", 0.00012), ("priority", 0.00034)])
def test_the_tier_that_served_is_billed_else_the_dearer(
    served: Callable[..., Model], said: str | None, dollars: float
) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "service_tier": said}
    price = Price(input=1, output=2, service_tiers={"priority": Price(input=3, output=4)})
    with CountingServer(usage=usage) as server, Ledger() as ledger:
        model = served(server, price=price)
        options: Any = {"service_tier": "priority"}
        asyncio.run(model.complete(QUESTION, max_output_tokens=ASKED, **options))
    assert ledger.usage.usd == pytest.approx(dollars)


def test_what_was_received_of_a_failed_reply_is_a_floor() -> None:
    claim = Claim(prompt_tokens=10, max_output_tokens=ASKED, price=Price(input=1, output=2))
    for error in (
        ModelUnavailableError("not sent", sent=False),
        ModelUnavailableError("refused"),
        ModelUnavailableError("lost", unknown=True),
        ModelUnavailableError("told", usage=Usage(calls=1, output_tokens=1)),
    ):
        with Ledger() as ledger:
            few = billing.settle_failure(ledger.reserve(claim), error, received="one two")
            many = billing.settle_failure(ledger.reserve(claim), error, received="word " * 50)
        assert (few.output_tokens, many.output_tokens) == (ASKED, 50)
        assert many.usd == pytest.approx((10 + 100) / 1e6)
        assert ledger.usage == ledger.unconfirmed


def test_a_text_beyond_what_was_reserved_is_booked_where_nothing_is_reported(
    served: Callable[..., Model],
) -> None:
    # The server takes it for one word, and does not cut it.
    with CountingServer("漢字" * 300, faults=[Fault.NO_USAGE]) as server, Ledger() as ledger:
        asyncio.run(_complete(served(server)))
    assert ledger.usage.output_tokens == 2 * 300 * 3 // 16
    assert ledger.usage == ledger.unconfirmed


def test_a_failure_with_a_report_of_no_calls_is_a_call() -> None:
    with Ledger(Budget(calls=1)) as ledger:
        error = ModelUnavailableError("failed", usage=Usage(output_tokens=3))
        billing.settle_failure(ledger.reserve(Claim(max_output_tokens=ASKED)), error)
        assert ledger.usage.calls == 1


@pytest.mark.parametrize(
    ("texts", "told", "least"),
    [
        pytest.param(("one two three four five six",), 2, 6, id="fewer tokens than words"),
        pytest.param(("a b c d", "a b c d"), 4, 8, id="one of two short ones"),
        pytest.param(("x = f(a, b)\n" * 9,) * 2, 63, 126, id="one of two in code"),
        pytest.param(("漢字" * 60,) * 3, 90, 270, id="one of three in Chinese"),
        pytest.param(("the quick brown fox jumps " * 9, "no"), 46, 46, id="all of two"),
        pytest.param(("x = f(a, b)\n" * 9,) * 2, 126, 126, id="all of two in code"),
    ],
)
def test_a_report_too_small_for_the_text_is_raised(texts: tuple[str, ...], told: int, least: int) -> None:
    reply = Reply(
        choices=tuple(Choice(text=text) for text in texts),
        usage=Usage(calls=1, prompt_tokens=9, output_tokens=told),
    )
    report = billing.reported(reply)
    assert report is not None
    assert report.output_tokens >= least
    assert report.output_tokens <= least + 1


def test_an_estimate_is_no_more_than_was_reserved_and_a_floor_may_be() -> None:
    # A tokenizer cannot make fewer than the three words of each; the signs between may be tokens.
    reply = Reply(choices=(Choice(text="f(a, b) = c"),) * 3, usage=Usage(prompt_tokens=9, output_tokens=7))
    outputs = [found.output_tokens for most in (None, 15, 2) if (found := billing.reported(reply, most))]
    assert outputs == [21, 15, 12]


@pytest.mark.parametrize(
    ("text", "least"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param("one two three", 3, id="words"),
        pytest.param("漢" * 3000, 562, id="one long word"),
        pytest.param("漢" * 3000 + " a b", 562, id="a long word beside short ones"),
        pytest.param("=" * 3000, 1, id="a line of one sign"),
        pytest.param("\n\n" + " " * 3000 + "x", 1, id="spaces"),
        pytest.param("─" * 3000, 1, id="a line of a box"),
        pytest.param("😀" * 3000, 750, id="emoji"),
        pytest.param("\ud800" * 160, 10, id="halves of characters"),
    ],
)
def test_a_text_has_at_least_its_words_and_its_bytes_by_16(text: str, least: int) -> None:
    assert billing.least_tokens(text) == least


@pytest.mark.parametrize("told", [None, 1], ids=["not reported", "one token reported"])
def test_the_floor_of_a_text_is_the_same_whether_it_is_reported(told: int | None) -> None:
    usage = None if told is None else Usage(calls=1, prompt_tokens=9, output_tokens=told)
    claim = Claim(prompt_tokens=10, max_output_tokens=ASKED, price=Price(input=1, output=2))
    with Ledger() as ledger:
        billing.settle_reply(ledger.reserve(claim), Reply(choices=(Choice(text="漢" * 3000),), usage=usage))
    assert ledger.usage.output_tokens == 562


@pytest.mark.parametrize(
    ("usage", "floor"),
    [
        pytest.param({"cost": 0.5}, {"usd": 0.5}, id="a cost only"),
        pytest.param({"prompt_tokens": 5, "completion_tokens": 0, "cost": 0.5}, {"usd": 0.5}, id="no output"),
        pytest.param(
            {"prompt_tokens": 90_000, "completion_tokens": 0},
            {"prompt_tokens": 90_000, "usd": (90_000 + 2 * ASKED) / 1e6},
            id="a larger prompt",
        ),
        pytest.param({"completion_tokens": -3, "cost": 0.7}, {"usd": 0.7}, id="an impossible output"),
        pytest.param(
            {"prompt_tokens": -3, "completion_tokens": 900},
            {"output_tokens": 900, "usd": (10 + 2 * 900) / 1e6},
            id="an impossible prompt",
        ),
    ],
)
def test_a_report_without_output_is_a_floor_for_the_reservation(
    usage: dict[str, Any], floor: dict[str, Any]
) -> None:
    claim = Claim(prompt_tokens=10, max_output_tokens=ASKED, price=Price(input=1, output=2))
    reply = Reply(choices=(Choice(text="six"),), usage=read_usage(usage))
    error = ModelUnavailableError("lost", usage=read_usage(usage), unknown=True)
    with Ledger() as ledger:
        least = ledger.reserve(claim).forfeit()
    for of_reply in (True, False):
        with Ledger() as ledger:
            reservation = ledger.reserve(claim)
            if of_reply:
                booked = billing.settle_reply(reservation, reply)
            else:
                booked = billing.settle_failure(reservation, error)
        assert ledger.usage == ledger.unconfirmed == booked
        assert booked.calls == booked.generations == 1
        for field in ("prompt_tokens", "output_tokens", "usd"):
            assert getattr(booked, field) == pytest.approx(floor.get(field, getattr(least, field)))


@pytest.mark.parametrize("way", ["whole", "stream"])
def test_reported_dollars_are_booked_beside_a_missing_output(served: Callable[..., Model], way: str) -> None:
    fields = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0.7}
    with CountingServer(usage=fields) as server, Ledger() as ledger:
        asyncio.run(WAYS[way](served(server)))
    assert ledger.usage.usd == 0.7
    assert ledger.usage.output_tokens == ASKED


def test_a_reported_cost_of_a_failure_is_known_where_the_price_is_not() -> None:
    error = ModelUnavailableError("lost", usage=UsageReport(cost=0.7), unknown=True)
    with Ledger() as ledger:
        billing.settle_failure(ledger.reserve(Claim(max_output_tokens=ASKED)), error)
    assert ledger.usage.usd == 0.7


def test_a_partial_report_of_a_failure_is_a_floor() -> None:
    error = ModelUnavailableError("failed", usage=UsageReport(prompt_tokens=50, partial=True))
    with Ledger() as ledger:
        billing.settle_failure(ledger.reserve(Claim(prompt_tokens=10, max_output_tokens=ASKED)), error)
    assert (ledger.usage.prompt_tokens, ledger.usage.output_tokens) == (50, ASKED)


@pytest.mark.parametrize(
    ("content", "told", "booked"),
    [
        pytest.param("word " * 2000, 1, 9000, id="one token for 2,000 words"),
        pytest.param("word " * 2000, 1999, 9000, id="one too few"),
        pytest.param("word " * 2000, 2000, 2000, id="as many as words"),
        pytest.param([{"type": "text", "text": "word " * 9}, {"text": "word"}], 9, 9000, id="parts"),
        pytest.param("漢" * 3000, 561, 9000, id="a long word"),
        pytest.param("", 1, 1, id="no text"),
    ],
)
def test_a_prompt_below_the_floor_of_its_text_is_not_reported(content: Any, told: int, booked: int) -> None:
    messages = ({"role": "user", "content": content}, {"role": "assistant", "content": "thought " * 50})
    request = Request(model="m", messages=messages, max_output_tokens=ASKED)
    reply = Reply(choices=(Choice(text="six"),), usage=Usage(calls=1, prompt_tokens=told, output_tokens=1))
    claim = Claim(prompt_tokens=9000, max_output_tokens=ASKED, price=Price(input=1, output=2))
    with Ledger() as ledger:
        billing.settle_reply(ledger.reserve(claim), reply, request)
    assert ledger.usage.prompt_tokens == booked
    assert ledger.unconfirmed.prompt_tokens == booked - told
    assert ledger.usage.output_tokens == 1


def test_cached_tokens_are_part_of_the_prompt_that_its_text_is_compared_with() -> None:
    request = Request(
        model="m", messages=({"role": "user", "content": "word " * 100},), max_output_tokens=ASKED
    )
    usage = read_usage({"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 100})
    report = billing.reported(Reply(choices=(Choice(text="six"),), usage=usage), request=request)
    assert report is not None
    assert (report.prompt_tokens, report.prompt_reported) == (103, True)


async def _heard(*chunks: Chunk) -> tuple[str, ModelError]:
    async def stream() -> AsyncIterator[Chunk]:
        for chunk in chunks:
            yield chunk

    listener = Listener(lambda _event: None)
    with pytest.raises(ModelError) as cut:
        await listener.listen(stream(), lambda: None)
    return "".join(listener.received), cut.value


def test_the_usage_so_far_of_a_stream_that_was_cut_is_a_floor() -> None:
    usage = UsageReport(calls=1, prompt_tokens=5000, output_tokens=900, cost=0.7)
    received, error = asyncio.run(_heard(Chunk(text="six", usage=usage), Chunk(text=" or")))
    with Ledger() as ledger:
        billing.settle_failure(ledger.reserve(Claim(max_output_tokens=ASKED)), error, received=received)
    assert (ledger.usage.prompt_tokens, ledger.usage.output_tokens, ledger.usage.usd) == (5000, 900, 0.7)
    assert ledger.usage == ledger.unconfirmed


CALL = ToolCall(id="a", name="f", arguments="word " * 50)


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([Chunk(tool_calls=(CALL,)), Chunk()], id="whole calls"),
        pytest.param([Chunk(received="word " * 25)] * 2, id="pieces"),
        pytest.param(
            [Chunk(received="word " * 50), Chunk(tool_calls=(CALL,))], id="pieces and then the whole"
        ),
    ],
)
def test_the_tool_calls_of_a_stream_that_was_cut_are_a_floor(chunks: list[Chunk]) -> None:
    received, error = asyncio.run(_heard(*chunks))
    with Ledger() as ledger:
        billing.settle_failure(ledger.reserve(Claim(max_output_tokens=ASKED)), error, received=received)
    assert 50 <= ledger.usage.output_tokens <= 51
