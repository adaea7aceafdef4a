"""What the answering model is asked, in words that small models follow."""

from __future__ import annotations

from typing import Final

FROM_NOTES: Final = (
    "Answer the question from the notes above, in as few words as you can: a name, a date, a number or a "
    "short phrase. Use the words of the notes. No sentence, no explanation."
)
FROM_NOTHING: Final = (
    "Answer in as few words as you can: a name, a date, a number or a short phrase. No sentence, no "
    "explanation."
)


def answer_prompt(question: str, notes: str) -> str:
    """Ask for the answer from what was extracted; from the question alone where that is nothing."""
    if not notes:
        return f"Question: {question}\n\n{FROM_NOTHING}"
    return f"Notes:\n{notes}\n\nQuestion: {question}\n\n{FROM_NOTES}"
