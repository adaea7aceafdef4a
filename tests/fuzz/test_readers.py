"""Nothing that a model writes makes a reader raise; `fuzz/growth.py` measures how long it takes."""

from __future__ import annotations

from time import process_time

import pytest
from fuzz.hostile import PIECES, fuzzed, texts
from fuzz.readers import READERS
from hypothesis import given

from outlay.redaction import mask, printable


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


def seconds(read: object, text: str) -> float:
    start = process_time()
    read(text)  # type: ignore[operator]
    return process_time() - start


@pytest.mark.parametrize("piece", ["hf_", "xai-", ",a:", "api_key=", "-eyJ", "sk-", "a:b", "\x90", "?key"])
@pytest.mark.parametrize("read", [mask, printable])
def test_the_work_of_masking_grows_with_the_length(read: object, piece: str) -> None:
    """Four times the text takes four times as long, and sixteen times where the work is quadratic."""
    short, long = (piece * (length // len(piece)) for length in (10_000, 40_000))
    for _ in range(2):
        least = max(seconds(read, short), 0.005)
        if seconds(read, long) < 12 * least:
            return
    pytest.fail(f"{piece!r} takes more than 12 times as long, four times as often")
