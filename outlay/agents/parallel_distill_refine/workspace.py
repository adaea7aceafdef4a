"""What is left of a round for the next one: drafts, what distils them, and a workspace within its bound."""

from __future__ import annotations

import json
import re
from random import Random
from typing import TYPE_CHECKING, Any, Final

from outlay.agents.parallel_distill_refine.prompts import BETWEEN, FOUND, attempts, with_flaws
from outlay.agents.parallel_distill_refine.shape import writes
from outlay.budget import Record, Usage
from outlay.errors import OutlayError
from outlay.outcome import StopReason
from outlay.prompts import delimited
from outlay.reading import LONGEST_TEXT, integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.agents.parallel_distill_refine.shape import Operator
    from outlay.model import Completion

_AROUND: Final = len(delimited("attempt", "", 99))
"""Of a draft, the most tokens of the tags around it: a token a character, at most."""
_JSON: Final = re.compile(r"""["']?picks["']?\s*+:\s*+\[([^\]]*+)""")
_NUMBER: Final = re.compile(r"\d+")


class Draft(Record):
    """s, one attempt at the question; its solution only, never its thinking."""

    round: int
    """r, counted from 0."""
    text: str = ""
    value: str | None = None
    """The extracted answer; `None` abstains from votes."""
    tokens: int = 0
    """Of `text`, at most."""
    cut: bool = False
    """Whether it, or its thinking, was cut short at its token limit, or is empty."""
    error: str | None = None
    """Why there is none."""
    refused: StopReason | None = None
    """Which end of the budget it met, where that is why."""
    usage: Usage = Usage()
    """Its own call, the prompt in full also where others shared it."""

    @property
    def usable(self) -> bool:
        """Whether it may enter a workspace."""
        return bool(self.text.strip()) and not self.cut


class Distilled(Record):
    """What a distilling call gave: a text or picks, or what was wrong with it."""

    text: str = ""
    """A summary, or an analysis."""
    tokens: int = 0
    """Of `text`, at most."""
    beside: bool = False
    """Whether `text` is an analysis, which stands beside the draft; a summary stands for all of them."""
    picks: tuple[int, ...] = ()
    """Places of the drafts it chose, counted from 0."""
    problem: str | None = None
    """What was wrong with the reply."""


class Workspace(Record):
    """C, what a child sees of the round before."""

    text: str = ""
    """Empty: nothing; its prompt is the plain one."""
    drafts: int = 0
    """How many stand in it verbatim; 0: it is a summary."""
    tokens: int = 0
    """Of `text`, at most."""


def composed(
    drafts: Sequence[Draft], distilled: Sequence[Distilled], k: int, kappa: int, dice: Sequence[Random]
) -> tuple[Workspace, ...]:
    """Make the workspaces of the next round's children, of at most kappa tokens each.

    Args:
        drafts: The usable ones of the round.
        distilled: What a model made of them for each child, if one was asked; where there is nothing usable
            in it, drafts are drawn at random.
        k: How many.
        kappa: The bound.
        dice: Of each child; they draw drafts, and put them in an order: what stands first or last weighs
            more with a model.
    """
    given = [*distilled, *[None] * len(dice)]
    return tuple(compose(drafts, said, k, kappa, throws) for said, throws in zip(given, dice, strict=False))


def compose(
    drafts: Sequence[Draft], distilled: Distilled | None, k: int, kappa: int, dice: Random
) -> Workspace:
    """Make one workspace; see `composed`."""
    if distilled and distilled.text and not distilled.beside:
        return Workspace(text=distilled.text, tokens=distilled.tokens)
    if distilled and distilled.text:
        size = distilled.tokens + drafts[0].tokens + len(FOUND) + 2 * _AROUND
        if size <= kappa:
            return Workspace(text=with_flaws(drafts[0].text, distilled.text), drafts=1, tokens=size)
    places = distilled.picks if distilled and distilled.picks else drawn(len(drafts), k, dice)
    return _of_drafts([drafts[place] for place in dice.sample(places, len(places))], kappa)


def _of_drafts(drafts: Sequence[Draft], kappa: int) -> Workspace:
    """Set drafts one below the other, as many whole ones as the bound lets in."""
    kept: list[Draft] = []
    used = 0
    for draft in drafts:
        size = draft.tokens + _AROUND + len(BETWEEN)
        if used + size <= kappa:
            kept.append(draft)
            used += size
    text = attempts([draft.text for draft in kept]) if kept else ""
    return Workspace(text=text, drafts=len(kept), tokens=used)


def drawn(count: int, k: int, random: Random) -> tuple[int, ...]:
    """Draw k of `count` places, without replacement, in random order; all where there are fewer."""
    return tuple(random.sample(range(count), min(k, count)))


def chance(seed: int | None, question: str, *where: int) -> Random:
    """Give the dice of one place in a run: the same seed, question and place, the same throws."""
    return Random(json.dumps([seed or 0, question, *where]))  # noqa: S311 - no secret


def picks_schema(count: int, k: int) -> dict[str, Any]:
    """Give the JSON schema of a selector's reply."""
    number = {"type": "integer", "minimum": 1, "maximum": count}
    picks = {"type": "array", "items": number, "minItems": k, "maxItems": k}
    return {
        "type": "object",
        "properties": {"picks": picks},
        "required": ["picks"],
        "additionalProperties": False,
    }


def read_distilled(
    said: Completion | OutlayError, operator: Operator, order: Sequence[int], k: int, kappa: int, dice: Random
) -> Distilled:
    """Read a distilling call's reply.

    Args:
        said: The reply, or the error in its place.
        operator: What was asked for.
        order: The places of the drafts as they stood in the prompt.
        k: How many of them were to be chosen.
        kappa: The workspace's bound, which what is written must keep.
        dice: Fill up what a choice leaves open.
    """
    if isinstance(said, OutlayError):
        return Distilled(problem=f"distilling failed ({said}): drafts at random")
    if not writes(operator):
        picks, problem = read_picks(said.text, len(order), k, dice)
        return Distilled(picks=tuple(order[pick] for pick in picks), problem=problem)
    text, what = said.text.strip(), "analysis" if operator == "error-analysis" else "summary"
    tokens = said.usage.output_tokens - said.usage.reasoning_tokens
    if said.is_cut or not text or tokens > kappa:
        without = "the draft alone" if operator == "error-analysis" else "drafts at random"
        return Distilled(problem=f"the {what} was cut short, empty or too long: {without}")
    return Distilled(text=text, tokens=tokens, beside=operator == "error-analysis")


def read_picks(text: str, count: int, k: int, dice: Random) -> tuple[tuple[int, ...], str | None]:
    """Read a selector's reply: its JSON, or else the last numbers it names; the dice fill up the rest.

    Returns:
        k places of `count`, counted from 0, none twice; and what was wrong with the reply, if anything.
    """
    text = text[:LONGEST_TEXT]
    found = _JSON.search(text)
    numbers = [integer(digits) or 0 for digits in _NUMBER.findall(found[1] if found else text)]
    valid = tuple(dict.fromkeys(number - 1 for number in numbers if 1 <= number <= count))
    valid = valid[:k] if found else valid[-k:]
    missing = k - len(valid)
    if found and not missing:
        return valid, None
    rest = [place for place in range(count) if place not in valid]
    picks = (*valid, *dice.sample(rest, missing))
    if missing:
        return picks, f"the selector chose {len(valid)} drafts instead of {k}: filled up at random"
    return picks, "the selector gave no JSON: the last drafts it names are taken"
