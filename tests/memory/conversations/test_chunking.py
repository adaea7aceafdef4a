"""What was said, cut into chunks: nothing lost, nothing too long, nothing mixed."""

from __future__ import annotations

import re
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay import ConfigurationError
from outlay.memory.conversations import Chunk, Document, Utterance, chunked
from outlay.testing import HashEmbedder

EMBEDDER = HashEmbedder(32)
FEW = 16

SESSIONS = ("monday", "tuesday", "")
WORDS = st.sampled_from(["tea", "a", "rain.", "Why?", "no!", "\n", "x" * 400, "\u96e8\u3002" * 90, "\u2026"])
TEXT = st.one_of(
    st.lists(WORDS, max_size=40).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=400),
)
UTTERANCE = st.builds(Utterance, text=TEXT, session=st.sampled_from(SESSIONS))
SAID = st.lists(UTTERANCE, max_size=25)


def in_few(*said: Utterance | Document | str) -> tuple[Chunk, ...]:
    return chunked(said, EMBEDDER, chunk_tokens=FEW)


def words(text: str) -> int:
    return len(re.findall(r"\w+", text))


def inked(*texts: str) -> str:
    """Put texts together without their blanks."""
    return "".join("".join(texts).split())


def of_session(session: str, chunks: tuple[Chunk, ...]) -> list[str]:
    return [chunk.text for chunk in chunks if chunk.session == session]


@settings(deadline=None)
@given(said=SAID)
def test_no_text_is_lost_nor_put_elsewhere(said: list[Utterance]) -> None:
    chunks = in_few(*said)
    for session in SESSIONS:
        told = [one.text for one in said if one.session == session]
        assert inked(*of_session(session, chunks)) == inked(*told)


@settings(deadline=None)
@given(said=SAID)
def test_no_chunk_is_longer_than_it_may_be(said: list[Utterance]) -> None:
    chunks = in_few(*said)
    assert [chunk.tokens for chunk in chunks] == [words(chunk.text) for chunk in chunks]
    assert all(chunk.tokens <= FEW and 0 < len(chunk.text) <= 16 * FEW for chunk in chunks)


@settings(deadline=None)
@given(said=SAID)
def test_a_chunk_ends_only_where_the_next_line_does_not_fit(said: list[Utterance]) -> None:
    for session in SESSIONS:
        for before, after in pairwise(of_session(session, in_few(*said))):
            both = f"{before}\n{after.splitlines()[0]}" if after.splitlines() else f"{before}\n{after}"
            assert words(both) > FEW or len(both) > 16 * FEW


@settings(deadline=None)
@given(said=SAID)
def test_ids_count_the_chunks_in_the_order_in_which_they_began(said: list[Utterance]) -> None:
    assert [chunk.id for chunk in in_few(*said)] == [*range(1, len(in_few(*said)) + 1)]


@settings(deadline=None)
@given(said=SAID, more=SAID)
def test_what_is_said_later_changes_no_chunk_but_the_last_of_its_session(
    said: list[Utterance], more: list[Utterance]
) -> None:
    before, after = in_few(*said), in_few(*said, *more)
    last = {session: max(chunk.id for chunk in chunks) for session, chunks in _by_session(before)}
    for chunk in before:
        later = after[chunk.id - 1]
        assert later == chunk or (last[chunk.session] == chunk.id and later.text.startswith(chunk.text))


def _by_session(chunks: tuple[Chunk, ...]) -> list[tuple[str, list[Chunk]]]:
    ordered = sorted(chunks, key=lambda chunk: chunk.session)
    return [(session, list(some)) for session, some in groupby(ordered, lambda chunk: chunk.session)]


def test_lines_say_who_spoke_and_the_chunk_says_when() -> None:
    [chunk] = in_few(
        Utterance(text="Hi  Bob,\nhow are you?", speaker="Ann"),
        Utterance(text="Well!", speaker="Bob", time="1:56 pm on 8 May, 2023"),
        Utterance(text="Good.", speaker="Ann", time="later"),
    )
    assert chunk.text == "Ann: Hi Bob, how are you?\nBob: Well!\nAnn: Good."
    assert (chunk.time, chunk.cut, chunk.tokens) == ("1:56 pm on 8 May, 2023", False, 10)


