from __future__ import annotations

import pickle

from outlay.bench.items import Item
from outlay.memory.conversations import Document, Utterance

PLAIN = Item(id="q1", question="When?", answers=("May",), context="Ann: In May.")
TOLD = PLAIN.model_copy(update={"history": (Utterance(text="In May.", speaker="Ann"),)})


def test_a_history_is_in_no_file_and_in_no_digest() -> None:
    assert TOLD.model_dump_json() == PLAIN.model_dump_json()
    # As it was before items had histories: benches of then can be gone on with.
    assert TOLD.digest == PLAIN.digest == "deac453e5ee2c4af"


def test_a_history_travels_with_its_item() -> None:
    assert pickle.loads(pickle.dumps(TOLD)).history == TOLD.history  # noqa: S301 - our own bytes


def test_what_is_remembered_is_the_history_else_the_context_in_one_piece() -> None:
    assert TOLD.remembered == TOLD.history
    assert PLAIN.remembered == (Document(text="Ann: In May."),)
    assert PLAIN.model_copy(update={"context": None}).remembered == ()
