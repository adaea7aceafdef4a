"""JSON documents: plain lists, LoCoMo's conversations, HotpotQA's paragraphs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from outlay.bench.sources import load
from outlay.errors import ConfigurationError
from outlay.memory.conversations import Document, Utterance

if TYPE_CHECKING:
    from pathlib import Path

SAID = [
    {"speaker": "Ann", "dia_id": "D1:1", "text": "I moved to Oslo last week!"},
    {
        "speaker": "Bo",
        "dia_id": "D1:2",
        "text": "Nice!",
        "blip_caption": "a photo of a fjord",
        "query": "fjord",
    },
]
ASKED: list[dict[str, object]] = [
    {"question": "When did Ann move?", "answer": 2023, "evidence": ["D1:1"], "category": 2},
    {"question": "Is Ann glad?", "answer": "Likely yes; she sounds so", "evidence": ["D1:1"], "category": 3},
    {"question": "Where did Bo move?", "adversarial_answer": "Oslo", "evidence": ["D1:1"], "category": 5},
    {"question": "When did Bo move?", "adversarial_answer": "May", "evidence": ["D1:1"], "category": 5},
]
CONVERSATION = {
    "sample_id": "conv-1",
    "qa": ASKED,
    "conversation": {
        "speaker_a": "Ann",
        "speaker_b": "Bo",
        "session_10_date_time": "9 am on 1 June, 2023",
        "session_10": [{"speaker": "Bo", "dia_id": "D10:1", "text": "Hi again."}],
        "session_1_date_time": "1 pm on 8 May, 2023",
        "session_1": SAID,
        "session_2_date_time": "1 pm on 9 May, 2023",
    },
    "event_summary": {},
}
TOLD = """Session 1, 1 pm on 8 May, 2023
Ann: I moved to Oslo last week!
Bo: Nice! [shares a photo of a fjord]

