"""A little history, and a model that answers as its modules want it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.budget import Price
from outlay.memory.conversations import Chunk
from outlay.testing import ScriptedModel, prompt

if TYPE_CHECKING:
    from outlay.model import Request

PRICE = Price(input=1, output=2)


def chunk(number: int, text: str, time: str = "") -> Chunk:
    return Chunk(id=number, text=text, time=time, session="", tokens=len(text.split()), cut=False)


CHUNKS = (
    chunk(
        1,
        "Ann: I went to a pottery class yesterday with my sister.\n"
        "Bob: Great! I'm moving to Oslo next month.",
        "1:56 pm on 8 May, 2023",
    ),
    chunk(
        2,
        "Bob: My dog broke a vase two weeks ago.\n"
        "Ann: By the way, Mia's shop sells vases. I bought two in 2019.",
        "9:00 am on 20 May, 2023",
    ),
    chunk(3, "Ann: The weather has been lovely.\nBob: We should have a picnic.", "9:00 am on 21 May, 2023"),
    chunk(4, "Ann: I am learning to make bowls out of clay.\nBob: Show me one!", "10 June 2023"),
)
SIMILARITIES = (0.6, 0.4, 0.1, 0.5)
QUESTION = "When did Ann go to the pottery class?"

REPLIES = {
    "its score": "1: 9\n2: 1\n3: 0\n4: 6",
    "one fact": "- Ann - went to - pottery class (7 May 2023)\n- Ann - has - a sister",
    "one event": "7 May 2023: Ann went to a pottery class",
    "one subject": "pottery: Ann takes a class",
    "short note": "Ann went to a pottery class on 7 May 2023.",
}


def reply(request: Request) -> str:
    """Answer each module as it asks; between tags where reasoning is asked for."""
    asked = prompt(request)
    said = next(text for mark, text in REPLIES.items() if mark in asked)
    return f"Let me see. It is about Ann.\n<answer>{said}</answer>" if "<answer>" in asked else said


def willing(**options: object) -> ScriptedModel:
    return ScriptedModel(reply, price=PRICE, **options)  # type: ignore[arg-type]
