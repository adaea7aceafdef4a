"""What the answering model is asked, in words that small models follow."""

from __future__ import annotations

from typing import Final

FROM_NOTES: Final = (
    "Answer the question from the notes in a few words, not in a sentence: only the name, thing, number or "
    "date that is asked for. If the question is when, give day, month and year as far as the notes say, "
    'never "yesterday".\nShort answer:'
)
FROM_NOTHING: Final = (
    "Answer the question in a few words, not in a sentence: only the name, thing, number or date that is "
    "asked for.\nShort answer:"
)


def answer_prompt(question: str, notes: str) -> str:
    """Ask for the answer from what was extracted; from the question alone where that is nothing."""
    if not notes:
        return f"Question: {question}\n\n{FROM_NOTHING}"
    return f"Notes:\n{notes}\n\nQuestion: {question}\n\n{FROM_NOTES}"
