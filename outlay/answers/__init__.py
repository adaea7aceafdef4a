"""What the final answer in a text is, when two answers are one, and who wins a vote."""

from outlay.answers.equality import same
from outlay.answers.marks import FINAL_ANSWER, MARKED, Extracted, Kind, asked, boxed_answer, extract, find
from outlay.answers.normal import normalise
from outlay.answers.votes import Vote, tally

__all__ = [
    "FINAL_ANSWER",
    "MARKED",
    "Extracted",
    "Kind",
    "Vote",
    "asked",
    "boxed_answer",
    "extract",
    "find",
    "normalise",
    "same",
    "tally",
]
