"""A policy as a router: what it picks, what it refuses, and that it comes back from the disk."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
from routers.tiers.worlds import DIMENSION, Vectors, designed

from outlay.errors import ConfigurationError, PolicyError
from outlay.memory.modules.routing import DESCRIPTIONS, MODULES, Decision
from outlay.routers.tiers import Card, Features, LearnedRouter, support

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from outlay.routers.tiers import Episode


def card(**changes: Any) -> Card:
    facts: dict[str, Any] = {
        "features": Features(dimension=DIMENSION, trade_off=True),
        "embedder": "toy",
        "hidden": 16,
        "trade_offs": (0.0, 0.9),
    }
    return Card(**facts | changes)


def router(**changes: Any) -> LearnedRouter:
    described = torch.from_numpy(Vectors().embed(list(DESCRIPTIONS.values())))
    return LearnedRouter(card(**changes).new(described), card(**changes))


def decisions(count: int = 40, **changes: Any) -> list[Decision]:
    rows = np.random.default_rng(3).standard_normal((count, 2, DIMENSION)).astype(np.float32)
    facts = {"trade_off": 0.3} | changes
    return [Decision(MODULES[n % 5], *pair, **facts) for n, pair in enumerate(rows)]


def test_a_batch_is_decided_as_each_alone() -> None:
    alone = [router().choose(decision) for decision in decisions()]
    together = router().choose_all(decisions())
    assert [c.tier for c in alone] == [c.tier for c in together]
    assert [c.probability for c in alone] == pytest.approx([c.probability for c in together], abs=1e-6)
    assert min(c.probability for c in alone) >= 1 / 3
    assert router().choose_all([]) == ()


def test_one_that_draws_says_how_likely_each_draw_was_and_repeats_itself_by_seed() -> None:
    first, again, other = (router().sampling(seed).choose_all(decisions()) for seed in (1, 1, 2))
    assert first == again != other
    best = {c.probability for c in router().choose_all(decisions())}
    assert any(c.probability not in best for c in first)


def test_the_trade_off_is_read_where_the_policy_was_told_it() -> None:
    told, same = router(), router(features=Features(dimension=DIMENSION))
    at = [
        [c.probability for c in r.choose_all(decisions(trade_off=t))]
        for r in (told, same)
        for t in (0.0, 0.9)
    ]
    assert at[0] != at[1]
    assert at[2] == at[3]


def test_a_saved_router_comes_back_as_it_was(tmp_path: Path) -> None:
    made = router()
    made.save(tmp_path / "policy.pt")
    loaded = LearnedRouter.load(tmp_path / "policy.pt", embedder=Vectors())
    assert loaded.card == made.card
    assert loaded.choose_all(decisions()) == made.choose_all(decisions())
    assert [path.name for path in tmp_path.iterdir()] == ["policy.pt"]
    with pytest.raises(ConfigurationError, match="check that its folder exists"):
        made.save(tmp_path / "nowhere" / "policy.pt")


@pytest.mark.parametrize(
    ("embedder", "said"),
    [(Vectors(name="other"), "'other'"), (Vectors(dimension=9), "of\\s+9")],
    ids=["another embedder", "another dimension"],
)
def test_a_policy_is_refused_with_an_embedder_it_does_not_know(
    tmp_path: Path, embedder: Vectors, said: str
) -> None:
    router().save(tmp_path / "policy.pt")
    with pytest.raises(PolicyError, match=f"trained with 'toy' of {DIMENSION}.*{said}"):
        LearnedRouter.load(tmp_path / "policy.pt", embedder=embedder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"modules": MODULES[::-1]}, "decides for summary"),
        ({"version": 99}, "another version"),
        ({"hidden": 32}, "cannot be read|not hold"),
        ({"features": Features(dimension=DIMENSION)}, "not hold"),
    ],
    ids=["other modules", "another version", "another width", "other features"],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    made = router()
    LearnedRouter(made.policy, card(**changes)).save(tmp_path / "policy.pt")
    with pytest.raises(PolicyError, match=said):
        LearnedRouter.load(tmp_path / "policy.pt")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def scribble(path: Path) -> None:
    path.write_bytes(b"no policy at all")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def other(path: Path) -> None:
    torch.save({"weights": [1, 2]}, path)


def run_code(path: Path) -> None:
    torch.save(Runs(), path)


class Runs:
    """Would run code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('code in a checkpoint was run')",)


