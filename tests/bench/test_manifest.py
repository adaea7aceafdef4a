from __future__ import annotations

import pytest

from outlay.bench.manifest import Manifest, shown_model
from outlay.budget import Price


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


def test_one_from_before_teachers_had_prices_can_be_read() -> None:
    before = Manifest(
        outlay="0.1", model="m", source="s", scorer="exact", teacher_price=Price(input=3, output=15)
    )
    text = before.model_dump_json(exclude={"teacher_price"})
    assert Manifest.model_validate_json(text).teacher_price is None
