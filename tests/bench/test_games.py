"""Games as items: played by a model behind a server, resumed after a cut, scored by success."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from environments.houses import need_games

from outlay.bench.directory import Directory
from outlay.bench.measuring import Plan, measure
from outlay.bench.sources.games import load_games
from outlay.bench.sweep import Sweep, budgets_of, conditions
from outlay.budget import Price
from outlay.environments import make_game, walkthrough
from outlay.errors import ConfigurationError
from outlay.testing import CountingServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from outlay.bench.trial import Trial

STUDENT = "in-context-distillation:k=0,n=1,defer=never"
SHORT = f"{STUDENT},max_steps=1"


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("games")
    need_games()
    asyncio.run(make_game(folder / "house" / "small.z8", rooms=2, objects=2, quest_length=3, seed=7))
    return folder


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")


def winner(game: Path) -> Callable[[Mapping[str, Any], int], str]:
    """Say the next command of the walkthrough: as many as were said already stand in the conversation."""
    commands = walkthrough(game)

    def reply(body: Mapping[str, Any], index: int) -> str:
        return commands[len([said for said in body["messages"] if said["role"] == "assistant"])]

    return reply


def plan(games: Path, server: CountingServer, out: Path, *specs: str) -> Plan:
    found = load_games(f"games:{games}")
    return Plan(
        sweep=Sweep(conditions(specs, budgets_of()), found.items),
        source=found.name,
        games=found.root,
        scorer="success",
        out=out,
        model="openai/test",
        api_base=server.url,
        price=Price(input=1, output=2),
        concurrency=1,
    )


def trials(out: Path) -> dict[str, Trial]:
    return {trial.strategy: trial for trial in Directory(out).trials()}


def test_a_game_that_is_won_scores_1_and_one_that_is_cut_off_0(games: Path, tmp_path: Path) -> None:
    game = games / "house" / "small.z8"
    steps = len(walkthrough(game))
    with CountingServer(winner(game)) as server:
        asyncio.run(measure(plan(games, server, tmp_path, STUDENT, SHORT)))
        # The shorter episode is the beginning of the longer one, and is replayed.
        assert server.requests == steps
    won, cut = (trials(tmp_path)[spec] for spec in (STUDENT, SHORT))
    assert (won.item, won.score, cut.score) == ("house/small.z8", 1.0, 0.0)
    assert won.episode is not None
    assert (won.episode.success, won.episode.steps, won.episode.deferred) == (True, steps, 0)
    assert won.usage == won.episode.student
    assert won.usage.calls == steps
    assert cut.episode is not None
    assert (cut.episode.success, cut.episode.steps) == (None, 1)


async def cut(asked: Plan, server: CountingServer, requests: int) -> None:
    """Measure until the server has read so many requests."""
    running = asyncio.create_task(measure(asked))
    await asyncio.to_thread(server.wait_for, requests)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def test_an_episode_that_was_cut_off_is_done_again_and_nothing_is_paid_twice(
    games: Path, tmp_path: Path
) -> None:
    game = games / "house" / "small.z8"
    steps = len(walkthrough(game))
    with CountingServer(winner(game)) as server:
        asked = plan(games, server, tmp_path, STUDENT)
        asyncio.run(cut(asked, server, 2))
        assert trials(tmp_path) == {}
        assert asyncio.run(measure(asked)) == "finished"
        # What was in flight when it was cut off is lost, nothing before it.
        assert server.requests <= steps + 1
    (trial,) = trials(tmp_path).values()
    assert (trial.score, trial.usage.calls) == (1.0, steps)
    assert trial.replayed.calls >= 1


def test_what_only_answers_is_refused_before_anything_is_asked(games: Path, tmp_path: Path) -> None:
    with CountingServer() as server:
        with pytest.raises(ConfigurationError, match="'direct' answers questions and cannot play"):
            asyncio.run(measure(plan(games, server, tmp_path / "b", STUDENT, "direct")))
        assert (server.requests, (tmp_path / "b").exists()) == (0, False)


def test_a_list_names_games_relative_to_itself_and_a_file_is_one(games: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shutil.copy(games / "house" / "small.z8", tmp_path / name / "game.z8")
    (tmp_path / "some.txt").write_text("two/game.z8\n\none/game.z8\n")
    found = load_games(f"games:{tmp_path / 'some.txt'}")
    assert ([item.id for item in found.items], found.root) == (["two/game.z8", "one/game.z8"], tmp_path)
    assert [item.question for item in found.items] == ["two", "one"]
    assert [item.id for item in load_games(f"games:{tmp_path}", limit=1).items] == ["one/game.z8"]
    alone = load_games(f"games:{tmp_path / 'one' / 'game.z8'}")
    assert ([item.id for item in alone.items], alone.name) == (["game.z8"], "games:game.z8")


@pytest.mark.parametrize(
    ("listed", "says"),
    [("none.z8", "line 1: none.z8 is no game"), ("a.z8\na.z8", "is there twice"), ("\n", "holds no games")],
    ids=["absent", "twice", "empty"],
)
def test_a_wrong_list_is_one_sentence(games: Path, tmp_path: Path, listed: str, says: str) -> None:
    shutil.copy(games / "house" / "small.z8", tmp_path / "a.z8")
    (tmp_path / "some.txt").write_text(listed)
    with pytest.raises(ConfigurationError, match=says):
        load_games(f"games:{tmp_path / 'some.txt'}")


def test_where_there_is_nothing_it_says_so() -> None:
    with pytest.raises(ConfigurationError, match="there is no folder, list or game"):
        load_games("games:nowhere")
