import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from outlay.budget import Usage
from outlay.errors import ConfigurationError
from outlay.model.records import Choice, Request, TokenLogprob, ToolCall
from outlay.replay import Replay

QUESTION = {
    "model": "local",
    "messages": ({"role": "user", "content": "2 + 2?"},),
    "max_output_tokens": 100,
    "temperature": 0.0,
}
PIECES = ("4", " is", " the", " answer", ".")
TEXT = "4 is the answer."
CUT = Choice(text=TEXT, finish_reason="length")
WHOLE = Choice(text=TEXT, finish_reason="stop")


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[Replay]:
    with Replay(tmp_path / "calls.sqlite") as store:
        yield store


def spent(output_tokens: int) -> Usage:
    return Usage(prompt_tokens=7, cached_tokens=3, output_tokens=output_tokens, usd=0.5)


def logprobs(*tokens: str) -> tuple[TokenLogprob, ...]:
    return tuple(TokenLogprob(token=token, logprob=-1, top=((token, -1),)) for token in tokens)


def asked(**changes: Any) -> Request:
    return Request(**{**QUESTION, **changes})


def test_a_recorded_completion_comes_back_with_what_it_was_billed_but_no_dollars(replay: Replay) -> None:
    choice = Choice(
        text="",
        reasoning="hm",
        finish_reason="tool_calls",
        tool_calls=(ToolCall(id="1", name="add", arguments='{"a": 2}'),),
        logprobs=logprobs("4"),
    )
    replay.record("key", 0, 100, choice, spent(5), model="local")
    found = replay.lookup("key", 0, 100)
    assert found is not None
    assert found.choice == choice
    assert found.usage == spent(5).model_copy(update={"usd": None})
    assert found.model == "local"
    assert found.recorded > 0
    assert len(replay) == 1


def test_nothing_is_found_for_another_question_or_sample(replay: Replay) -> None:
    replay.record("key", 0, 100, WHOLE, spent(5))
    assert replay.lookup("other", 0, 100) is None
    assert replay.lookup("key", 1, 100) is None


def test_an_empty_store_is_true(replay: Replay) -> None:
    assert len(replay) == 0
    assert replay


@pytest.mark.parametrize("cap", [5, 6, 100, 10_000])
def test_a_generation_that_ended_serves_every_cap_it_fits_in(replay: Replay, cap: int) -> None:
    replay.record("key", 0, 100, WHOLE, spent(5))
    found = replay.lookup("key", 0, cap)
    assert found is not None
    assert found.choice == WHOLE
    assert found.usage.output_tokens == 5


def test_a_sampled_generation_serves_no_prefix(replay: Replay) -> None:
    replay.record("key", 0, 100, WHOLE, spent(5))
    assert replay.lookup("key", 0, 4) is None


def test_a_cut_generation_serves_its_own_cap_and_no_larger_one(replay: Replay) -> None:
    replay.record("key", 0, 5, CUT, spent(5), pieces=PIECES)
    found = replay.lookup("key", 0, 5)
    assert found is not None
    assert found.choice == CUT
    assert replay.lookup("key", 0, 6) is None


@pytest.mark.parametrize("choice", [CUT, WHOLE], ids=["cut", "ended"])
def test_a_repeatable_generation_serves_a_smaller_cap_by_its_prefix(replay: Replay, choice: Choice) -> None:
    logged = choice.model_copy(update={"logprobs": logprobs(*PIECES)})
    replay.record("key", 0, 5, logged, spent(5), pieces=PIECES)
    found = replay.lookup("key", 0, 2)
    assert found is not None
    assert found.choice == Choice(text="4 is", finish_reason="length", logprobs=logprobs(*PIECES[:2]))
    assert found.usage.output_tokens == 2
    assert found.usage.prompt_tokens == 7


