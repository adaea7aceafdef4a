"""Writing the report of a policy, and showing what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.bench.tiers.logs import open_log
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import paper, say
from outlay.errors import ConfigurationError
from outlay.private_files import make_directory, write
from outlay.routers.tiers import LearnedRouter

if TYPE_CHECKING:
    from outlay.bench.tiers.findings import Findings
    from outlay.bench.tiers.learnt import Learnt
    from outlay.cli.train_router.order import ReportOrder

LEAST_WIDTH: Final = 112
"""Columns that the table takes."""
PAGE: Final = "report.html"
TABLE: Final = "routers.csv"


def write_report(order: ReportOrder) -> int:
    """Write pictures, page and table; print the table and the sentences. Gives the exit status."""
    try:
        from outlay.bench.tiers.comparing import compare  # noqa: PLC0415 - an extra
        from outlay.bench.tiers.learnt import read_learnt  # noqa: PLC0415
        from outlay.bench.tiers.page import write_page  # noqa: PLC0415
        from outlay.bench.tiers.table import write_table  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise ConfigurationError(f"a report needs {exc.name}: pip install 'outlay[bench]'") from exc
    learnt = read_learnt(order.policy)
    router = LearnedRouter.load(order.policy)
    log = open_log(order.log)
    found = compare(router, learnt, log, None if order.test is None else open_log(order.test))
    pictures = draw(found, learnt)
    try:
        make_directory(order.out)
        for name, picture in pictures.items():
            write(order.out / name, picture)
        write_table(found, order.out / TABLE)
        write_page(found, learnt, pictures, order.out / PAGE)
    except OSError as exc:
        raise ConfigurationError(f"{order.out} cannot be written ({exc.strerror}): check --out") from exc
    written = [str(order.out / name) for name in (PAGE, TABLE, *pictures)]
    if order.as_json:
        print_json({**found.model_dump(mode="json"), "written": written})
    else:
        show(found)
        say(f"written: {', '.join(written)}")
    return ANSWERED


def draw(found: Findings, learnt: Learnt) -> dict[str, bytes]:
    """Draw everything: PNG by file name."""
    from outlay.bench.tiers.frontier_picture import frontier_png  # noqa: PLC0415 - matplotlib is an extra
    from outlay.bench.tiers.trade_off_pictures import reward_png, tiers_png  # noqa: PLC0415
    from outlay.bench.tiers.training_picture import training_png  # noqa: PLC0415

    return {
        "frontier.png": frontier_png(found),
        "reward.png": reward_png(found),
        "tiers.png": tiers_png(found),
        "training.png": training_png(learnt),
    }


def show(found: Findings) -> None:
    """Print the table, and what it says in words."""
    from outlay.bench.tiers.table import table  # noqa: PLC0415
    from outlay.bench.tiers.words import sentences  # noqa: PLC0415

    console = paper()
    # In a narrower terminal its lines are folded by the terminal, which loses nothing.
    console.print(table(found), width=max(console.width, LEAST_WIDTH), crop=False, soft_wrap=False)
    for sentence in sentences(found):
        say(sentence)
