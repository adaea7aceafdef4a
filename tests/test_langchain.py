"""A Model as LangChain's chat model: the same promises, LangChain's manners."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypedDict, cast

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, trim_messages
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, create_react_agent, tools_condition
from pydantic import BaseModel

from outlay import (
    Budget,
    BudgetExhaustedError,
    ConfigurationError,
    Ledger,
    Model,
    ModelUnavailableError,
    OutputInvalidError,
    Usage,
)
from outlay.model import Choice, Reply, Request, ToolCall
from outlay.testing import CountingServer, ScriptedModel
from outlay.testing.scripted import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

ADD = ToolCall(id="call-1", name="add", arguments='{"a": 2, "b": 3}')
TOOL_TURN = Choice(text="", finish_reason="tool_calls", tool_calls=(ADD,))
NOTHING = Budget(calls=0)


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class City(BaseModel):
    """A city."""

    name: str
    people: int


class Town(TypedDict):
    """A town."""

    name: str


UNTITLED = {"type": "object", "properties": {"name": {"type": "string"}}}
PARIS = '{"name": "Paris", "people": 2100000}'


def remote(server: CountingServer) -> Any:
    return Model("openai/test", api_base=server.url, api_key="x").as_chat_model()


def test_invoke_fills_text_usage_and_metadata() -> None:
    with Ledger() as ledger:
        message = ScriptedModel(["forty two"], name="scripted/one").as_chat_model().invoke("how many?")
    assert message.content == "forty two"
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == ledger.usage.output_tokens == 2
    assert message.usage_metadata["input_tokens"] == ledger.usage.prompt_tokens > 0
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["model_name"] == "scripted/one"
    assert message.response_metadata["outlay"]["usage"]["calls"] == 1


def test_ainvoke_gives_what_invoke_gives() -> None:
    chat = ScriptedModel(lambda _: "forty two").as_chat_model()
    awaited = asyncio.run(chat.ainvoke("how many?"))
    assert awaited.model_dump(exclude={"id"}) == chat.invoke("how many?").model_dump(exclude={"id"})


def test_a_stream_adds_up_to_the_message_with_usage_on_its_last_chunk_only() -> None:
    with Ledger() as ledger:
        chunks = list(ScriptedModel(["one two three"]).as_chat_model().stream("count"))
    whole = sum(chunks[1:], chunks[0])
    assert whole.content == "one two three"
    assert len([chunk for chunk in chunks if chunk.content]) > 1
    assert [chunk.usage_metadata is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == ledger.usage.output_tokens == 3
    assert whole.response_metadata["finish_reason"] == "stop"


def test_astream_gives_what_stream_gives() -> None:
    chat = ScriptedModel(lambda _: "one two three").as_chat_model()

    async def scenario() -> list[Any]:
        return [chunk.content async for chunk in chat.astream("count")]

    assert asyncio.run(scenario()) == [chunk.content for chunk in chat.stream("count")]


def test_a_stream_closed_early_is_billed_and_leaves_nothing_reserved() -> None:
    with CountingServer(pause=0.5) as server, Ledger(Budget(output_tokens=100)) as ledger:
        stream = cast("Generator[Any]", remote(server).stream("count", max_tokens=60))
        next(stream)
        stream.close()
        assert ledger.usage == ledger.unconfirmed
        assert ledger.remaining.output_tokens == 40


def test_an_asynchronous_stream_closed_early_is_billed_and_leaves_nothing_reserved() -> None:
    async def scenario() -> None:
        with CountingServer(pause=0.5) as server, Ledger(Budget(output_tokens=100)) as ledger:
            stream = cast("AsyncGenerator[Any]", remote(server).astream("count", max_tokens=60))
            await anext(stream)
            await stream.aclose()
            assert ledger.usage == ledger.unconfirmed
            assert ledger.remaining.output_tokens == 40

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_every_spelling_of_the_token_limit_reaches_the_provider(name: str) -> None:
    model = ScriptedModel(["a b c d e"])
    message = model.as_chat_model().bind(**{name: 3}).invoke("letters")
    assert model.requests[0].max_output_tokens == 3
    assert message.content == "a b c"
    assert message.response_metadata["finish_reason"] == "length"


def test_parameters_reach_the_provider() -> None:
    model = ScriptedModel(["x"])
    model.as_chat_model().invoke("q", stop=["END"], temperature=0.3, top_p=0.9, seed=7)
    request = model.requests[0]
    assert (request.stop, request.temperature, request.top_p, request.seed) == (("END",), 0.3, 0.9, 7)


def test_n_samples_come_as_n_generations() -> None:
    result = ScriptedModel(["a", "b"]).as_chat_model().generate([[HumanMessage("q")]], n=2)
    assert [generation.text for generation in result.generations[0]] == ["a", "b"]


def test_a_stream_of_n_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="leave out n"):
        list(ScriptedModel(["a"]).as_chat_model().stream("q", n=2))


def test_a_call_cannot_change_the_model() -> None:
    with pytest.raises(ConfigurationError, match="another Model"):
        ScriptedModel(["a"]).as_chat_model().invoke("q", model="openai/other")


def test_thinking_is_kept_apart_both_ways() -> None:
    model = ScriptedModel([Choice(text="42", reasoning="six times seven")] * 2)
    chat = model.as_chat_model()
    message = chat.invoke("q")
    assert message.content == "42"
    assert message.additional_kwargs["reasoning_content"] == "six times seven"
    foreign = AIMessage(content=[{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "no"}])
    chat.invoke([HumanMessage("q"), foreign, HumanMessage("sure?")])
    assert "hm" not in json.dumps([dict(m) for m in model.requests[1].messages])


def test_a_refused_call_raises_by_default() -> None:
    with Ledger(NOTHING), pytest.raises(BudgetExhaustedError):
        ScriptedModel(["x"]).as_chat_model().invoke("q")


def test_a_refused_call_answers_that_the_budget_ran_out() -> None:
    model = ScriptedModel(["x"])
    with Ledger(NOTHING):
        message = model.as_chat_model(when_exhausted="answer").invoke("q")
    assert message.response_metadata["stop_reason"] == "budget"
    assert "budget ran out" in str(message.content)
    assert model.requests == []


def test_a_refused_stream_answers_that_the_budget_ran_out() -> None:
    with Ledger(NOTHING):
        chunks = list(ScriptedModel(["x"]).as_chat_model(when_exhausted="answer").stream("q"))
    assert chunks[-1].response_metadata["stop_reason"] == "budget"


def test_batch_runs_inside_the_fence() -> None:
    with Ledger(Budget(calls=4)) as ledger:
        answers = ScriptedModel(lambda _: "x").as_chat_model(when_exhausted="answer").batch(["q"] * 6)
    assert ledger.usage.calls == 4
    assert sum(a.response_metadata.get("stop_reason") == "budget" for a in answers) == 2


def test_abatch_runs_inside_the_fence() -> None:
    async def scenario() -> None:
        with Ledger(Budget(calls=4)) as ledger:
            chat = ScriptedModel(lambda _: "x").as_chat_model(when_exhausted="answer")
            await chat.abatch(["q"] * 6)
        assert ledger.usage.calls == 4

    asyncio.run(scenario())


def test_invoke_and_stream_work_on_the_thread_of_a_running_loop() -> None:
    chat = ScriptedModel(lambda _: "a b").as_chat_model()

    async def scenario() -> tuple[str, str]:
        return str(chat.invoke("q").content), "".join(str(c.content) for c in chat.stream("q"))

    assert asyncio.run(scenario()) == ("a b", "a b")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        (False, "none"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        (
            {"type": "function", "function": {"name": "add"}},
            {"type": "function", "function": {"name": "add"}},
        ),
        ({"type": "tool", "name": "add"}, {"type": "function", "function": {"name": "add"}}),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
    ],
)
def test_tool_choice_is_put_in_openai_terms(given: Any, sent: Any) -> None:
    model = ScriptedModel([TOOL_TURN])
    model.as_chat_model().bind_tools([add], tool_choice=given).invoke("q")
    assert model.requests[0].tool_choice == sent


def test_tools_are_offered_in_openai_format_and_their_calls_come_back() -> None:
    model = ScriptedModel([TOOL_TURN])
    message = model.as_chat_model().bind_tools([add]).invoke("2+3?")
    assert model.requests[0].tools[0]["function"]["name"] == "add"
    assert message.tool_calls == [
        {"name": "add", "args": {"a": 2, "b": 3}, "id": "call-1", "type": "tool_call"}
    ]
    assert message.response_metadata["finish_reason"] == "tool_calls"


def test_streamed_tool_calls_add_up() -> None:
    chunks = list(ScriptedModel([TOOL_TURN]).as_chat_model().bind_tools([add]).stream("2+3?"))
    whole = sum(chunks[1:], chunks[0])
    assert isinstance(whole, AIMessage)
    assert whole.tool_calls[0]["args"] == {"a": 2, "b": 3}


def calling(*calls: tuple[str, str], finish_reason: str = "tool_calls", text: str = "") -> Choice:
    made = tuple(ToolCall(id=f"c{n}", name=name, arguments=args) for n, (name, args) in enumerate(calls))
    return Choice(text=text, finish_reason=finish_reason, tool_calls=made)


def invoked(chat: Any) -> Any:
    return chat.invoke("q")


def streamed(chat: Any) -> Any:
    chunks = list(chat.stream("q"))
    return sum(chunks[1:], chunks[0])


def in_a_streamed_graph(chat: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: {"messages": [chat.invoke(state["messages"])]})
    graph.add_edge(START, "ask")
    *_, last = graph.compile().stream({"messages": [HumanMessage("q")]}, stream_mode=["messages", "values"])
    return cast("Any", last)[1]["messages"][-1]


every_way = pytest.mark.parametrize("way", [invoked, streamed, in_a_streamed_graph])


def calls_of(message: AIMessage) -> list[tuple[Any, ...]]:
    valid = [(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    return valid + [(call["id"], call["name"], call["args"]) for call in message.invalid_tool_calls]


@every_way
@pytest.mark.parametrize("text", ["", "I add."], ids=["no text", "text"])
@pytest.mark.parametrize(
    "arguments",
    [
        '{"a": ',
        '{"a": 2, "b"',
        "{bad",
        '"abc"',
        "[]",
        "[1, 2]",
        "0",
        "false",
        '""',
        "nonsense",
        "{}{}",
        "[" * 100_000,
        "1" * 5000,
    ],
    ids=lambda arguments: arguments[:12],
)
def test_arguments_that_are_no_object_make_an_invalid_tool_call(way: Any, text: str, arguments: str) -> None:
    message = way(ScriptedModel([calling(("add", arguments), text=text)]).as_chat_model())
    assert message.text == text
    assert message.tool_calls == []
    assert calls_of(message) == [("c0", "add", arguments)]
    assert message.invalid_tool_calls[0]["error"]
    assert isinstance(message, AIMessage)


@every_way
@pytest.mark.parametrize("arguments", ["", "  ", "null", "{}", " null "])
def test_empty_arguments_are_an_empty_object(way: Any, arguments: str) -> None:
    message = way(ScriptedModel([calling(("now", arguments), text="hm")]).as_chat_model())
    assert calls_of(message) == [("c0", "now", {})]
    assert message.invalid_tool_calls == []


@every_way
@pytest.mark.parametrize("arguments", ['{"a": 1}', "{}", "", '{"a": 1'])
def test_a_call_that_was_cut_at_the_limit_is_invalid(way: Any, arguments: str) -> None:
    cut = calling(("add", '{"a": 0}'), ("add", arguments), finish_reason="length", text="I")
    model = Model("cut", provider=Whole([], max_n=1), default_max_output_tokens=99)
    cast("Whole", model.provider).choice = cut
    message = way(model.as_chat_model())
    assert [call["args"] for call in message.tool_calls] == [{"a": 0}]
    assert [call["args"] for call in message.invalid_tool_calls] == [arguments]


class Whole(ScriptedProvider):
    """Gives its choice as it is, without a cut of its own."""

    choice: Choice

    async def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(
            choices=(self.choice,), usage=Usage(calls=1, generations=1, prompt_tokens=1, output_tokens=9)
        )


@every_way
def test_parallel_calls_keep_their_order_and_their_ids(way: Any) -> None:
    turn = calling(("add", '{"a": 1}'), ("add", '{"a": 2}'), ("sub", "{}"), text="Three.")
    message = way(ScriptedModel([turn]).as_chat_model())
    assert calls_of(message) == [("c0", "add", {"a": 1}), ("c1", "add", {"a": 2}), ("c2", "sub", {})]


@every_way
def test_a_valid_call_beside_an_invalid_one_stays_valid(way: Any) -> None:
    message = way(ScriptedModel([calling(("add", "{bad"), ("add", '{"a": 2}'), text="x")]).as_chat_model())
    assert [call["args"] for call in message.tool_calls] == [{"a": 2}]
    assert [call["args"] for call in message.invalid_tool_calls] == ["{bad"]


@every_way
def test_every_way_gives_a_message_and_not_a_chunk_of_its_own(way: Any) -> None:
    message = way(ScriptedModel(["one two"]).as_chat_model())
    assert message.content == "one two"
    assert message.__class__.__module__.startswith("langchain_core")


def test_an_invalid_call_is_sent_with_the_tools_message_behind_it() -> None:
    model = ScriptedModel([calling(("add", '{"a": 2}'), ("add", '{"a": ')), "5"])
    chat = model.as_chat_model()
    asked = chat.invoke("q")
    answers = [ToolMessage("2", tool_call_id="c0"), ToolMessage("no JSON", tool_call_id="c1")]
    chat.invoke([HumanMessage("q"), asked, *answers])
    _, assistant, *tools = (dict(message) for message in model.requests[1].messages)
    sent = [(call["id"], call["function"]["arguments"]) for call in assistant["tool_calls"]]
    assert sent == [("c0", '{"a": 2}'), ("c1", '{"a": ')]
    assert [tool_message["tool_call_id"] for tool_message in tools] == ["c0", "c1"]


STRICT_ADD = {"name": "add", "description": "Add.", "parameters": {"type": "object", "properties": {}}}


@pytest.mark.parametrize(
    "given",
    [add, City, STRICT_ADD, {"type": "function", "function": STRICT_ADD}],
    ids=["tool", "class", "function", "json"],
)
@pytest.mark.parametrize("strict", [True, False, None])
def test_strict_reaches_the_provider_inside_each_function(given: Any, strict: bool | None) -> None:  # noqa: FBT001
    model = ScriptedModel(["x", "x"])
    model.as_chat_model().bind_tools([given], strict=strict).invoke("q")
    model.as_chat_model().bind(tools=[given], strict=strict).invoke("q")
    for request in model.requests:
        assert request.tools[0]["function"].get("strict") is strict
        closed = request.tools[0]["function"]["parameters"].get("additionalProperties")
        assert (closed is False) is (strict is True)


def test_strict_changes_no_tool_of_the_callers() -> None:
    given = {"type": "function", "function": {"name": "now"}}
    model = ScriptedModel(["x"])
    model.as_chat_model().bind_tools([given], strict=True).invoke("q")
    assert model.requests[0].tools[0]["function"]["strict"] is True
    assert given == {"type": "function", "function": {"name": "now"}}


def test_strict_without_tools_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="bind_tools"):
        ScriptedModel(["x"]).as_chat_model().invoke("q", strict=True)


def test_what_is_no_tool_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="tool"):
        ScriptedModel(["x"]).as_chat_model().bind_tools([cast("Any", 7)])


def test_tool_parameters_reach_the_server() -> None:
    with CountingServer() as server:
        able = remote(server).bind_tools([add], strict=True, tool_choice="add", parallel_tool_calls=False)
        able.invoke("q")
        (body,) = server.bodies
    assert body["tools"][0]["function"]["strict"] is True
    assert body["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    assert body["parallel_tool_calls"] is False


def test_a_conversation_with_tools_goes_out_in_openai_format() -> None:
    model = ScriptedModel(["5"])
    model.as_chat_model().invoke([
        SystemMessage("be brief"),
        HumanMessage("2+3?"),
        AIMessage("", tool_calls=[{"name": "add", "args": {"a": 2, "b": 3}, "id": "call-1"}]),
        ToolMessage("5", tool_call_id="call-1"),
    ])
    system, user, assistant, result = (dict(m) for m in model.requests[0].messages)
    assert (system["role"], user["role"], assistant["role"], result["role"]) == (
        "system",
        "user",
        "assistant",
        "tool",
    )
    assert assistant["tool_calls"][0]["id"] == result["tool_call_id"] == "call-1"
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"a": 2, "b": 3}


def test_structured_output_gives_an_instance_of_a_pydantic_class() -> None:
    model = ScriptedModel([PARIS])
    assert model.as_chat_model().with_structured_output(City).invoke("q") == City(
        name="Paris", people=2100000
    )
    assert model.requests[0].schema_name == "City"
    assert dict(model.requests[0].response_schema or {})["required"] == ["name", "people"]


@pytest.mark.parametrize(
    "schema", [Town, City.model_json_schema(), UNTITLED], ids=["typed dict", "titled", "untitled"]
)
def test_structured_output_gives_a_dict_for_other_schemas(schema: Any) -> None:
    structured: Any = ScriptedModel([PARIS]).as_chat_model().with_structured_output(schema)
    assert structured.invoke("q")["name"] == "Paris"


def test_structured_output_refuses_what_is_no_schema() -> None:
    with pytest.raises(ConfigurationError, match="not a JSON schema"):
        ScriptedModel([]).as_chat_model().with_structured_output({"name": 3})


def test_structured_output_raises_on_a_reply_that_does_not_fit() -> None:
    structured = ScriptedModel(['{"name": "Pa']).as_chat_model().with_structured_output(City)
    with pytest.raises(OutputInvalidError) as failure:
        structured.invoke("q")
    assert failure.value.usage is not None
    assert failure.value.usage.calls == 1


def test_structured_output_gives_raw_and_parsed() -> None:
    structured = ScriptedModel([PARIS]).as_chat_model().with_structured_output(City, include_raw=True)
    given: Any = structured.invoke("q")
    assert given["raw"].content == PARIS
    assert given["parsed"].name == "Paris"
    assert given["parsing_error"] is None


def test_structured_output_with_raw_keeps_the_error() -> None:
    structured = ScriptedModel(["nonsense"]).as_chat_model().with_structured_output(City, include_raw=True)
    given: Any = structured.invoke("q")
    assert given["raw"].content == "nonsense"
    assert given["parsed"] is None
    assert isinstance(given["parsing_error"], OutputInvalidError)


def test_structured_output_raises_when_refused_even_where_a_message_was_asked_for() -> None:
    chat = ScriptedModel([PARIS]).as_chat_model(when_exhausted="answer")
    with Ledger(NOTHING, name="tight"), pytest.raises(BudgetExhaustedError) as refusal:
        chat.with_structured_output(City).invoke("q")
    assert (refusal.value.fence, refusal.value.limit) == ("tight", "calls")


def test_structured_output_by_function_calling_forces_the_tool() -> None:
    call = ToolCall(id="c", name="City", arguments=PARIS)
    model = ScriptedModel([Choice(text="", finish_reason="tool_calls", tool_calls=(call,))])
    structured = model.as_chat_model().with_structured_output(City, method="function_calling")
    assert structured.invoke("q") == City(name="Paris", people=2100000)
    assert model.requests[0].tool_choice == "required"


def by_a_call(turn: Any, **options: Any) -> Any:
    chat = ScriptedModel([turn]).as_chat_model(when_exhausted="answer")
    return chat.with_structured_output(City, method="function_calling", **options)


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ("just text", "called no tool"),
        (calling(("City", '{"name": "Pa')), "not JSON"),
        (calling(("City", '{"name": "Paris"}')), "people"),
    ],
)
def test_function_calling_raises_on_a_reply_that_does_not_fit(turn: Any, message: str) -> None:
    with pytest.raises(OutputInvalidError, match=message) as failure:
        by_a_call(turn).invoke("q")
    assert failure.value.usage is not None
    assert failure.value.usage.calls == 1
    given: Any = by_a_call(turn, include_raw=True).invoke("q")
    assert (given["parsed"], type(given["parsing_error"])) == (None, OutputInvalidError)


def test_function_calling_raises_when_refused() -> None:
    with Ledger(NOTHING), pytest.raises(BudgetExhaustedError):
        by_a_call(TOOL_TURN).invoke("q")


def test_function_calling_takes_strict_and_other_schemas() -> None:
    model = ScriptedModel([calling(("Town", '{"name": "Paris"}'))])
    structured = model.as_chat_model().with_structured_output(Town, method="function_calling", strict=True)
    assert structured.invoke("q") == {"name": "Paris"}
    assert model.requests[0].tools[0]["function"]["strict"] is True


WORDS = ScriptedModel(lambda _: "x").as_chat_model()
UNKNOWN = Model("openai/a-model-nobody-knows", api_base="http://127.0.0.1:9/v1", api_key="x").as_chat_model()


def test_tokens_are_counted_by_the_models_own_tokenizer() -> None:
    assert WORDS.get_num_tokens("one two three") == len(WORDS.get_token_ids("one two three")) == 3
    assert WORDS.get_num_tokens("") == 0


def test_tokens_of_messages_are_those_that_a_fence_reserves() -> None:
    messages = [SystemMessage("be brief"), HumanMessage("one two three")]
    assert WORDS.get_num_tokens_from_messages(messages) == 5
    with CountingServer() as server, Ledger() as ledger:
        remote(server).invoke(messages)
        assert UNKNOWN.get_num_tokens_from_messages(messages) >= ledger.usage.prompt_tokens > 0
    assert UNKNOWN.get_num_tokens_from_messages([]) == 0


def test_tools_count_in_the_tokens_of_messages() -> None:
    messages: list[Any] = [HumanMessage("2+3?")]
    assert UNKNOWN.get_num_tokens_from_messages(messages, [add]) > UNKNOWN.get_num_tokens_from_messages(
        messages
    )


def test_a_custom_tokenizer_counts() -> None:
    chat = WORDS.model_copy(update={"custom_get_token_ids": lambda text: [ord(letter) for letter in text]})
    assert (chat.get_token_ids("ab"), chat.get_num_tokens("abc")) == ([97, 98], 3)


@pytest.mark.parametrize("chat", [WORDS, UNKNOWN], ids=["own tokenizer", "upper bound"])
def test_trim_messages_drops_what_does_not_fit(chat: Any) -> None:
    talk = [HumanMessage(f"{n} {'long ' * 200}") for n in range(9)]
    most = chat.get_num_tokens_from_messages(talk[-3:])
    assert trim_messages(talk, max_tokens=most, token_counter=chat) == talk[-3:]
    assert trim_messages(talk, max_tokens=most - 1, token_counter=chat) == talk[-2:]


def test_tokens_are_counted_on_the_thread_of_a_running_loop() -> None:
    async def scenario() -> int:
        return WORDS.get_num_tokens_from_messages([HumanMessage("one two")])

    assert asyncio.run(scenario()) == 2


def test_several_samples_come_whole_while_a_graph_is_streamed() -> None:
    model = ScriptedModel(["a", "b"])

    def ask(state: MessagesState) -> dict[str, Any]:
        (several,) = model.as_chat_model().generate([[*state["messages"]]], n=2).generations
        return {"messages": [AIMessage(" ".join(one.text for one in several))]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    app: Any = graph.compile()
    *_, last = app.stream(TASK, stream_mode=["messages", "values"])
    assert last[1]["messages"][-1].content == "a b"


def test_callbacks_count_usage_once_whole_or_streamed() -> None:
    chat = ScriptedModel(lambda _: "a b c").as_chat_model()
    with Ledger() as ledger, get_usage_metadata_callback() as counted:
        chat.invoke("q")
        list(chat.stream("q"))
        chat.batch(["q", "q"])
    assert counted.usage_metadata["scripted"]["total_tokens"] == ledger.usage.total_tokens


def test_with_retry_asks_again_inside_the_fence() -> None:
    chat = ScriptedModel([ModelUnavailableError("down"), "up"], retries=0).as_chat_model()
    with Ledger() as ledger:
        again = chat.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
        assert again.invoke("q").content == "up"
    assert ledger.usage.calls == 2


def test_identifying_params_name_the_model_and_no_key() -> None:
    chat = Model("openai/gpt-4.1-mini", api_key="sk-secret").as_chat_model()
    assert chat._identifying_params["model_name"] == "openai/gpt-4.1-mini"
    assert chat._llm_type == "outlay"
    assert "sk-secret" not in repr(chat) + str(chat.asdict())


def agent(chat: Any) -> Any:
    """Give the tool loop of LangGraph's tutorials, by synchronous nodes."""
    able = chat.bind_tools([add])

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [able.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode([add]))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition, {"tools": "tools", END: END})
    graph.add_edge("tools", "think")
    return graph.compile()


