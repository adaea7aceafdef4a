"""Files: what they give, and the sentence for whatever is wrong with one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from outlay.bench.sources import load
from outlay.errors import ConfigurationError

GOOD = '{"question": "2 + 2?", "answer": 4}\n'
EASY = Path(__file__).parents[3] / "examples" / "bench" / "easy.jsonl"


def test_a_line_gives_an_item_and_everything_else_is_a_label(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(
        '{"id": 7, "question": "Who?", "answer": "Ann", "level": 2, "context": "Ann did.", "subject": "who"}'
    )
    (item,) = load(str(path))
    assert item.model_dump() == {
        "id": "7",
        "question": "Who?",
        "answers": ("Ann",),
        "level": 2,
        "context": "Ann did.",
        "labels": {"subject": "who"},
    }


def test_items_without_an_id_are_called_after_their_lines_and_blank_lines_count(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(f"{GOOD}\n   \n{GOOD}")
    assert [item.id for item in load(str(path))] == ["line-1", "line-4"]


@pytest.mark.parametrize(
    ("answer", "answers"),
    [
        ('"Paris"', ("Paris",)),
        ('" Paris "', ("Paris",)),
        ("72", ("72",)),
        ("0.5", ("0.5",)),
        ("true", ("true", "yes")),
        ("false", ("false", "no")),
        ('["UK", "Britain", 1, "UK"]', ("UK", "Britain", "1")),
        (r'"He has 9 * 8 = 72.\n#### 72"', ("72",)),
        (r'"So it is $\\boxed{\\frac{1}{2}}$."', (r"\frac{1}{2}",)),
        (r'"So it is $\\boxed 2$."', ("2",)),
        (r'"They are $\\boxed{2}$ and $\\boxed{3}$."', ("2, 3",)),
    ],
    ids=[
        "text",
        "spaces",
        "integer",
        "decimal",
        "true",
        "false",
        "several",
        "hashes",
        "box",
        "bare box",
        "boxes",
    ],
)
def test_answers(tmp_path: Path, answer: str, answers: tuple[str, ...]) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(f'{{"question": "?", "answer": {answer}}}')
    assert load(str(path))[0].answers == answers


def test_a_worked_answer_is_kept_as_the_solution(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(r'{"question": "?", "answer": "9 * 8 = 72\n#### 72"}')
    assert load(str(path))[0].labels == {"solution": "9 * 8 = 72\n#### 72"}


@pytest.mark.parametrize(
    ("level", "read"),
    [
        ("3", 3),
        ('"3"', 3),
        ('"Level 3"', 3),
        ("3.0", 3),
        ("null", None),
        ('" "', None),
        ('"Level ?"', None),
        ('"n/a"', None),
    ],
    ids=["integer", "digits", "words", "decimal", "null", "blank", "unknown", "not given"],
)
def test_levels(tmp_path: Path, level: str, read: int | None) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(f'{{"question": "?", "answer": 1, "level": {level}}}')
    assert load(str(path))[0].level == read


def test_labels_are_json_whatever_the_source_has_in_them(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"question": "?", "answer": 1, "many": [1, {"a": null}], "huge": 1e999}')
    assert load(str(path))[0].labels == {"many": [1, {"a": None}], "huge": None}


def test_a_byte_order_mark_and_windows_line_ends_are_tolerated(tmp_path: Path) -> None:
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + (GOOD * 2).replace("\n", "\r\n").encode())
    assert len(load(str(path))) == 2


def test_limit_takes_the_first_and_reads_no_further(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(f"{GOOD}{GOOD}not JSON")
    assert [item.id for item in load(str(path), limit=2)] == ["line-1", "line-2"]


def test_fields_say_what_the_source_calls_ours(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"problem": "2 + 2?", "final": 4, "answer": "long", "unique_id": "a/1"}')
    (item,) = load(str(path), fields={"question": "problem", "answer": "final", "id": "unique_id"})
    assert (item.id, item.question, item.answers, item.labels) == (
        "a/1",
        "2 + 2?",
        ("4",),
        {"answer": "long"},
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"answer": 4, "id": "a"}', "no field `question` among `answer`, `id`: add it, or name the field"),
        ('{"question": "?"}', "no field `answer` among `question`: add it"),
        ("{}", "no field `question` among none: add it"),
        ('{"question": " ", "answer": 4}', "the question is empty: write one"),
        ('{"question": 4, "answer": 4}', "the question is 4: make it a text"),
        ('{"question": "?", "answer": ""}', "the answer is empty: write one"),
        ('{"question": "?", "answer": null}', "the answer is empty: write one"),
        ('{"question": "?", "answer": "####"}', "the answer is empty: write one"),
        ('{"question": "?", "answer": []}', "the answer is an empty list: write the right answers"),
        ('{"question": "?", "answer": ["a", " "]}', "the answer is empty: write one"),
        ('{"question": "?", "answer": {"a": 1}}', "the answer is {'a': 1}: make it a text"),
        ('{"question": "?", "answer": [["a"]]}', "the answer is ['a']: make it a text"),
        ('{"question": "?", "answer": NaN}', "not JSON that can be read (NaN): write one JSON object"),
        ('{"question": "?", "answer": 4, "level": "hard"}', "the level is 'hard': make it an integer"),
        ('{"question": "?", "answer": 4, "level": true}', "the level is True: make it an integer"),
        ('{"question": "?", "answer": 4, "level": 2.5}', "the level is 2.5: make it an integer"),
        ('{"question": "?", "answer": 4, "context": {}}', "the context is {}: make it a text"),
        ('{"question": "?", "answer": 4, "id": [1]}', "the id is [1]: make it a text or an integer"),
        (r'{"question": "\ud800", "answer": 4}', "text that is not Unicode: take out"),
        (r'{"question": "?", "answer": 4, "a": "\ud800"}', "text that is not Unicode: take out"),
        ("[1, 2]", "a JSON value that is no object: write one JSON object on each line"),
        ('{"question": "?"', "not JSON at column 17 (Expecting ',' delimiter): write one JSON object"),
        pytest.param("[" * 200_000, "not JSON that can be read", id="deep"),
        (GOOD.replace("{", '{"id": "same", ') * 2, "the id 'same' is taken"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_line_is_said_with_the_file_and_the_line(
    tmp_path: Path, line: str, said: str
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f"{GOOD}\n{line}\n")
    with pytest.raises(ConfigurationError, match=f"bad.jsonl, line [34]: .*{re.escape(said)}"):
        load(str(path))


def test_bytes_that_are_not_utf8_are_said_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes(GOOD.encode() + b'{"question": "caf\xe9", "answer": 1}')
    with pytest.raises(
        ConfigurationError, match=r"latin.jsonl, line 2: not UTF-8 \(byte 0xe9 at position 18\): save"
    ):
        load(str(path))


@pytest.mark.parametrize("name", ["none.jsonl", "none.csv", "none.json"])
def test_an_empty_file_is_said_to_be_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("[]\n" if name.endswith(".json") else "\n\n")
    with pytest.raises(ConfigurationError, match="holds no items: give a source with at least one record"):
        load(str(path))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.jsonl", "gone.jsonl' does not exist: check the path"),
        ("gone.csv", "gone.csv' does not exist: check the path"),
        ("./gone", "'./gone' does not exist: check the path"),
        ("a/b/c", "'a/b/c' does not exist: check the path"),
        ("", "'' does not exist: check the path"),
        ("~nobody/few", "'~nobody/few' does not exist: check the path"),
        ("x" * 5000, "cannot be read"),
    ],
    ids=["jsonl", "csv", "dotted", "deep", "empty", "home", "long"],
)
def test_what_looks_like_a_path_and_is_not_there_does_not_exist(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(name)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "few.txt"
    path.write_text(GOOD)
    with pytest.raises(ConfigurationError, match=r"few.txt is of no known kind: name it .jsonl"):
        load(str(path))


def test_a_file_has_no_subset() -> None:
    with pytest.raises(ConfigurationError, match="is a file and has no subset 'main': leave it out"):
        load(str(EASY), subset="main")


def test_a_link_to_nothing_does_not_exist(tmp_path: Path) -> None:
    loop = tmp_path / "loop.jsonl"
    loop.symlink_to(loop)
    with pytest.raises(ConfigurationError, match=r"loop\.jsonl.* does not exist"):
        load(str(loop))


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    with pytest.raises(ConfigurationError, match=f"the limit is {limit}: ask for at least one"):
        load(str(EASY), limit=limit)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="items have no field 'quesion': name one of id, question"):
        load(str(EASY), fields={"quesion": "problem"})


def test_a_table_gives_the_same_items_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_bytes(
        b"\xef\xbb\xbfid,question,answer,level,subject\r\n\r\n"
        b'a,"Who, and\r\nwhen?",Ann,Level 2,people\r\n,2 + 2?,4,,\r\n'
    )
    first, second = load(str(path))
    assert (first.id, first.question, first.answers, first.level) == ("a", "Who, and\r\nwhen?", ("Ann",), 2)
    assert first.labels == {"subject": "people"}
    assert (second.id, second.answers, second.level) == ("line-5", ("4",), None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("question,answer\n?,4\n?,4,5\n", "line 3: 3 cells under a header of 2: quote cells"),
        ('question,answer\n"a\nb",4\n?\n', "line 4: 1 cells under a header of 2: quote cells"),
        ("question,question\n?,4\n", "line 1: a header with 'question' twice or empty: give each"),
        ("question;answer\n?;4\n", "line 2: no field `question` among `question;answer`: add it"),
        ('question,answer\n?,4\n"?,4\n', "line 3: not CSV .unexpected end of data.: correct it"),
        ("question,answer\n?,4\n?,\n", "line 3: the answer is empty: write one"),
    ],
    ids=["too many", "too few", "header", "semicolons", "quote", "no answer"],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"bad.csv, {said}"):
        load(str(path))


def test_the_example_has_six_items_of_rising_level() -> None:
    assert [item.level for item in load(str(EASY))] == [1, 1, 1, 2, 3, 4]
