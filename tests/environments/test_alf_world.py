"""ALFWorld's rules and words, in rooms made here; and its own games, where a folder of them is named."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from environments.houses import LOOK, PLACE, TWICE, house

from outlay import ConfigurationError
from outlay.environments import (
    AlfWorldExpert,
    AlfWorldGame,
    Episode,
    OneStep,
    Turn,
    household,
    other_wording,
    play,
    replay,
    tasks,
    text_games,
    walkthrough,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

COOL = PLACE.format(state="(isCool ?o)", thing="Mug", place="Shelf")
SIMPLE = PLACE.format(state="", thing="Pen", place="Drawer")
WAY = (
    "go to shelf 1",
    "take mug 2 from shelf 1",
    "go to fridge 1",
    "cool mug 2 with fridge 1",
    "go to shelf 2",
    "move mug 2 to shelf 2",
)
GOALS = {
    "pick_and_place_simple": (SIMPLE, "put some pen on drawer"),
    "look_at_obj_in_light": (LOOK.format(thing="Pen"), "look at pen under the desklamp"),
    "pick_cool_then_place_in_recep": (COOL, "put a cool mug in shelf"),
    "pick_two_obj_and_place": (TWICE.format(thing="Mug", place="Desk"), "put two mug in desk"),
}
"""A game of each kind whose furniture is in the room."""


@pytest.fixture
def cool(tmp_path: Path) -> Path:
    return house(tmp_path / "cool" / "trial", *GOALS["pick_cool_then_place_in_recep"], walkthrough=WAY)


async def _turns(path: Path, *actions: str) -> list[Turn]:
    async with AlfWorldGame(path) as game:
        return [await game.reset(), *[await game.step(action) for action in actions]]


async def _replayed(path: Path, actions: Sequence[str], **options: Any) -> Episode:
    async with AlfWorldGame(path, **options) as game:
        return await replay(game, actions)


def test_the_walkthrough_wins_and_gives_what_was_seen_and_done(cool: Path) -> None:
    episode = asyncio.run(_replayed(cool, walkthrough(cool)))
    assert episode.success is True
    assert (episode.task, episode.goal) == ("cool/trial", "put a cool mug in shelf")
    assert [step.action for step in episode.steps] == list(WAY)
    assert episode.steps[1].observation == "You arrive at shelf 1. On the shelf 1, you see a mug 2."


def test_what_is_seen_first_has_neither_banner_nor_goal(cool: Path) -> None:
    first = asyncio.run(_turns(cool))[0]
    assert first.observation == (
        "You are in the middle of a room. Looking quickly around you, you see a desk 1, a drawer 1, "
        "a fridge 1, a shelf 2, and a shelf 1."
    )


def test_only_admissible_actions_do_something_however_they_are_spelled(cool: Path) -> None:
    first, nothing, there = asyncio.run(_turns(cool, "go to moon 1", " Go to  Shelf 1"))
    assert first.admissible is not None
    assert "go to shelf 1" in first.admissible
    assert nothing.observation == "Nothing happens."
    assert "take mug 2 from shelf 1" in (there.admissible or ())


@pytest.mark.parametrize(
    "wording", ["put mug 2 in/on shelf 2", "Put mug 2 on shelf 2", "place mug 2 in shelf 2"]
)
def test_the_wording_of_older_versions_is_understood(cool: Path, wording: str) -> None:
    taken, put = asyncio.run(
        _turns(cool, "go to shelf 1", "take mug 2 from shelf 1", "go to shelf 2", wording)
    )[-2:]
    assert "move mug 2 to shelf 2" in (taken.admissible or ())
    assert "You move the mug 2 to the shelf 2" in put.observation


@pytest.mark.parametrize(
    ("action", "other"),
    [
        ("put book 1 in/on sofa 1", "move book 1 to sofa 1"),
        ("place book 1 into box 1", "move book 1 to box 1"),
        ("move book 1 to sofa 1", "put book 1 in/on sofa 1"),
        ("go to sofa 1", None),
        ("put book 1", None),
    ],
)
def test_putting_has_two_wordings(action: str, other: str | None) -> None:
    assert other_wording(action) == other


def test_winning_is_rewarded_once_and_ends_the_episode(cool: Path) -> None:
    turns = asyncio.run(_turns(cool, *WAY))
    assert [turn.reward for turn in turns] == [0, 0, 0, 0, 0, 0, 1]
    assert [turn.done for turn in turns] == [False] * 6 + [True]
    assert turns[-1].success is True


def test_the_step_cap_ends_the_episode_lost(cool: Path) -> None:
    episode = asyncio.run(_replayed(cool, WAY, max_steps=3))
    assert (len(episode.steps), episode.success) == (3, False)


def test_a_reset_begins_again_and_a_step_after_the_end_is_refused(cool: Path) -> None:
    async def again() -> tuple[Turn, Turn]:
        async with AlfWorldGame(cool) as game:
            first = await game.reset()
            await replay(game, WAY)
            with pytest.raises(ConfigurationError, match="`reset`"):
                await game.step("look")
            return first, await game.reset()

    first, second = asyncio.run(again())
    assert first == second


def test_games_open_at_once_do_not_mix_and_hand_the_planner_on(cool: Path, tmp_path: Path) -> None:
    simple = house(tmp_path / "simple", *GOALS["pick_and_place_simple"])
    way = [
        "go to desk 1",
        "take pen 1 from desk 1",
        "go to drawer 1",
        "open drawer 1",
        "move pen 1 to drawer 1",
    ]

    async def both() -> list[Episode]:
        return list(await asyncio.gather(_replayed(cool, WAY), _replayed(simple, way)))

    assert [episode.success for episode in asyncio.run(both())] == [True, True]
    loaded = len(text_games._IDLE)
    assert [episode.success for episode in asyncio.run(both())] == [True, True]
    assert len(text_games._IDLE) == loaded


@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind in GOALS for seed in (None, 1, 2)])
def test_the_expert_wins_alone_and_after_ten_actions_at_random(
    kind: str, seed: int | None, tmp_path: Path
) -> None:
    path = house(tmp_path, *GOALS[kind])

    async def finished() -> bool | None:
        async with AlfWorldGame(path, max_steps=60) as game:
            turn, random, expert = await game.reset(), Random(seed), AlfWorldExpert()  # noqa: S311
            for _ in range(0 if seed is None else 10):
                turn = turn if turn.done else await game.step(random.choice(turn.admissible or ()))
            while not turn.done:
                turn = await game.step(await expert.act(game, turn))
            return turn.success

    assert asyncio.run(finished()) is True


def test_the_expert_does_the_same_for_the_same_seed(cool: Path) -> None:
    async def played() -> list[str]:
        async with AlfWorldGame(cool) as game:
            return [step.action for step in (await play(game, AlfWorldExpert(seed=3))).steps]

    assert asyncio.run(played()) == asyncio.run(played())


def test_one_expert_follows_several_games_and_begins_anew_with_an_episode(cool: Path, tmp_path: Path) -> None:
    expert = AlfWorldExpert()
    other = house(tmp_path / "two", *GOALS["pick_two_obj_and_place"])

    async def played() -> list[bool | None]:
        async with AlfWorldGame(cool) as one, AlfWorldGame(other) as two:
            episodes = await asyncio.gather(play(one, expert), play(two, expert))
            return [episode.success for episode in (*episodes, await play(one, expert))]

    assert asyncio.run(played()) == [True, True, True]


def test_the_expert_plays_nothing_else(cool: Path) -> None:
    turn = Turn(observation="")
    with pytest.raises(ConfigurationError, match="AlfWorldGame"):
        asyncio.run(AlfWorldExpert().act(OneStep("Why?"), turn))
    with pytest.raises(ConfigurationError, match="AlfWorldGame"):
        asyncio.run(AlfWorldExpert().act(AlfWorldGame(cool), turn))


@pytest.mark.parametrize("kind", GOALS)
def test_what_is_asked_for_is_read_from_the_problem(kind: str, tmp_path: Path) -> None:
    found = household(house(tmp_path, *GOALS[kind]))
    assert found.type == kind
    assert found.thing in {"Mug", "Pen"}
    assert (found.place or found.lamp) in {"Shelf", "Drawer", "Desk", "DeskLamp"}


def test_tasks_are_listed_by_split_and_type(tmp_path: Path) -> None:
    named = "pick_two_obj_and_place-Mug-None-Desk-1"
    house(tmp_path / "train" / named / "trial_1", *GOALS["pick_two_obj_and_place"])
    house(tmp_path / "train", *GOALS["look_at_obj_in_light"], name="light")
    house(tmp_path / "valid" / "b", *GOALS["pick_and_place_simple"])
    everything = tasks(tmp_path)
    assert [game.task for game in everything] == ["light", f"{named}/trial_1", "valid/b"]
    assert [game.type for game in tasks(tmp_path, split="train", types=["look_at_obj_in_light"])] == [
        "look_at_obj_in_light"
    ]


def test_a_list_of_tasks_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        tasks(tmp_path, split="train")
    with pytest.raises(ConfigurationError, match="no file"):
        tasks(tmp_path)
    with pytest.raises(ConfigurationError, match="juggle"):
        tasks(tmp_path, types=["juggle"])  # type: ignore[list-item]


def _damaged(good: dict[str, Any]) -> dict[str, str]:
    problem = good["pddl_problem"]
    return {
        "empty": "",
        "a list": "[]",
        "no domain": "{}",
        "cut problem": json.dumps(good | {"pddl_problem": problem[: len(problem) // 2]}),
        "unknown predicate": json.dumps(good | {"pddl_problem": problem.replace("coolable", "foolable")}),
        "no grammar": json.dumps(good | {"grammar": "nothing"}),
    }


@pytest.mark.parametrize(
    "damage", ["empty", "a list", "no domain", "cut problem", "unknown predicate", "no grammar"]
)
def test_a_damaged_game_is_refused(cool: Path, damage: str) -> None:
    cool.write_text(_damaged(json.loads(cool.read_text()))[damage])
    with pytest.raises(ConfigurationError, match="cannot be played"):
        asyncio.run(_turns(cool))


def test_a_goal_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = house(tmp_path, "(opened Fridge_bar_1)", "open the fridge")
    with pytest.raises(ConfigurationError, match="six kinds"):
        household(path)


def test_playing_prints_nothing_and_leaves_the_command_line_alone(
    cool: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = list(sys.argv)
    assert asyncio.run(_replayed(cool, WAY)).success
    assert capfd.readouterr() == ("", "")
    assert sys.argv == arguments


@pytest.mark.skipif("OUTLAY_ALFWORLD" not in os.environ, reason="OUTLAY_ALFWORLD names no folder of games")
def test_the_walkthroughs_of_real_games_win() -> None:
    games = tasks(Path(os.environ["OUTLAY_ALFWORLD"]))
    for game in games[:: max(1, len(games) // 6)][:6]:
        episode = asyncio.run(_replayed(game.path, walkthrough(game.path)))
        assert episode.success, game.task
        assert episode.goal