TASK: dict[str, Any] = {"messages": [("user", "2+3?")]}


def test_an_agent_of_synchronous_nodes_spends_inside_the_fence() -> None:
    with Ledger() as ledger:
        final = agent(ScriptedModel([TOOL_TURN, "5"]).as_chat_model()).invoke(TASK)
    assert final["messages"][-1].content == "5"
    assert ledger.usage.calls == 2


def test_an_agent_run_asynchronously_spends_inside_the_fence() -> None:
    async def scenario() -> None:
        with Ledger() as ledger:
            final = await agent(ScriptedModel([TOOL_TURN, "5"]).as_chat_model()).ainvoke(TASK)
        assert final["messages"][-1].content == "5"
        assert ledger.usage.calls == 2

    asyncio.run(scenario())


def test_an_agent_out_of_money_says_so_and_ends() -> None:
    model = ScriptedModel([TOOL_TURN] * 9)
    with Ledger(Budget(calls=2)) as ledger:
        final = agent(model.as_chat_model(when_exhausted="answer")).invoke(TASK)
    assert final["messages"][-1].response_metadata["stop_reason"] == "budget"
    assert ledger.usage.calls == len(model.requests) == 2


def test_an_agent_out_of_money_raises_by_default() -> None:
    with Ledger(Budget(calls=2)), pytest.raises(BudgetExhaustedError):
        agent(ScriptedModel([TOOL_TURN] * 9).as_chat_model()).invoke(TASK)


def test_an_agent_streams_its_tokens_from_inside_the_fence() -> None:
    with Ledger() as ledger:
        stream = agent(ScriptedModel(["one two three"]).as_chat_model()).stream(TASK, stream_mode="messages")
        pieces = [chunk.content for chunk, _ in stream if chunk.content]
    assert "".join(pieces) == "one two three"
    assert len(pieces) > 1
    assert ledger.usage.calls == 1


@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
def test_the_prebuilt_agent_runs_inside_the_fence() -> None:
    model = ScriptedModel([TOOL_TURN, "5"])
    with Ledger(Budget(calls=2)) as ledger:
        final = create_react_agent(model.as_chat_model(), [add]).invoke(TASK)
    assert final["messages"][-1].content == "5"
    assert ledger.usage.calls == 2
    assert model.requests[0].tools[0]["function"]["name"] == "add"
    assert [dict(message)["role"] for message in model.requests[1].messages] == ["user", "assistant", "tool"]
