from outlay.agents import Direct
from outlay.budget import Budget
from outlay.testing import ScriptedModel


def test_one_call_and_its_answer() -> None:
    model = ScriptedModel([r"two and two is \boxed{4}"])
    answer = Direct(model).run("what is two and two")
    assert (answer.value, answer.stop_reason, answer.degraded) == ("4", "finished", None)
    assert (answer.usage.calls, answer.usage.output_tokens) == (1, 5)
    assert [entry.node for entry in answer.trace] == ["answer"]


def test_cut_short_it_says_so() -> None:
    answer = Direct(ScriptedModel(["one two three four"])).run("?", Budget(output_tokens=2))
    assert (answer.text.strip(), answer.stop_reason) == ("one two", "budget")
    assert answer.degraded == "the answer was cut short at its token limit"


def test_without_money_it_makes_no_call() -> None:
    model = ScriptedModel([])
    answer = Direct(model).run("?", Budget(calls=0))
    assert (answer.text, answer.stop_reason, model.requests) == ("", "budget", [])


def test_its_parameters_reach_the_provider() -> None:
    model = ScriptedModel(["4"])
    Direct(model, max_output_tokens=9, temperature=0.3, seed=5).run("?")
    request = model.requests[0]
    assert (request.max_output_tokens, request.temperature, request.seed) == (9, 0.3, 5)
