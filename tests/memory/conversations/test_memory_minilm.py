"""The memory with the packaged MiniLM, which it takes unless told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from outlay import ConfigurationError
from outlay.memory.conversations import Memory, Utterance, chunked
from outlay.retrieval import SentenceEmbedder

if TYPE_CHECKING:
    from pathlib import Path

TALK = (
    Utterance(text="My little girl had her first swim today!", speaker="Mel", session="1", time="8 May 2023"),
    Utterance(text="The bank raised our mortgage rate again.", speaker="Joe", session="2", time="9 May 2023"),
)


def test_a_long_utterance_is_cut_at_256_wordpieces_and_flagged() -> None:
    said = Utterance(text=" ".join(["otter"] * 300), speaker="Ann")
    chunks = chunked([said])
    assert [(chunk.tokens, chunk.cut) for chunk in chunks] == [(256, True), (52, True)]
    assert sum(chunk.text.count("otter") for chunk in chunks) == 300


def test_packing_counts_wordpieces_with_their_marks() -> None:
    chunks = chunked([Utterance(text="one two three", speaker="Bo", session="x")] * 100, chunk_tokens=64)
    assert {chunk.tokens for chunk in chunks[:-1]} == {62}  # 12 lines of 5, and two marks
    assert sum(len(chunk.text.splitlines()) for chunk in chunks) == 100


@pytest.mark.model
def test_nothing_in_a_chunk_is_beyond_the_window_of_the_model() -> None:
    said = " ".join(["tea"] * 253)
    [one], [other] = chunked([f"{said} violin"]), chunked([f"{said} mortgage"])
    assert one.tokens == other.tokens == 256
    vectors = SentenceEmbedder().embed([one.text, other.text])
    assert not np.array_equal(vectors[0], vectors[1])


@pytest.mark.model
def test_meaning_is_found_in_other_words(tmp_path: Path) -> None:
    with Memory.create(tmp_path / "memory") as memory:
        memory.append(*TALK)
    with Memory.open(tmp_path / "memory") as memory:
        [(family, near), (money, far)] = memory.retrieve("What did the daughter do in the water?", 5)
        assert (family.session, money.session) == ("1", "2")
        assert near > far
        assert memory.vectors([1, 2]).shape == (2, 384)


def test_a_model_without_a_tokenizer_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="tokenizer"):
        chunked(["x"], SentenceEmbedder(str(tmp_path / "nothing")))
