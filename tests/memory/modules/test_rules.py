"""The tiers that ask no model: what words, grammar, dates and vectors find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory.modules.history import CHUNKS, QUESTION, SIMILARITIES, chunk

from outlay.memory.modules.rules import entities, filtering, summaries, temporal, topics
from outlay.memory.modules.rules.grammar import relations, things
from outlay.memory.modules.rules.nearest import by_meaning_and_variety
from outlay.memory.modules.rules.sentences import Sentence, sentences
from outlay.memory.modules.rules.times import day_written, expressions, resolved
from outlay.memory.modules.rules.words import keyword_share, relevance, stems
from outlay.retrieval import SentenceEmbedder
from outlay.testing import HashEmbedder

SAID = "1:56 pm on 8 May, 2023"
HASHED = HashEmbedder()


def test_words_are_compared_by_their_stems() -> None:
    assert stems("The painter\u2019s paintings, and what PAINTING did") == ["painter", "paint", "paint"]
    assert keyword_share("Which vases broke?", "A vase broke") == 1.0
    assert keyword_share("What is it?", "A vase") == 0.0


def test_bm25_is_zero_without_a_shared_word_and_prefers_rare_ones() -> None:
    common, rare, nothing = relevance("ann pottery", ["ann sang", "ann likes pottery", "rain"])
    assert rare > common > nothing == 0.0
    assert relevance("what is it", ["a vase"]) == [0.0]
    assert relevance("vase", ["", "the"]) == [0.0, 0.0]


def test_low_filter_drops_what_shares_no_word_and_keeps_the_first_where_nothing_does() -> None:
    assert filtering.by_words(QUESTION, CHUNKS, 5)[0] == 1
    assert filtering.by_words("pottery class", CHUNKS, 5) == (1,)
    assert filtering.by_words("quantum gravity", CHUNKS, 2) == (1, 2)


def test_mid_filter_weighs_cosine_and_keywords_and_keeps_the_first_below_the_threshold() -> None:
    # 0.7 * 0.6 + 0.3 = 0.72; 0.7 * 0.4 = 0.28; 0.07; 0.7 * 0.5 = 0.35
    assert filtering.by_meaning("pottery class", CHUNKS, SIMILARITIES, 5) == (1, 4)
    assert filtering.by_meaning("quantum gravity", CHUNKS, (0.1, 0.2, 0.3, 0.4), 2) == (1, 2)


@given(
    scores=st.dictionaries(st.integers(-1, 9), st.floats(0, 10)),
    top_k=st.integers(1, 6),
)
def test_a_short_list_of_scores_drops_no_chunk_but_by_rank(scores: dict[int, float], top_k: int) -> None:
    kept = filtering.by_scores(CHUNKS, scores, top_k)
    assert len(kept) == min(top_k, len(CHUNKS))
    ranks = [scores.get(number, 0.0) for number in kept]
    assert ranks == sorted(ranks, reverse=True)
    assert min(ranks) >= max((scores.get(c.id, 0.0) for c in CHUNKS if c.id not in kept), default=0.0)


def test_sentences_know_who_said_them_and_when() -> None:
    found = sentences([CHUNKS[1], CHUNKS[0]])
    assert [(s.speaker, s.text) for s in found[:2]] == [
        ("Ann", "I went to a pottery class yesterday with my sister."),
        ("Bob", "Great!"),
    ]
    assert {s.time for s in found} == {CHUNKS[0].time, CHUNKS[1].time}
    spread = sentences([chunk(1, "Ann: One.\nTwo!\nBob: Three.")])
    assert [s.speaker for s in spread] == ["Ann", "Ann", "Bob"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I went to a pottery class yesterday.", ["Ann - went to - a pottery class yesterday"]),
        ("I'm moving to Oslo next month.", ["Ann - am moving to - Oslo next month"]),
        ("We have known these friends for 4 years.", ["Ann - have known - these friends for 4 years"]),
        ("Bob broke a vase and left.", ["Bob - broke - a vase"]),
        ("Mia's shop sells vases.", ["Mia's shop - sells - vases", "Mia - has - shop"]),
        ("It was lovely.", []),
        ("Wow!", []),
    ],
    ids=str,
)
def test_relations_name_who_speaks(text: str, found: list[str]) -> None:
    assert relations(Sentence(text, "Ann", SAID)) == found


def test_things_are_named_without_articles_and_pronouns() -> None:
    assert list(things("My dog broke the blue vase that you bought.")) == ["dog", "blue vase"]


@pytest.mark.parametrize(
    ("expression", "date"),
    [
        ("yesterday", "7 May 2023"),
        ("last night", "7 May 2023"),
        ("last Friday", "5 May 2023"),
        ("last week", "the week before 8 May 2023"),
        ("next weekend", "the weekend after 8 May 2023"),
        ("this week", "the week of 8 May 2023"),
        ("two weeks ago", "around 24 April 2023"),
        ("next month", "June 2023"),
        ("in March", "March 2023"),
        ("last year", "2022"),
        ("4 years ago", "2019"),
        ("2019", "2019"),
        ("10 July", "10 July 2023"),
        ("July 10, 2021", "10 July 2021"),
        ("for two years", None),
        ("8 pm", None),
        ("a few days ago", None),
        ("last summer", None),
    ],
    ids=str,
)
def test_dates_are_as_exact_as_what_was_said(expression: str, date: str | None) -> None:
    assert expressions(f"We met {expression}, I think.") == [expression]
    assert resolved(expression, SAID) == date


def test_without_the_day_it_was_said_only_whole_dates_are_dates() -> None:
    assert resolved("yesterday", "") is None
    assert resolved("last week", "some day") is None
    assert resolved("10 July 2021", "") == "10 July 2021"
    assert day_written("long ago") == "long ago"


def test_words_that_are_also_months_are_no_dates() -> None:
    assert expressions("You may march on Monday.") == ["Monday"]


def test_low_leaves_times_as_said_and_mid_works_them_out() -> None:
    (said,) = temporal.as_said(QUESTION, CHUNKS, 1)
    (meant,) = temporal.worked_out(QUESTION, CHUNKS, 1, HASHED)
    assert said == f"said {CHUNKS[0].time}: Ann: I went to a pottery class yesterday with my sister."
    assert meant.startswith("7 May 2023 (yesterday): Ann: I went to a pottery class")


def test_without_an_expression_of_time_mid_says_when_things_were_said() -> None:
    assert temporal.as_said("picnic", [CHUNKS[2]], 5) == ()
    *_, last = temporal.worked_out("picnic", [CHUNKS[2]], 5, HASHED)
    assert last == "said 21 May 2023: Bob: We should have a picnic."


def test_entities_at_mid_carry_the_sentence_they_are_in() -> None:
    low = entities.by_grammar("pottery class", CHUNKS, 3)
    (mid,) = entities.by_sentence("went to a pottery class yesterday", CHUNKS, 1, HASHED)
    assert f"Ann - went to - a pottery class yesterday with my sister ({CHUNKS[0].time})" in low
    assert mid.endswith("(8 May 2023: I went to a pottery class yesterday with my sister.)")


def test_topics_are_counted_at_low_and_told_at_mid() -> None:
    low = topics.by_mention("Who sells a vase?", CHUNKS, 3)
    mid = topics.by_meaning("pottery class", CHUNKS, 2, HASHED)
    assert low[0] == "vase (2x, 20 May 2023, the talk turned to it)"
    assert mid[0] == "pottery class: I went to a pottery class yesterday with my sister. (8 May 2023)"


def test_variety_leaves_out_what_says_the_same() -> None:
    texts = ["red apples", "red apples", "green pears"]
    assert by_meaning_and_variety("red apples green", texts, 2, HASHED) == [0, 2]


def test_meaning_finds_what_shares_no_word() -> None:
    question = "Does she do ceramics?"
    (line,) = topics.by_meaning(question, [CHUNKS[2], CHUNKS[3]], 1, SentenceEmbedder())
    assert relevance(question, [c.text for c in CHUNKS]) == [0.0] * 4
    assert "clay" in line


@pytest.mark.parametrize("texts", [(), ("",), ("!!! ???",), ("Ann: \U0001f600\U0001f600",)], ids=repr)
def test_texts_without_words_give_no_lines(texts: tuple[str, ...]) -> None:
    chunks = [chunk(number, text) for number, text in enumerate(texts, 1)]
    assert entities.by_grammar(QUESTION, chunks, 5) == entities.by_sentence(QUESTION, chunks, 5, HASHED) == ()
    assert temporal.as_said(QUESTION, chunks, 5) == temporal.worked_out(QUESTION, chunks, 5, HASHED) == ()
    assert topics.by_mention(QUESTION, chunks, 5) == topics.by_meaning(QUESTION, chunks, 5, HASHED) == ()


def test_summaries_string_or_section_the_same_things() -> None:
    lists = {"Facts": ("a", "b"), "Times": ("b", "c"), "Subjects": ()}
    strung = summaries.strung([CHUNKS[1], CHUNKS[0]], lists)
    sectioned = summaries.sectioned([CHUNKS[1], CHUNKS[0]], lists)
    assert strung.startswith(CHUNKS[1].time)
    assert strung.endswith("a\nb\nb\nc")
    assert sectioned.startswith(f"What was said\n{CHUNKS[0].time}")
    assert "Facts\n- a\n- b\n\nTimes\n- c\n\n" in sectioned
    assert "Subjects" not in sectioned
    assert summaries.strung([], {}) == summaries.sectioned([], {}) == ""
