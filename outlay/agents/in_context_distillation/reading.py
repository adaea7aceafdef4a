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
    answered = [sample for sample in samples if sample.error is None]
    return (readable or answered or [Sample()])[0]


def usable(samples: Sequence[Sample]) -> bool:
    """Whether any sample came."""
    return any(sample.error is None for sample in samples)


def unread(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Say how many samples came to nothing."""
    failed = sum(sample.error is not None for sample in samples)
    cut = sum(sample.cut for sample in samples)
    notes = [
        f"{failed} of {len(samples)} samples failed" if failed else "",
        f"{cut} of {len(samples)} samples were cut short at their token limit" if cut else "",
    ]
    return tuple(filter(None, notes))


def noted(*notes: Iterable[str]) -> tuple[str, ...]:
    """Join notes, each said once."""
    return tuple(dict.fromkeys(note for some in notes for note in some))
