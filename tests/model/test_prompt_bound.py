from __future__ import annotations

import pytest

from outlay.model.prompt_bound import ATTACHMENT, prompt_bound

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize("text", ["", "hello", "héllo ∑ 🙂", "\udc80", "数" * 500])
def test_bound_is_at_least_the_bytes_of_the_text(text: str) -> None:
    assert prompt_bound([{"role": "user", "content": text}]) > len(text.encode("utf-8", "surrogatepass"))


def test_tools_and_schemas_and_further_messages_add_to_it() -> None:
    message = {"role": "user", "content": "hi"}
    bounds = [
        prompt_bound([message]),
        prompt_bound([message, message]),
        prompt_bound([message, message], [TOOL]),
        prompt_bound([message, message], [TOOL], {"type": "object"}),
    ]
    assert bounds == sorted(set(bounds))


def test_an_attachment_is_bounded_by_the_dearest_known() -> None:
    parts = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": "http://x/y"}},
    ]
    assert prompt_bound([{"role": "user", "content": parts}]) > ATTACHMENT


def test_text_parts_are_no_attachments() -> None:
    assert prompt_bound([{"role": "user", "content": [{"type": "text", "text": "hi"}]}]) < ATTACHMENT
