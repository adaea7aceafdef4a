from __future__ import annotations

import pytest

from outlay.bench.manifest import shown_model


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("gguf:/home/me/models/any.gguf", "gguf:any.gguf"),
        ("openai/gpt-4.1-mini", "openai/gpt-4.1-mini"),
        ("ollama/qwen3:4b", "ollama/qwen3:4b"),
        ("simulated:ability=0.7,price=0.1/0.4", "simulated:ability=0.7,price=0.1/0.4"),
    ],
    ids=["a file", "a provider's", "with a colon", "simulated"],
)
def test_a_model_is_shown_without_the_folders_of_this_machine(name: str, shown: str) -> None:
    assert shown_model(name) == shown