def test_a_prefix_up_to_the_end_marker_is_the_whole_text_but_cut(replay: Replay) -> None:
    replay.record("key", 0, 100, WHOLE, spent(6), pieces=PIECES)
    found = replay.lookup("key", 0, 5)
    assert found is not None
    assert found.choice == CUT


@pytest.mark.parametrize(
    ("choice", "pieces"),
    [
        (Choice(text=TEXT, reasoning="2 and 2"), PIECES),
        (Choice(text=TEXT, tool_calls=(ToolCall(id="1", name="add", arguments="{}"),)), PIECES),
        (Choice(text=TEXT), ("4", "is")),
    ],
    ids=["thinking", "tool calls", "pieces of another text"],
)
def test_no_prefix_is_served_where_the_text_is_not_the_whole_generation(
    replay: Replay, choice: Choice, pieces: tuple[str, ...]
) -> None:
    replay.record("key", 0, 100, choice, spent(9), pieces=pieces)
    assert replay.lookup("key", 0, 2) is None
    assert replay.lookup("key", 0, 9) is not None


def test_a_longer_repeatable_generation_replaces_a_shorter_one(replay: Replay) -> None:
    replay.record("key", 0, 2, Choice(text="4 is", finish_reason="length"), spent(2), pieces=PIECES[:2])
    replay.record("key", 0, 5, CUT, spent(5), pieces=PIECES)
    assert len(replay) == 1
    found = replay.lookup("key", 0, 3)
    assert found is not None
    assert found.choice.text == "4 is the"


def test_sampled_generations_under_several_caps_are_all_kept(replay: Replay) -> None:
    replay.record("key", 0, 2, Choice(text="five", finish_reason="length"), spent(2))
    replay.record("key", 0, 5, CUT, spent(5))
    short, long = replay.lookup("key", 0, 2), replay.lookup("key", 0, 5)
    assert short is not None
    assert long is not None
    assert (short.choice.text, long.choice.text) == ("five", TEXT)


def test_what_was_recorded_first_stays(replay: Replay) -> None:
    replay.record("key", 0, 100, WHOLE, spent(5))
    replay.record("key", 0, 100, Choice(text="5"), spent(1))
    found = replay.lookup("key", 0, 100)
    assert found is not None
    assert found.choice == WHOLE


@pytest.mark.parametrize("changes", [{"max_output_tokens": 3}, {"n": 4}], ids=["cap", "n"])
def test_the_key_leaves_out_caps_and_the_number_of_samples(changes: dict[str, Any]) -> None:
    assert Replay.key(asked(**changes)) == Replay.key(asked())


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "gguf:/a.gguf"},
        {"messages": ({"role": "user", "content": "2 + 3?"},)},
        {"temperature": 0.7},
        {"top_p": 0.9},
        {"seed": 1},
        {"stop": ("\n",)},
        {"tools": ({"type": "function"},)},
        {"response_schema": {"type": "object"}},
        {"params": {"presence_penalty": 1.0}},
        {"logprobs": True},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_key_holds_all_that_is_asked(changes: dict[str, Any]) -> None:
    assert Replay.key(asked(**changes)) != Replay.key(asked())


def test_the_key_does_not_depend_on_the_order_of_fields() -> None:
    other_order = ({"content": "2 + 2?", "role": "user"},)
    assert Replay.key(asked(messages=other_order)) == Replay.key(asked())


def test_the_key_refuses_what_is_not_json() -> None:
    with pytest.raises(ConfigurationError, match="JSON"):
        Replay.key(asked(params={"callback": object()}))


def test_samples_count_from_zero_in_every_run(replay: Replay) -> None:
    with replay.run():
        first = [replay.next_sample("a"), replay.next_sample("a"), replay.next_sample("b")]
    with replay.run():
        second = [replay.next_sample("a"), replay.next_sample("b")]
    assert first == [0, 1, 0]
    assert second == [0, 0]


