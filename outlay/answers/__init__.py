"""What the final answer in a text is, when two answers are one, and who wins a vote."""

from outlay.answers.equality import same
from outlay.answers.marks import FINAL_ANSWER, Extracted, Kind, asked, extract, find
from outlay.answers.normal import normalise
from outlay.answers.votes import Vote, tally

__all__ = [
    "FINAL_ANSWER",
    "Extracted",
    "Kind",
    "Vote",
    "asked",
    "extract",
    "find",
    "normalise",
    "same",
    "tally",
]
