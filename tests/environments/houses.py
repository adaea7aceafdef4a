"""Small rooms for ALFWorld's own rules and words, made by the tests."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLACE = """(exists (?r - receptacle) (exists (?o - object) (and {state}
  (objectType ?o {thing}Type) (receptacleType ?r {place}Type) (inReceptacle ?o ?r))))"""
TWICE = """(exists (?r - receptacle) (exists (?o1 - object) (and
  (objectType ?o1 {thing}Type) (receptacleType ?r {place}Type) (inReceptacle ?o1 ?r)
  (exists (?o2 - object) (and (not (= ?o1 ?o2)) (objectType ?o2 {thing}Type) (receptacleType ?r {place}Type)
  (inReceptacle ?o2 ?r))))))"""
LOOK = """(exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and (objectType ?ot DeskLampType)
  (toggleable ?ot) (isToggled ?ot) (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r)))
  (exists (?o - object ?a - agent) (and (objectType ?o {thing}Type) (holds ?a ?o)))"""

FURNITURE = ("Shelf_bar_1", "Shelf_bar_2", "Drawer_bar_1", "Fridge_bar_1", "Desk_bar_1")
THINGS = {
    "Mug_bar_1": "Shelf_bar_2",
    "Mug_bar_2": "Drawer_bar_1",
    "DeskLamp_bar_1": "Desk_bar_1",
    "Pen_bar_1": "Desk_bar_1",
}
OPENABLE = {"Drawer", "Fridge"}


def need_games() -> None:
    """Skip the test where the extra `alfworld` is not installed: `[all]` does not bring it."""
    if find_spec("textworld") is None or find_spec("alfworld") is None:
        pytest.skip("needs pip install 'outlay[alfworld]'")


def house(
    folder: Path,
    goal: str,
    words: str,
    *,
    name: str = "game",
    walkthrough: Sequence[str] = (),
    things: Mapping[str, str] = THINGS,
    furniture: Sequence[str] = FURNITURE,
) -> Path:
    """Write a game of one room, with a goal in PDDL and in words, and give its path."""
    need_games()
    spec = find_spec("alfworld")
    data = Path(spec.submodule_search_locations[0]) / "data"  # type: ignore[union-attr,index]
    game = {
        "pddl_domain": (data / "alfred.pddl").read_text(),
        "grammar": (data / "alfred.twl2").read_text().replace("UNKNOWN GOAL", words),
        "pddl_problem": problem(goal, things, furniture),
        "solvable": True,
        "walkthrough": list(walkthrough),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.tw-pddl"
    path.write_text(json.dumps(game))
    return path


def problem(goal: str, things: Mapping[str, str], furniture: Sequence[str]) -> str:
    kinds, places = sorted({_kind(t) for t in things}), sorted({_kind(f) for f in furniture})
    at = {place: f"loc_bar_{index}" for index, place in enumerate(furniture, 1)}
    objects = [
        "agent1 - agent",
        "loc_bar_0 - location",
        *(f"{where} - location" for where in at.values()),
        *(f"{thing} - object" for thing in things),
        *(f"{place} - receptacle" for place in furniture),
        *(f"{kind}Type - otype" for kind in kinds),
        *(f"{kind}Type - rtype" for kind in places),
    ]
    facts = [
        "(atLocation agent1 loc_bar_0)",
        *(f"(receptacleAtLocation {place} {where})" for place, where in at.items()),
        *(f"(receptacleType {place} {_kind(place)}Type)" for place in furniture),
        *(f"(openable {place})" for place in furniture if _kind(place) in OPENABLE),
        *(f"(objectType {thing} {_kind(thing)}Type)" for thing in things),
        *(f"(objectAtLocation {thing} {at[place]})" for thing, place in things.items()),
        *(f"(inReceptacle {thing} {place})" for thing, place in things.items()),
        *(f"(pickupable {thing})" for thing in things if _kind(thing) != "DeskLamp"),
        *(f"(toggleable {thing})" for thing in things if _kind(thing) == "DeskLamp"),
        *(f"(coolable {thing})" for thing in things),
        *(f"(canContain {place}Type {kind}Type)" for place in places for kind in kinds),
    ]
    return (
        f"(define (problem small) (:domain alfred) (:objects {' '.join(objects)}) "
        f"(:init {' '.join(facts)}) (:goal (and {goal})))"
    )


def _kind(name: str) -> str:
    return name.partition("_bar_")[0]