Session 10, 9 am on 1 June, 2023
Bo: Hi again."""

PLAIN = {"question": "Who was older?", "answer": "Ann", "type": "comparison", "level": "hard"}
PARAGRAPHS: dict[str, dict[str, object]] = {
    "columns": {
        **PLAIN,
        "supporting_facts": {"title": ["Ann", "Bo"], "sent_id": [0, 1]},
        "context": {"title": ["Ann", "Bo"], "sentences": [["Ann is 40.", " She sails."], ["Bo is 30."]]},
    },
    "pairs": {
        **PLAIN,
        "_id": "5a8b",
        "supporting_facts": [["Ann", 0], ["Bo", 1]],
        "context": [["Ann", ["Ann is 40.", " She sails."]], ["Bo", ["Bo is 30."]]],
    },
}


def written(path: Path, document: object) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def test_a_plain_list_of_objects_loads(tmp_path: Path) -> None:
    source = written(
        tmp_path / "few.json", [{"question": "a?", "answer": 1}, {"question": "b?", "answer": "x"}]
    )
    assert [(item.id, item.answers) for item in load(source)] == [("record-1", ("1",)), ("record-2", ("x",))]


def test_a_conversation_is_told_with_its_dates_and_speakers_in_order(tmp_path: Path) -> None:
    items = load(written(tmp_path / "talk.json", [CONVERSATION]))
    assert [item.id for item in items] == ["conv-1/q1", "conv-1/q2", "conv-1/q3", "conv-1/q4"]
    assert {item.context for item in items} == {TOLD}


def test_a_conversation_is_also_kept_turn_by_turn(tmp_path: Path) -> None:
    items = load(written(tmp_path / "talk.json", [CONVERSATION]))
    assert {item.history for item in items} == {
        (
            Utterance(
                text="I moved to Oslo last week!", speaker="Ann", time="1 pm on 8 May, 2023", session="1"
            ),
            Utterance(
                text="Nice! [shares a photo of a fjord]",
                speaker="Bo",
                time="1 pm on 8 May, 2023",
                session="1",
            ),
            Utterance(text="Hi again.", speaker="Bo", time="9 am on 1 June, 2023", session="10"),
        )
    }


def test_a_question_about_a_conversation_keeps_its_category_and_evidence(tmp_path: Path) -> None:
    first, second, *_ = load(written(tmp_path / "talk.json", [CONVERSATION]))
    assert (first.question, first.answers) == ("When did Ann move?", ("2023",))
    assert first.labels == {"conversation": "conv-1", "category": 2, "answer": 2023, "evidence": ["D1:1"]}
    assert second.answers == ("Likely yes",)


def test_an_adversarial_question_is_a_choice_and_only_not_mentioned_is_right(tmp_path: Path) -> None:
    *_, third, fourth = load(written(tmp_path / "talk.json", [CONVERSATION]))
    assert [third.question, fourth.question] == [
        "Where did Bo move? Select the correct answer: 'Not mentioned in the conversation' or 'Oslo'.",
        "When did Bo move? Select the correct answer: 'May' or 'Not mentioned in the conversation'.",
    ]
    assert third.answers == ("Not mentioned in the conversation", "No information available")
    assert third.labels["adversarial_answer"] == "Oslo"


@pytest.mark.parametrize("layout", PARAGRAPHS)
def test_both_layouts_of_hotpotqa_give_paragraphs_under_titles(tmp_path: Path, layout: str) -> None:
    (item,) = load(written(tmp_path / "hops.json", [PARAGRAPHS[layout]]))
    assert item.context == "Ann\nAnn is 40. She sails.\n\nBo\nBo is 30."
    assert item.level is None
    assert item.labels == {
        "type": "comparison",
        "level": "hard",
        "supporting_facts": [["Ann", 0], ["Bo", 1]],
    }


@pytest.mark.parametrize("layout", PARAGRAPHS)
def test_hotpotqas_paragraphs_are_also_kept_one_by_one(tmp_path: Path, layout: str) -> None:
    (item,) = load(written(tmp_path / "hops.json", [PARAGRAPHS[layout]]))
    assert item.history == (
        Document(title="Ann", text="Ann is 40. She sails."),
        Document(title="Bo", text="Bo is 30."),
    )


def test_hotpotqa_keeps_its_own_ids(tmp_path: Path) -> None:
    items = load(written(tmp_path / "hops.json", list(PARAGRAPHS.values())))
    assert [item.id for item in items] == ["record-1", "5a8b"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"question": "a?", "answer": 1}, "bad.json: its JSON is no list: make it a list of objects"),
        ([{"question": "a?", "answer": 1}, 2], "bad.json, record 2: no JSON object: make the file a list"),
        ([{"question": "a?"}], "bad.json, record 1: no field `answer` among `question`: add it"),
        ([{**CONVERSATION, "sample_id": None}], "bad.json, record 1: not as LoCoMo has it, `sample_id`"),
        (
            [{**CONVERSATION, "qa": [{"question": "a?", "category": 1}]}],
            "bad.json, record 1, question 1: the answer is empty: write one",
        ),
        ([CONVERSATION, CONVERSATION], "bad.json, record 2, question 1: the id 'conv-1/q1' is taken"),
        (
            [{**PARAGRAPHS["pairs"], "context": [["Ann"]]}],
            "bad.json, record 1: not as HotpotQA has it, `context",
        ),
    ],
    ids=["object", "number", "missing", "no sample", "no answer", "twice", "paragraph"],
)
def test_what_is_wrong_with_a_document_is_said_with_its_record(
    tmp_path: Path, document: object, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        load(written(tmp_path / "bad.json", document))


def test_json_that_does_not_parse_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"question": "a?", "answer": 1}\n{"question": "b?", "answer": 1}\n')
    with pytest.raises(
        ConfigurationError, match=r"bad.json: not JSON at line 2, column 1 \(Extra data\): .* \.jsonl"
    ):
        load(str(path))