def test_sessions_that_take_turns_keep_chunks_of_their_own() -> None:
    turns = [Utterance(text=f"{name} {number}", session=name) for number in range(3) for name in ("a", "b")]
    assert [chunk.text for chunk in in_few(*turns)] == ["a 0\na 1\na 2", "b 0\nb 1\nb 2"]


LONG = "The cat sat on the mat. The dog ran to the park! Was it raining? Nobody knew it then."


def test_what_is_too_long_is_cut_at_sentences_and_flagged_and_says_who_speaks() -> None:
    chunks = in_few(Utterance(text="Short.", speaker="Ann"), Utterance(text=LONG, speaker="Bob"))
    assert [chunk.text for chunk in chunks] == [
        "Ann: Short.",
        "Bob: The cat sat on the mat. The dog ran to the park! Was it raining?",
        "Bob: Nobody knew it then.",
    ]
    assert [chunk.cut for chunk in chunks] == [False, True, True]


def test_the_last_part_of_what_was_cut_goes_on_with_what_is_said_next() -> None:
    chunks = in_few(Utterance(text=LONG, speaker="Bob"), Utterance(text="I did.", speaker="Ann"))
    assert chunks[-1].text == "Bob: Nobody knew it then.\nAnn: I did."
    assert chunks[-1].cut


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (" ".join(["word"] * 40), [16, 16, 8]),
        ("x" * 600, [1, 1, 1]),
        ("\u96e8" * 300, [1, 1]),
        ("Yes. " + " ".join(["word"] * 20), [1, 16, 4]),
    ],
    ids=["words", "one word", "no blanks", "sentence, then words"],
)
def test_what_has_no_sentences_is_cut_at_words_and_else_anywhere(text: str, parts: list[int]) -> None:
    chunks = in_few(text)
    assert [chunk.tokens for chunk in chunks] == parts
    assert inked(*(chunk.text for chunk in chunks)) == inked(text)


def test_documents_of_one_time_are_packed_and_keep_title_and_lines() -> None:
    chunks = in_few(
        Document(title="Rome", text="old\n- big"),
        "said meanwhile",
        Document(title="Oslo", text="cold"),
        Document(title="Bern", text="small", time="2020"),
    )
    assert [(chunk.text, chunk.time) for chunk in chunks] == [
        ("Rome: old\n- big\nOslo: cold", ""),
        ("said meanwhile", ""),
        ("Bern: small", "2020"),
    ]


def test_a_long_document_is_cut_by_sentence_under_its_title() -> None:
    chunks = in_few(Document(title="Pets", text=LONG))
    assert all(chunk.text.startswith("Pets: ") and chunk.text[-1] in ".!?" for chunk in chunks)
    assert inked(*(chunk.text.removeprefix("Pets: ") for chunk in chunks)) == inked(LONG)


@pytest.mark.parametrize("name", ["name " * 30, "n" * 4000], ids=["many words", "one long word"])
def test_a_name_that_fills_chunks_is_cut_like_text(name: str) -> None:
    chunks = in_few(Utterance(text="Hello there.", speaker=name))
    assert inked(*(chunk.text for chunk in chunks)) == inked(name, ": Hello there.")
    assert all(len(chunk.text) <= 16 * FEW and chunk.tokens <= FEW for chunk in chunks)


def test_blanks_are_in_no_chunk() -> None:
    assert in_few("", " \n", Utterance(text="\t", speaker="Ann"), Document(text=" ")) == ()


def test_half_a_character_is_replaced() -> None:
    assert in_few("so \ud83d sad")[0].text == "so \N{REPLACEMENT CHARACTER} sad"


@pytest.mark.parametrize("chunk_tokens", [-1, 0, 15])
def test_chunks_must_hold_a_sentence(chunk_tokens: int) -> None:
    with pytest.raises(ConfigurationError, match="at least 16"):
        chunked(["x"], EMBEDDER, chunk_tokens=chunk_tokens)


def test_what_is_no_text_is_told() -> None:
    with pytest.raises(ConfigurationError, match="text"):
        Utterance(text=3)
