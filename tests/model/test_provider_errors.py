from __future__ import annotations

import asyncio
import socket

import litellm.exceptions
import pytest

from outlay.budget import Usage
from outlay.errors import (
    ConfigurationError,
    ContextOverflowError,
    ModelError,
    ModelRefusedError,
    ModelUnavailableError,
)
from outlay.model import Model
from outlay.model.provider_errors import kind_of
from outlay.testing import CountingServer, Fault

FOREIGN = [
    kind
    for kind in vars(litellm.exceptions).values()
    if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__module__ == "litellm.exceptions"
]


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_every_exception_of_litellm_is_mapped(kind: type[BaseException]) -> None:
    assert kind_of(kind) is not None


def test_what_litellm_raises_is_all_of_it() -> None:
    assert set(litellm.exceptions.LITELLM_EXCEPTION_TYPES) <= set(FOREIGN)


def failure(fault: Fault, patience: float) -> ModelError:
    async def scenario() -> ModelError:
        with CountingServer(faults=[fault]) as server:
            model = Model("openai/test", api_base=server.url, api_key="x", retries=0, timeout=patience)
            with pytest.raises(ModelError) as caught:
                await model.complete("hi", max_output_tokens=5)
        return caught.value

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.BAD_REQUEST, ModelRefusedError),
        (Fault.UNAUTHORISED, ModelRefusedError),
        (Fault.TOO_LONG, ContextOverflowError),
        (Fault.RATE_LIMITED, ModelUnavailableError),
    ],
)
def test_a_refused_request_is_billed_as_a_call_of_no_tokens(fault: Fault, kind: type[ModelError]) -> None:
    error = failure(fault, 60)
    assert type(error) is kind
    assert (error.sent, error.unknown) == (True, False)
    assert error.usage is not None
    assert (error.usage.calls, error.usage.total_tokens) == (1, 0)
    assert error.__cause__ is not None


@pytest.mark.parametrize(
    "fault",
    [
        Fault.FAILED_BEFORE,
        Fault.UNAVAILABLE,
        Fault.FAILED_AFTER,
        Fault.UNAVAILABLE_AFTER,
        Fault.MALFORMED,
        Fault.CUT,
        Fault.STALL,
    ],
)
def test_a_failure_after_sending_stays_spent_in_full(fault: Fault) -> None:
    error = failure(fault, 1)
    assert type(error) is ModelUnavailableError
    assert (error.sent, error.unknown) == (True, True)
    assert error.usage is not None
    assert error.usage.output_tokens == 5
    assert error.__cause__ is not None


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_server_that_cannot_be_reached_bills_nothing_and_is_named(host: str) -> None:
    url = f"http://{host}:{unused_port()}/v1"

    async def scenario() -> None:
        with pytest.raises(ModelUnavailableError, match="cannot be reached") as caught:
            await Model("openai/test", api_base=url, api_key="x", retries=0).complete("hi")
        assert url in str(caught.value)
        assert (caught.value.sent, caught.value.usage) == (False, Usage())

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("nosuch/model", "openai/gpt-4.1-mini", id="unknown provider"),
        pytest.param("gpt-nonsense", "provider/model", id="unknown model"),
        pytest.param("openai/gpt-4.1-mini", "OPENAI_API_KEY", id="no key for OpenAI"),
        pytest.param("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY", id="no key for Anthropic"),
        pytest.param("gemini/gemini-2.5-flash", "GEMINI_API_KEY", id="no key for Gemini"),
    ],
)
def test_a_wrong_configuration_says_what_to_change(
    name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(variable, raising=False)

    async def scenario() -> None:
        with pytest.raises(ConfigurationError, match=says):
            await Model(name).complete("hi")

    asyncio.run(scenario())


def test_a_provider_is_waited_for_as_long_as_it_says() -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.RATE_LIMITED], retry_after=17) as server:
            model = Model("openai/test", api_base=server.url, api_key="x", retries=0)
            with pytest.raises(ModelUnavailableError) as caught:
                await model.complete("hi", max_output_tokens=5)
        assert caught.value.retry_after == 17

    asyncio.run(scenario())


def test_a_parameter_the_provider_does_not_take_is_an_error_not_dropped() -> None:
    async def scenario() -> None:
        with pytest.raises(ConfigurationError, match="logit_bias"):
            await Model("anthropic/claude-sonnet-4-5", api_key="x").complete("hi", logit_bias={"1": 2.0})

    asyncio.run(scenario())
