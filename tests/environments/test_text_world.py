"""Real games of TextWorld, made here."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from environments.houses import need_games

from outlay import ConfigurationError
from outlay.environments import Episode, TextWorldGame, Turn, make_game, replay, walkthrough

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:Game '.*' is not fully supported")


async def _turns(game: TextWorldGame, *actions: str) -> list[Turn]:
    async with game:
        return [await game.reset(), *[await game.step(action) for action in actions]]


async def _replayed(path: Path, **options: Any) -> tuple[TextWorldGame, Episode]:
    async with TextWorldGame(path, **options) as game:
        return game, await replay(game, walkthrough(path))


def test_the_walkthrough_wins(made: Path) -> None:
    game, episode = asyncio.run(_replayed(made))
    assert episode.success is True
    assert episode.task == game.task == "keys"
    assert [step.action for step in episode.steps] == list(walkthrough(made))
    assert len(episode.steps) == 3


def test_the_goal_stands_apart_from_what_is_seen(made: Path) -> None:
    game = TextWorldGame(made)
    first = asyncio.run(_turns(game))[0]
    assert "TextWorld" in game.goal
    assert first.observation.startswith("-= ")
    assert game.goal not in first.observation
    assert "$$" not in first.observation


def test_what_is_seen_has_neither_status_line_nor_epilogue(made: Path) -> None:
    turns = asyncio.run(_turns(TextWorldGame(made), *walkthrough(made)))
    shown = "\n".join(turn.observation for turn in turns)
    assert "\n>" not in shown
    assert "RESTART" not in shown
    assert "***" not in shown
    assert turns[-1].reward == 1
    assert [turn.reward for turn in turns[:-1]] == [0, 0, 0]


def test_admissible_actions_lead_on_and_others_are_answered(made: Path) -> None:
    first, lost, found = asyncio.run(_turns(TextWorldGame(made), "fly to the moon", "GO   East"))
    assert first.admissible is not None
    assert "go east" in first.admissible
    assert lost.observation
    assert lost.admissible == first.admissible
    assert found.admissible != first.admissible


@pytest.mark.parametrize("action", ["save", "RESTART", "look. quit", "look then script"])
def test_the_interpreter_is_out_of_an_actors_reach(
    made: Path, action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, last = asyncio.run(_turns(TextWorldGame(made), action))
    assert last.observation == "That is no action in this game."
    assert last.admissible == first.admissible
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "action",
    ["look\0", "look \ud800", "\x1b[2Jlook", "\u202elook", "take " + "x" * 200, "x" + "\u00e9" * 99],
    ids=["NUL", "half a surrogate", "escape", "bidirectional", "too long", "cut inside a character"],
)
def test_what_the_interpreter_cannot_take_is_refused(made: Path, action: str) -> None:
    first, refused, seen = asyncio.run(_turns(TextWorldGame(made), action, "look"))
    assert refused.observation == "That is no action in this game."
    assert refused.admissible == first.admissible
    assert seen.observation.startswith("-= ")


def test_the_step_cap_ends_the_episode_lost(made: Path) -> None:
    episode = asyncio.run(_replayed(made, max_steps=2))[1]
    assert len(episode.steps) == 2
    assert episode.success is False


def test_a_game_whose_facts_are_missing_is_played_without_admissible_actions(
    made: Path, tmp_path: Path
) -> None:
    bare = shutil.copy(made, tmp_path / "bare.z8")
    game = TextWorldGame(bare, goal="Lock the locker.", task="bare-1")
    turns = asyncio.run(_turns(game, *walkthrough(made)))
    assert {turn.admissible for turn in turns} == {None}
    assert (turns[-1].done, turns[-1].success) == (True, True)
    assert (game.goal, game.task) == ("Lock the locker.", "bare-1")


def test_two_games_are_played_at_once_in_turns(made: Path) -> None:
    async def both() -> list[Episode]:
        return [episode for _, episode in await asyncio.gather(_replayed(made), _replayed(made))]

    assert [episode.success for episode in asyncio.run(both())] == [True, True]


def test_the_same_numbers_make_the_same_game(made: Path, tmp_path: Path) -> None:
    again = asyncio.run(make_game(tmp_path / "again.z8", rooms=2, objects=3, quest_length=3, seed=1234))
    assert walkthrough(again) == walkthrough(made)


@pytest.mark.parametrize("numbers", [{"rooms": 0}, {"rooms": 99}, {"objects": 0}, {"quest_length": 0}])
def test_numbers_out_of_range_are_refused(numbers: dict[str, int], tmp_path: Path) -> None:
    need_games()
    with pytest.raises(ConfigurationError, match="rooms"):
        asyncio.run(make_game(tmp_path / "none.z8", **numbers))


@pytest.mark.parametrize("share", [0, 0.001, 0.5], ids=["empty", "a few bytes", "cut"])
def test_a_damaged_game_is_refused_and_the_process_lives(made: Path, tmp_path: Path, share: float) -> None:
    damaged = tmp_path / "damaged.z8"
    damaged.write_bytes(made.read_bytes()[: int(share * made.stat().st_size)])
    with pytest.raises(ConfigurationError, match="damaged"):
        asyncio.run(_turns(TextWorldGame(damaged)))


def test_a_game_that_was_written_over_is_refused(made: Path, tmp_path: Path) -> None:
    story = bytearray(made.read_bytes())
    story[5000] ^= 0xFF
    (tmp_path / "worn.z8").write_bytes(story)
    with pytest.raises(ConfigurationError, match="damaged"):
        asyncio.run(_turns(TextWorldGame(tmp_path / "worn.z8")))


def test_files_that_are_missing_or_no_games_are_refused(tmp_path: Path) -> None:
    need_games()
    with pytest.raises(ConfigurationError, match="no game"):
        TextWorldGame(tmp_path / "nowhere.z8")
    (tmp_path / "notes.txt").write_text("look")
    with pytest.raises(ConfigurationError, match="Z-machine"):
        asyncio.run(_turns(TextWorldGame(tmp_path / "notes.txt")))
    with pytest.raises(ConfigurationError, match=r"notes\.txt"):
        walkthrough(tmp_path / "notes.txt")
    (tmp_path / "facts.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="no walkthrough"):
        walkthrough(tmp_path / "facts.z8")


def test_without_textworld_the_error_names_what_to_install(made: Path) -> None:
    code = (
        "import asyncio, sys; sys.modules['textworld'] = None; "
        f"from outlay.environments import TextWorldGame; asyncio.run(TextWorldGame({str(made)!r}).reset())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "ConfigurationError: " in done.stderr
    assert "pip install 'outlay[alfworld]'" in done.stderr


def test_a_game_that_was_not_played_closes(made: Path) -> None:
    asyncio.run(TextWorldGame(made).close())


def test_playing_prints_nothing_and_leaves_the_command_line_alone(
    made: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = list(sys.argv)
    asyncio.run(_replayed(made))
    assert capfd.readouterr() == ("", "")
    assert sys.argv == arguments
