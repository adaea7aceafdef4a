from __future__ import annotations

from typing import Any

import pytest

from outlay.errors import ConfigurationError
from outlay.model.options import request_for
from outlay.testing import ScriptedModel


def made(messages: Any = "hi", **options: Any) -> Any:
    return request_for("m", messages, options, default_max_output_tokens=7)


def test_a_text_is_one_message_of_the_users() -> None:
    assert made("hi").messages == ({"role": "user", "content": "hi"},)


def test_no_maximum_is_the_models_default() -> None:
    assert made().max_output_tokens == 7
    assert made(max_output_tokens=None).max_output_tokens == 7
    assert made(max_output_tokens=9).max_output_tokens == 9


@pytest.mark.parametrize("stop", ["END", ["END"], ("END",)])
def test_one_stop_is_a_list_of_one(stop: Any) -> None:
    assert made(stop=stop).stop == ("END",)


def test_other_parameters_keep_their_names() -> None:
    assert made(presence_penalty=0.5, top_k=3, user=None).params == {"presence_penalty": 0.5, "top_k": 3}


@pytest.mark.parametrize(
    ("messages", "options", "says"),
    [
        pytest.param([], {}, "no messages", id="no messages"),
        pytest.param("hi", {"max_tokens": 5}, "max_output_tokens", id="max_tokens"),
        pytest.param("hi", {"n": 3}, "Model.sample", id="n"),
        pytest.param("hi", {"stream": True}, "Model.stream", id="stream"),
        pytest.param("hi", {"num_retries": 1}, "retries", id="num_retries"),
        pytest.param("hi", {"max_output_tokens": 0}, "max_output_tokens", id="no room"),
        pytest.param("hi", {"temperature": "warm"}, "temperature", id="wrong type"),
    ],
)
def test_a_wrong_option_says_what_to_change(messages: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        made(messages, **options)


def test_a_misspelt_parameter_is_named() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'temperature'"):
        ScriptedModel([], temprature=1)


def test_a_parameter_of_the_provider_is_no_misspelling() -> None:
    ScriptedModel([], top_k=5)