def test_without_a_run_samples_count_from_the_making_of_the_store(replay: Replay) -> None:
    assert [replay.next_sample("a"), replay.next_sample("a")] == [0, 1]
    with replay.run():
        assert replay.next_sample("a") == 0
    assert replay.next_sample("a") == 2


def test_the_outermost_run_counts(replay: Replay) -> None:
    with replay.run():
        assert replay.next_sample("a") == 0
        with replay.run():
            assert replay.next_sample("a") == 1
        assert replay.next_sample("a") == 2


def test_runs_of_two_stores_do_not_mix(replay: Replay, tmp_path: Path) -> None:
    with Replay(tmp_path / "other.sqlite") as other, replay.run(), other.run():
        assert [replay.next_sample("a"), other.next_sample("a"), replay.next_sample("a")] == [0, 0, 1]


def test_threads_with_copied_contexts_count_in_one_run(replay: Replay) -> None:
    with replay.run(), ThreadPoolExecutor(8) as pool:
        contexts = [copy_context() for _ in range(200)]
        numbers = list(pool.map(lambda context: context.run(replay.next_sample, "a"), contexts))
    assert sorted(numbers) == list(range(200))


def test_threads_may_record_and_look_up_at_once(replay: Replay) -> None:
    def both(sample: int) -> bool:
        replay.record("key", sample, 100, WHOLE, spent(5))
        return replay.lookup("key", sample, 100) is not None

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(both, range(40)))
    assert len(replay) == 40


def test_two_stores_on_one_file_see_each_others_records(replay: Replay) -> None:
    with Replay(replay.path) as other:
        other.record("key", 0, 100, WHOLE, spent(5))
        assert replay.lookup("key", 0, 100) is not None
        replay.record("key", 1, 100, WHOLE, spent(5))
        assert other.lookup("key", 1, 100) is not None


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def opened(number: int) -> int:
        together.wait(timeout=30)
        with Replay(tmp_path / "calls.sqlite") as store:
            store.record("key", number, 100, WHOLE, spent(5))
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(opened, range(8))) == list(range(8))
    with Replay(tmp_path / "calls.sqlite") as store:
        assert len(store) == 8


RECORDER = """
import sys
from outlay.budget import Usage
from outlay.model.records import Choice
from outlay.replay import Replay

store = Replay(sys.argv[1])
for sample in range(100_000):
    store.record("key", sample, 100, Choice(text="x" * 2000), Usage(output_tokens=5))
    print(sample, flush=True)
"""


def test_nothing_that_was_recorded_is_lost_to_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", RECORDER, str(path)], stdout=subprocess.PIPE, text=True
    ) as recorder:
        assert recorder.stdout is not None
        acknowledged = [recorder.stdout.readline() for _ in range(50)]
        recorder.kill()
        acknowledged += recorder.stdout.readlines()
    assert recorder.returncode == -signal.SIGKILL
    last = max(int(line) for line in acknowledged if line.endswith("\n"))
    with Replay(path) as store:
        assert all(store.lookup("key", sample, 100) for sample in range(last + 1))
        store.record("key", last + 10, 100, WHOLE, spent(5))


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes (text TEXT)")
    database.close()


def newer(path: Path) -> None:
    Replay(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: path.write_bytes(b"not a database, but long enough to be looked at" * 50), "damaged"),
        (foreign, "another program"),
        (newer, "another version of Outlay"),
        (lambda path: path.mkdir(), "folder"),
    ],
    ids=["not a database", "foreign", "newer", "a folder"],
)
def test_a_file_that_is_no_store_is_refused_with_what_to_do(
    tmp_path: Path, prepare: Any, message: str
) -> None:
    path = tmp_path / "calls.sqlite"
    prepare(path)
    with pytest.raises(ConfigurationError, match=message):
        Replay(path)


def test_a_foreign_database_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    foreign(path)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError):
        Replay(path)
    assert path.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder exists"):
        Replay(tmp_path / "nowhere" / "calls.sqlite")


