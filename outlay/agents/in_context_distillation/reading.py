"""What the samples of a step come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.agents.in_context_distillation.state import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from outlay.routers.cascade import Verdict


def chosen(samples: Sequence[Sample], found: Verdict | None) -> Sample:
    """Give the sample to act on: of the leading action the first, else whatever can be read at all."""
    if found is not None and found.chosen is not None:
        return samples[found.chosen]
    readable = [sample for sample in samples if sample.action]
    worded = [sample for sample in samples if worded_action(sample)]
    return (readable or worded or [Sample()])[0]


def worded_action(sample: Sample) -> str:
    """Give what is done on a sample: its action, or its words where they are whole but none that is known."""
    return sample.action or ("" if sample.cut else sample.text.strip())


def usable(samples: Sequence[Sample]) -> bool:
    """Whether any sample came."""
    return any(sample.error is None for sample in samples)


def unread(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Say how many of a step's samples came to nothing; to be asked when the last one is drawn."""
    errors = [sample.error for sample in samples if sample.error is not None]
    cut = sum(sample.cut for sample in samples)
    notes = [
        f"{len(errors)} of {len(samples)} samples failed ({errors[0]})" if errors else "",
        f"{cut} of {len(samples)} samples were cut short at their token limit" if cut else "",
    ]
    return tuple(filter(None, notes))


def unpaid(samples: int, n: int) -> str:
    """Say that the budget ended before the samples of a step could decide."""
    return f"the budget paid for {samples} of {n} samples: whether they agree is not known"


def shortened(samples: Sequence[Sample], cap: int) -> tuple[str, ...]:
    """Say that the budget cut samples; one that ended by itself lost nothing to a small cap."""
    return (f"the budget paid for {cap} tokens a sample",) if any(s.cut for s in samples) else ()


def noted(*notes: Iterable[str]) -> tuple[str, ...]:
    """Join notes, each said once."""
    return tuple(dict.fromkeys(note for some in notes for note in some))
