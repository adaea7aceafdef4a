"""Nothing that a model writes makes a reader raise; `fuzz/growth.py` measures how long it takes."""

from __future__ import annotations

import pytest
from fuzz.hostile import PIECES, fuzzed, texts
from fuzz.readers import READERS
from hypothesis import given


@fuzzed
@given(texts)
def test_no_reader_raises(text: str) -> None:
    for name, read in READERS.items():
        try:
            read(text)
        except BaseException as exc:
            exc.add_note(f"in {name}")
            raise


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("opening", ["", '{"a": ["'])
def test_no_reader_raises_for_one_piece_again_and_again(name: str, opening: str) -> None:
    for piece in PIECES:
        READERS[name](opening + piece * (5000 // len(piece)))
