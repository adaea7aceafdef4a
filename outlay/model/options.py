"""The parameters of a call, in one place for every method that takes them."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypedDict

from pydantic import ValidationError

from outlay.errors import ConfigurationError
from outlay.model.records import Message, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ELSEWHERE: Final = {
    "max_tokens": "max_output_tokens=",
    "max_completion_tokens": "max_output_tokens=",
    "n": "Model.sample(messages, n)",
    "model": "another Model(...)",
    "messages": "the first argument",
    "params": "each parameter by its own name",
    "stream": "Model.stream(messages)",
    "stream_options": "Model.stream(messages), which asks for usage by itself",
    "num_retries": "Model(..., retries=)",
    "max_retries": "Model(..., retries=)",
    "timeout": "Model(..., timeout=)",
    "request_timeout": "Model(..., timeout=)",
    "fallbacks": "a strategy",
    "mock_response": "outlay.testing.ScriptedModel",
    "drop_params": "nothing: Outlay drops no parameter",
    "caching": "Model(..., replay=)",
    "cache": "Model(..., replay=)",
    "api_base": "Model(..., api_base=)",
    "base_url": "Model(..., api_base=)",
    "api_key": "Model(..., api_key=)",
}
"""LiteLLM's names for what is said in another way here."""


CLAIMED: Final = frozenset(
    """
    audio beam_width best_of candidate_count candidatecount contents data_sources deployment_id
    enable_search extra_body fallbacks function_call functions generation_config generationconfig
    ignore_eos inference_config  input input_ids inputs max_completion_tokens
    max_gen_len max_length max_new_tokens max_output_tokens max_tokens max_tokens_to_sample
    maxoutputtokens maxtokens messages min_new_tokens min_tokens modalities model models n n_cmpl
    n_predict n_probs num_beams num_completions num_generations num_predict num_return_sequences
    num_samples online options parameters plugins prediction preset prompt prompt_embeds
    response_format route search search_parameters service_tier  stream stream_options system
    system_prompt tool_choice tools transforms use_beam_search web_search web_search_options
    """.split()
)
"""Fields of a request's body that decide what it costs: what was reserved is made of them."""

_CLAIMED_SQUEEZED: Final = frozenset(re.sub(r"[\s_-]", "", name).casefold() for name in CLAIMED)
OPEN_OBJECTS: Final = frozenset({
    "chattemplatekwargs",
    "guidedjson",
    "structuredoutputs",
    "jsonschema",
    "logitbias",
})
"""Fields whose own fields are the caller's words, and no parameters."""
DEEPEST: Final = 5

CHAT_PARAMETERS: Final = frozenset(
    """
    audio extra_body extra_headers frequency_penalty function_call functions logit_bias metadata
    modalities parallel_tool_calls prediction presence_penalty prompt_cache_key
    prompt_cache_retention reasoning_effort response_format safety_identifier service_tier store
    thinking top_logprobs user verbosity web_search_options
    """.split()
)
"""Parameters of the chat API that a call may have beside those of `Request`."""

LITELLM_PARAMETERS: Final = frozenset(
    """
    allowed_openai_params api_version aws_access_key_id aws_bedrock_runtime_endpoint
    aws_profile_name aws_region_name aws_role_name aws_secret_access_key aws_session_name
    aws_session_token aws_sts_endpoint aws_web_identity_token azure_ad_token azure_ad_token_provider
    azure_password azure_scope azure_username client_id client_secret organization project
    region_name tenant_id vertex_credentials vertex_location vertex_project
    """.split()
)
"""LiteLLM's own keywords that reach it: where a provider is, and who asks there."""

SAMPLING_PARAMETERS: Final = frozenset(
    """
    cache_prompt chat_template_kwargs dry_multiplier dynatemp_range enable_thinking
    frequency_penalty_range guided_choice guided_grammar guided_json guided_regex include_reasoning
    include_stop_str_in_output keep_alive length_penalty min_p mirostat mirostat_eta mirostat_tau
    num_ctx presence_penalty_range provider random_seed reasoning reasoning_format reasoning_split
    repeat_last_n repeat_penalty repetition_penalty safe_prompt safety_settings skip_special_tokens
    spaces_between_special_tokens stop_token_ids structured_outputs tfs_z think thinking_budget
    thinking_config top_a top_k typical_p xtc_probability xtc_threshold
    """.split()
)
"""Parameters of servers beyond the chat API."""


def check_parameters(model: str, params: Mapping[str, Any]) -> None:
    """Refuse what would send something else than was reserved, or send it where no fence sees it.

    Raises:
        ConfigurationError: A parameter is not known to be harmless, or is of the wrong type.
    """
    for name in params:
        if name in CHAT_PARAMETERS | LITELLM_PARAMETERS | SAMPLING_PARAMETERS:
            continue
        if _is_claimed(name):
            raise ConfigurationError(
                f"{model}: {name} decides what a call costs and is not passed on: {_instead(name)}"
            )
        raise ConfigurationError(
            f"{model}: {name} is not a parameter of the chat API: pass a field of the server's own as "
            f"extra_body={{{name!r}: ...}}"
        )
    for name in ("extra_body", "extra_headers"):
        if not isinstance(params.get(name) or {}, dict):
            raise ConfigurationError(f"{model}: {name} is a dictionary, not {type(params[name]).__name__}")
    tops = params.get("top_logprobs")
    if tops is not None and (not isinstance(tops, int) or tops < 0):
        raise ConfigurationError(f"{model}: top_logprobs is a number of tokens, not {tops!r}")
    claimed = next(_claimed_in(params.get("extra_body") or {}), None)
    if claimed is not None:
        raise ConfigurationError(
            f"{model}: {claimed} in extra_body decides what a call costs: {_instead(claimed)}"
        )


