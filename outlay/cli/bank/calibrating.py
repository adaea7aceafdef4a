"""Choosing a cascade on a user's own questions, and saying in plain words whether it pays."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from outlay.agents.in_context_distillation import Config
from outlay.agents.spec import canonical
from outlay.bench.directory import Directory
from outlay.bench.manifest import shown_model
from outlay.bench.scoring import lasting_scorer, scoring
from outlay.bench.simulation import is_simulated
from outlay.budget import Budget
from outlay.cli.bank.collecting import RIGHT
from outlay.cli.bank.observing import Cut, Observing
from outlay.cli.bank.opening import open_bank
from outlay.cli.bank.order import read_model, read_questions
from outlay.cli.bill import dollars
from outlay.cli.exits import ANSWERED, WRONG, print_json
from outlay.cli.live import paper, say
from outlay.cli.progress import LongCommand, Progress, kept_in
from outlay.cli.spending import lasting
from outlay.errors import ConfigurationError
from outlay.model import Model
from outlay.routers.cascade import calibrate
from outlay.routers.cascade.calibration import LEAST, Asked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from outlay.bench.items import Item
    from outlay.cli.bank.order import CalibrateOrder
    from outlay.cli.spending import Spending
    from outlay.outcome import Outcome
    from outlay.routers.cascade import Calibration, Observation


MOST_CUT: Final = 0.2
"""No advice where more than this part of the questions has an answer that was cut: those that are left are
the ones with short answers."""


@dataclass(frozen=True)
class Trying:
    """A calibration, read."""

    order: CalibrateOrder
    items: tuple[Item, ...]
    scorer: str
    config: Config
    budget: Budget


@dataclass
class ItemsProgress(Progress):
    """How many questions are done, and how often both models are right."""

    student: int = 0
    teacher: int = 0
    cut: int = 0
    """Questions that are left out, since an answer was cut at its token limit."""
    cut_student: int = 0
    """The student's answers that were."""
    cut_teacher: int = 0

    def take(self, observation: Observation | Cut | None) -> None:
        """Take in what was observed."""
        if observation is None:
            self.failed += 1
        elif isinstance(observation, Cut):
            self.cut += 1
            self.cut_student += observation.student
            self.cut_teacher += observation.teacher
        else:
            self.made += 1
            self.student += observation.right[0]
            self.teacher += observation.teacher_right
        self.step()

    def known(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        right = f"; the student was right on {self.student}, the teacher on {self.teacher}"
        cut = (
            f", {self.cut} left out since {self.cut_student} answers of the student and {self.cut_teacher} "
            "of the teacher were cut at their token limit (raise --max-output-tokens)"
        )
        left_out = failed + (cut if self.cut else "")
        return f"{self.made} of {self.records} questions are done{left_out}{right if self.made else ''}"

    @property
    def too_many_cut(self) -> bool:
        """Whether so many answers were cut that the rest is no fair choice of the questions."""
        return self.cut > MOST_CUT * (self.made + self.cut)


def read_calibration(order: CalibrateOrder) -> Trying:
    """Read everything that was asked for; nothing is called yet.

    Raises:
        ConfigurationError: Something in the order is wrong, or SciPy is missing.
    """
    if (order.accuracy is None) == (order.usd is None):
        raise ConfigurationError("say what is wanted: --accuracy SHARE, or --usd DOLLARS, and not both")
    Asked(accuracy=order.accuracy, usd=order.usd, confidence=order.confidence)
    if find_spec("scipy") is None:
        raise ConfigurationError("calibrating needs SciPy: pip install 'outlay[bench]'")
    config, budget = Config(**order.config), Budget(**order.limits)
    items, scorer = read_questions(order.questions)
    if len(items) < LEAST:
        raise ConfigurationError(f"calibrating needs {LEAST} questions or more, not {len(items)}")
    return Trying(order, items, scorer, config, budget)


def run_calibration(order: CalibrateOrder) -> int:
    """Observe what is missing, and say what it comes to. Gives the exit status."""
    trying = read_calibration(order)
    with kept_in(order.out) as (out, kept):
        return _run(trying, out, kept)


def _run(trying: Trying, out: Path, kept: Callable[[], str]) -> int:
    """Run a calibration; `kept` says what one that was cut off leaves."""
    order = trying.order
    names = f"{shown_model(order.student.name)} and {shown_model(order.teacher.name)}"
    progress = ItemsProgress(names, trying.budget)
    command = LongCommand(progress, order.as_json, partial(_facts, order, progress), kept)

    def then(found: Calibration | None) -> int:
        if progress.too_many_cut:
            command.say_how_far("AnswersCut", "no advice, since more than a fifth of the questions were cut")
            return WRONG
        if found is None:
            command.say_how_far("BudgetExhausted", "the limits pay for too few questions: raise them")
            return ANSWERED
        drawn = _draw(found, order)
        if order.as_json:
            print_json({**_told(trying, found), **_facts(order, progress), "picture": drawn})
        else:
            show(trying, found)
            say(f"{progress.known()}; {progress.spending()}." + (f" Written: {drawn}" if drawn else ""))
        return ANSWERED

    return command.run(_calibrated(trying, out, progress), then)


def show(trying: Trying, found: Calibration) -> None:
    """Print the table, and what it means."""
    if simulated(trying.order):
        say("SIMULATED MODEL: these answers are drawn from a formula, and say nothing of a language model.")
    paper().print(str(found), crop=False, soft_wrap=True)
    if found.pays:  # if not, a note above says why
        say(f"In short: {verdict(found)}.")
    if spec := strategy(trying, found):
        say(f"To use it: '{spec}'")


def simulated(order: CalibrateOrder) -> bool:
    """Whether one of the models is no language model."""
    return any(is_simulated(model.name) for model in (order.student, order.teacher))


def verdict(found: Calibration) -> str:
    """Say in plain words whether a cascade pays."""
    if not found.pays:
        return next(remark for remark in found.remarks if "does not pay" in remark)
    held, teacher = found.held_out, found.teacher.figures
    share = 1 - held.usd.value / teacher.usd.value if teacher.usd.value else 0.0
    cost = f"{dollars(round(held.usd.value, 9))} a question"
    than = f"{abs(share):.0%} {'less' if share >= 0 else 'more'} than the teacher alone"
    right = f"right on {held.accuracy.value:.1%} where the teacher is on {teacher.accuracy.value:.1%}"
    return f"a cascade pays here: {found.chosen.name} costs {cost}, {than}, and is {right}"


def strategy(trying: Trying, found: Calibration) -> str | None:
    """Write the strategy that was chosen, as the command line takes it; `None`: the teacher alone."""
    chosen, config = found.chosen, trying.config
    if chosen.who == "teacher alone":
        return None
    said: dict[str, Any] = {"k": config.k, "temperature": config.temperature}
    if chosen.cascade is None:
        said |= {"n": 1, "defer": "never"}
    else:
        said |= {"n": chosen.cascade.n, "rule": chosen.cascade.rule}
        if chosen.cascade.n > 1:  # as it was priced, whatever a longer prompt would make cheaper
            said["waves"] = str(found.in_waves).lower()
    if config.max_output_tokens is not None:
        said["max_output_tokens"] = config.max_output_tokens
    said["bank"] = trying.order.bank
    written = ",".join(f"{name}={value}" for name, value in said.items())
    return canonical(f"in-context-distillation:{written}")


async def _calibrated(trying: Trying, out: Path, progress: ItemsProgress) -> Calibration | None:
    """Observe and choose; `None`: too few items were paid for."""
    order = trying.order
    with ExitStack() as opened:
        bank = opened.enter_context(await asyncio.to_thread(open_bank, order.bank))
        spending = opened.enter_context(lasting(out, trying.budget, name="calibration"))
        progress.begin(len(trying.items), 0, spending.paid)

        def tell(observation: Observation | Cut | None) -> None:
            progress.paid = spending.paid
            progress.take(observation)

        student = read_model(order.student, trying.items, spending.journal)
        observing = Observing(
            student=student,
            teacher=read_model(order.teacher, trying.items, spending.journal),
            bank=bank,
            config=trying.config,
            right=_right(trying, spending),
            spending=spending,
            tell=tell,
        )
        found = await observing.run(trying.items, order.concurrency)
        progress.paid = spending.paid
        if len(found) < LEAST or progress.too_many_cut:
            return None
        return await asyncio.to_thread(
            calibrate,
            found,
            accuracy=order.accuracy,
            usd=order.usd,
            equivalence="answer",
            in_waves=await student.most_samples() == 1,
            confidence=order.confidence,
        )


def _right(trying: Trying, spending: Spending) -> Callable[[Item, Outcome], Awaitable[bool]]:
    def model_named(name: str) -> Model:
        return Model(name, timeout=trying.order.teacher.timeout, replay=spending.journal)

    directory = Directory(spending.directory.path)
    scorer = lasting_scorer(trying.scorer, directory, model_named)

    async def right(item: Item, answer: Outcome) -> bool:
        with scoring(scorer, spending.journal.run(), directory):
            return (await scorer.score(item, answer)).value >= RIGHT

    return right


def _draw(found: Calibration, order: CalibrateOrder) -> str | None:
    """Draw the frontier beside what was generated, where it is kept and matplotlib is there."""
    if order.out is None or find_spec("matplotlib") is None:
        return None
    from outlay.cli.bank.picture import draw_png  # noqa: PLC0415 - an extra

    path = order.out / "frontier.png"
    draw_png(found, path)
    return str(path)


def _told(trying: Trying, found: Calibration) -> dict[str, Any]:
    return {
        **found.model_dump(mode="json"),
        "simulated": simulated(trying.order),
        "chosen_rule": found.chosen.name,
        "pays": found.pays,
        "verdict": verdict(found),
        "remarks": list(found.remarks),
        "strategy": strategy(trying, found),
    }


def _facts(order: CalibrateOrder, progress: ItemsProgress) -> dict[str, Any]:
    return {
        "out": None if order.out is None else str(order.out),
        "questions": progress.records,
        "observed": progress.made,
        "failures": progress.failed,
        "cut": {
            "questions": progress.cut,
            "student": progress.cut_student,
            "teacher": progress.cut_teacher,
        },
        "paid": progress.paid.model_dump(mode="json"),
    }