@pytest.mark.parametrize("harm", [cut, scribble, empty, other, run_code, lambda path: path.unlink()])
def test_a_damaged_policy_is_refused_and_nothing_in_it_is_run(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    router().save(tmp_path / "policy.pt")
    harm(tmp_path / "policy.pt")
    with pytest.raises(PolicyError, match=r"policy\.pt"):
        LearnedRouter.load(tmp_path / "policy.pt")


def test_decisions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PolicyError, match=r"trained for 0 to 0\.9"):
        router().choose(decisions(trade_off=1.5)[0])
    short = np.ones(DIMENSION - 1, np.float32)
    with pytest.raises(PolicyError, match="embedder it was trained with"):
        router().choose(Decision("filter", short, short))
    whole = np.ones(DIMENSION, np.float32)
    with pytest.raises(PolicyError, match="no module other"):
        router().choose(Decision("other", whole, whole))  # type: ignore[arg-type]


def test_a_log_of_its_own_draws_weighs_one_each() -> None:
    own, episodes = router(), designed(range(6))
    likely = own.log_likelihoods(episodes, 0.3)
    drawn = [
        e.model_copy(update={"behaviour": float(np.exp(c))}) for e, c in zip(episodes, likely, strict=True)
    ]
    told = support(own, drawn, 0.3)
    assert told.effective_sample_size == pytest.approx(len(drawn))
    assert told.greatest_weight == told.coverage == pytest.approx(1.0)
    assert (told.episodes, told.questions) == (72, 6)


class Says(NamedTuple):
    """What a router would draw, and take, of the runs of a log."""

    likely: Sequence[float]
    greedy: Sequence[bool]

    def log_likelihoods(self, _episodes: Sequence[Episode], _trade_off: float) -> NDArray[np.float64]:
        return np.log(self.likely)

    def is_greedy(self, _episodes: Sequence[Episode], _trade_off: float) -> NDArray[np.bool_]:
        return np.array(self.greedy)


def test_an_uneven_log_is_worth_fewer_episodes() -> None:
    """Two questions at two vectors each: weights of 1.2, 0.4, 0.4, 0 to draw, and 2, 0, 0, 0 to take."""
    log = designed(range(2), [(0, 0, 0, 0, 0), (2, 2, 2, 2, 2)])
    told = support(Says((0.6, 0.2, 0.2, 1e-12), (True, False, False, False)), log, 0.3)
    assert told.effective_sample_size == pytest.approx(2.0**2 / (1.44 + 0.16 + 0.16))
    assert told.coverage == pytest.approx(0.5)
    assert told.greatest_weight == pytest.approx(1.2)
    assert (told.run, told.run_sample_size) == (0.5, 1.0)


def test_a_policy_by_dice_is_hardly_covered_by_a_design_however_even_its_weights_are() -> None:
    """Twelve of 243 vectors were run: the weights are even, and most of what it draws was never seen."""
    log = designed(range(32))
    told = support(Says([1 / 243] * len(log), [False] * len(log)), log, 0.3)
    assert told.effective_sample_size == pytest.approx(len(log))
    assert told.coverage == pytest.approx(12 / 243)
    assert (told.run, told.thin) == (0.0, True)


def test_where_every_question_was_run_at_the_likeliest_tiers_the_log_is_worth_all_of_them() -> None:
    log = designed(range(32))
    first = [e.tiers == log[0].tiers for e in log]
    told = support(Says([0.9 if one else 1e-3 for one in first], first), log, 0.3)
    assert told.run == pytest.approx(1.0)
    assert told.run_sample_size == pytest.approx(32)
    assert not told.thin
    assert support(Says([1e-3] * len(log), first), log, 0.3).thin


def test_a_run_is_greedy_where_the_router_picks_each_of_its_tiers() -> None:
    own, log = router(), designed(range(3), [*product(range(3), repeat=5)])
    picked = [tuple(own.choose(e.decision(place, 0.3)).tier for place in range(5)) == e.tiers for e in log]
    assert own.is_greedy(log, 0.3).tolist() == picked
    assert sum(picked) == 3