NEVER = logprobs("a")[0].model_copy(update={"logprob": float("-inf")})
NEGATIVE = '{"calls": 1, "prompt_tokens": -7, "output_tokens": 5}'


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("choice", "{", id="half a choice"),
        pytest.param("choice", 7, id="a number"),
        pytest.param("choice", b"\xff\xfe{", id="no UTF-8"),
        pytest.param("choice", "[" * 100_000, id="nested too deep"),
        pytest.param("usage", NEGATIVE, id="a count below 0"),
        pytest.param("usage", NEGATIVE.replace("-7", "1" + "0" * 400), id="a count that nothing holds"),
        pytest.param("usage", NEGATIVE.replace("-7", "true"), id="a count that is no integer"),
        pytest.param("usage", '{"usd": NaN}', id="dollars that are no number"),
        pytest.param("pieces", '["another text"]', id="pieces of another text"),
        pytest.param("pieces", "{}", id="pieces that are no list"),
        pytest.param("recorded", "long ago", id="no time"),
        pytest.param("model", b"\xff", id="no name"),
        pytest.param("cap", "many", id="no cap"),
    ],
)
def test_a_damaged_row_counts_as_absent_and_is_replaced(
    replay: Replay, caplog: pytest.LogCaptureFixture, column: str, value: object
) -> None:
    for number in (0, 1):
        replay.record("key", number, 100, WHOLE, spent(5), pieces=PIECES)
    with sqlite3.connect(replay.path) as database:
        statement = f"UPDATE completions SET {column} = ? WHERE sample = 0"  # noqa: S608 - names of this table
        database.execute(statement, (value,))
    database.close()
    assert [replay.lookup("key", 0, 100), replay.lookup("key", 0, 100)] == [None, None]
    assert replay.lookup("key", 1, 100) is not None
    assert len(caplog.records) == 1
    replay.record("key", 0, 100, WHOLE, spent(6))
    found = replay.lookup("key", 0, 100)
    assert found is not None
    assert (found.usage.output_tokens, len(replay)) == (6, 2)


@pytest.mark.parametrize(
    "choice",
    [
        pytest.param(
            Choice(tool_calls=(ToolCall(id="1", name="f", arguments='"\ud83d"'),)), id="a tool call"
        ),
        pytest.param(Choice(text="half \ude00"), id="a text"),
        pytest.param(Choice(logprobs=(NEVER,)), id="no likelihood"),
    ],
)
def test_what_pydantic_cannot_write_is_kept(replay: Replay, choice: Choice) -> None:
    replay.record("key", 0, 100, choice, spent(5))
    found = replay.lookup("key", 0, 100)
    assert found is not None
    assert found.choice == choice


def test_half_a_surrogate_may_be_asked() -> None:
    keys = {Replay.key(asked(messages=({"role": "user", "content": said},))) for said in ("\ud83d", "\ude00")}
    assert len(keys) == 2


def test_a_completion_that_cannot_be_kept_is_logged_once(
    replay: Replay, caplog: pytest.LogCaptureFixture
) -> None:
    replay.close()
    for number in (0, 1):
        replay.keep("key", number, 100, WHOLE, spent(5))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_record_that_fails_leaves_the_store_usable(replay: Replay) -> None:
    with sqlite3.connect(replay.path) as database:
        database.execute("ALTER TABLE completions RENAME TO hidden")
        with pytest.raises(ConfigurationError, match="cannot be used"):
            replay.record("key", 0, 100, WHOLE, spent(5))
        database.execute("ALTER TABLE hidden RENAME TO completions")
    database.close()
    replay.record("key", 0, 100, WHOLE, spent(5))
    assert len(replay) == 1


def test_a_closed_store_says_so(replay: Replay) -> None:
    replay.close()
    with pytest.raises(ConfigurationError, match="closed"):
        replay.lookup("key", 0, 100)