def _check_thinking(model: str, said: Mapping[str, Any]) -> None:
    """Refuse a budget for thinking that is above the limit on all output."""
    for name in ("thinking", "reasoning", "thinking_config", "thinking_budget"):
        given = said.get(name)
        budgets = given.values() if isinstance(given, dict) else (given,)
        if any(isinstance(budget, int) and budget > said["max_output_tokens"] for budget in budgets):
            raise ConfigurationError(
                f"{model}: {name} is above max_output_tokens: raise the one or lower the other"
            )


def _claimed_in(fields: Mapping[Any, Any], depth: int = 0) -> Iterator[str]:
    """Give the names in a body, or in an object inside it, that a claim is made of."""
    for name, value in fields.items():
        if _is_claimed(str(name)):
            yield str(name)
        elif isinstance(value, dict) and depth < DEEPEST and _squeezed(str(name)) not in OPEN_OBJECTS:
            yield from _claimed_in(value, depth + 1)


def _is_claimed(name: str) -> bool:
    return _squeezed(name) in _CLAIMED_SQUEEZED


def _squeezed(name: str) -> str:
    """Give a name without case, spaces, underscores and hyphens: servers spell one name in many ways."""
    return re.sub(r"[\s_-]", "", name).casefold()


def _instead(name: str) -> str:
    if name in ELSEWHERE:
        return f"use {ELSEWHERE[name]}"
    if name in CHAT_PARAMETERS or name in Options.__annotations__:
        return f"give {name}= as a parameter of its own"
    return "leave it out"


class Options(TypedDict, total=False):
    """What may be said about a call; `None` or absent: the model's default.

    Any other parameter of the chat API may be given under its own name, and reaches the provider.
    """

    max_output_tokens: int | None
    """Per generation, thinking included; absent: the model's `default_max_output_tokens`."""
    min_output_tokens: int
    """The call is refused where the fences afford less than this per generation; 1 by default."""
    temperature: float | None
    top_p: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    tools: Sequence[Message] | None
    tool_choice: str | Message | None
    response_schema: Mapping[str, Any] | None
    """A JSON schema that the reply must fit; see also `Model.parse`."""
    schema_name: str
    logprobs: bool | None
    top_logprobs: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    logit_bias: Mapping[str, float] | None
    reasoning_effort: str | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, Any] | None
    user: str | None
    extra_body: Mapping[str, Any] | None
    """Fields of the request's body that the chat API does not know, e.g. `chat_template_kwargs`."""
    extra_headers: Mapping[str, str] | None


def request_for(
    model: str,
    messages: str | Sequence[Message],
    options: Mapping[str, Any],
    *,
    default_max_output_tokens: int,
    n: int = 1,
) -> Request:
    """Make a request of what a caller said.

    Raises:
        ConfigurationError: There are no messages, or an option is wrong.
    """
    said = {name: value for name, value in options.items() if value is not None}
    for name in said.keys() & ELSEWHERE.keys():
        raise ConfigurationError(f"{name} is not an option here: use {ELSEWHERE[name]}")
    said.pop("min_output_tokens", None)
    said.setdefault("max_output_tokens", default_max_output_tokens)
    stop = said.pop("stop", ())
    check_parameters(model, {name: value for name, value in said.items() if name not in Request.model_fields})
    _check_thinking(model, said)
    own = {name: said.pop(name) for name in Request.model_fields if name in said}
    try:
        return Request(
            **{**own, "model": model, "messages": as_messages(messages), "n": n, "params": said},
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
        )
    except ValidationError as exc:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
        raise ConfigurationError(f"{model}: {faults}") from exc


def as_messages(messages: str | Sequence[Message]) -> tuple[Message, ...]:
    """Give messages as a tuple; a text is one message of the user's.

    Raises:
        ConfigurationError: There are none.
    """
    found = ({"role": "user", "content": messages},) if isinstance(messages, str) else tuple(messages)
    if not found:
        raise ConfigurationError("there are no messages: give at least one, or a text")
    return found


def check_spelling(names: Iterable[str]) -> None:
    """Refuse a parameter that is one of these misspelt: the provider would not miss it.

    Raises:
        ConfigurationError: One is.
    """
    for name in names:
        if name in Options.__annotations__:
            continue
        close = get_close_matches(name, Options.__annotations__, n=1, cutoff=0.85)
        if close:
            raise ConfigurationError(f"unknown parameter {name!r}: did you mean {close[0]!r}?")
