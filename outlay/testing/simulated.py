"""A simulated model: answers drawn from a stated formula, at the speed of dice.

```python
questions = simulated_questions(1000)
model = SimulatedModel(questions, Simulation(ability=0.6, seed=3))
answer = Direct(model).run(questions[0].question, Budget(output_tokens=200))
```
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from outlay.budget import FREE, Price, Usage
from outlay.errors import ConfigurationError
from outlay.model import Choice, Chunk, Model, Reply
from outlay.specs import name_in
from outlay.specs import split as split_spec
from outlay.testing.placeholder import instance
from outlay.testing.questions import Known, candidates
from outlay.testing.simulation import SHORTEST, Dice, Sight, Simulation, checked
from outlay.testing.wording import Told, generation
from outlay.testing.words import cut, prompt_text, split

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from outlay.model import Message, Request
    from outlay.testing.questions import SimulatedQuestion
    from outlay.testing.simulation import Accuracy, Draw

SIMULATED: Final = "simulated"
"""What the name of every simulated model begins with."""

MOST_SAMPLES: Final = 1024
"""In one request."""


class SimulatedModel(Model):
    r"""A simulation, and no language model: its answers are drawn from a formula.

    It is told the questions that it will be asked, with their answers and difficulties. Of a prompt it
    sees which question it holds, the tokens t' that it said itself in the conversation, and how many
    right and wrong answers, r and w, stand beside the question. Each generation then draws

    - its length t, log-normal around the median m = s (l/s)^d at difficulty d, of deviation v in the
      logarithm, less what it has already said, and never below 8 tokens. A cap below it cuts it, so
      that it marks no answer;
    - whether it is right, with probability

          p = g + (1 - g) / (1 + exp(-(k (a - d) + e ln((t' + t) / m) + c (b r - w) / (b r + w + 1))))

    - else one of the question's four wrong answers, with odds 8 : 4 : 2 : 1. All models share them,
      so that a vote is fooled where p is below (1 - p) 8/15.

    The symbols are `Simulation`'s. A sub-question is answered like the question it is about. A reply in
    JSON fits its schema: `level` and `difficulty` are d, in the range they have; what is named an answer is
    drawn as above; a boolean is `True`, and an enumeration its first member, where the prompt shows no
    wrong answer, and `False` or the last where it does, either of it told wrongly with
    probability (1 - p) / 2; other numbers are uniform in their range.

    What is drawn depends on the model's seed, the messages, whether the temperature is 0, and, where it
    is not, on the sample's seed: the request's plus its place in the request. A sample without a seed is
    the next of its prompt, in the order of asking. The same sample under a smaller cap is the same text, cut.

    Args:
        questions: All that it may be asked about. A prompt without any of them is a `ConfigurationError`.
        simulation: The parameters of the formulas.
        accuracy: Gives p in place of the formula.
        price: What a token costs; a token is a word.
        name: As the bill shows it; absent: made of the parameters.
        max_n: The most samples in one request.
        delay: Seconds that a reply takes.
        options: Whatever else `Model` takes.
    """

    def __init__(
        self,
        questions: Iterable[SimulatedQuestion],
        simulation: Simulation | None = None,
        *,
        accuracy: Accuracy | None = None,
        price: Price | None = FREE,
        name: str | None = None,
        max_n: int = MOST_SAMPLES,
        delay: float = 0.0,
        **options: Any,
    ) -> None:
        simulation = simulation or Simulation()
        provider = SimulatedProvider(
            questions, simulation, accuracy or simulation.accuracy, price=price, max_n=max_n, delay=delay
        )
        super().__init__(name or _name(simulation), provider=provider, price=price, **options)


class SimulatedProvider:
    """What stands behind a `SimulatedModel`; see there."""

    def __init__(
        self,
        questions: Iterable[SimulatedQuestion],
        simulation: Simulation,
        accuracy: Accuracy,
        *,
        price: Price | None = FREE,
        max_n: int = MOST_SAMPLES,
        delay: float = 0.0,
    ) -> None:
        self._known = Known(questions)
        self._simulation = simulation
        self._accuracy = accuracy
        self._price = price
        self._max_n = max_n
        self._delay = delay
        self._asked: Counter[bytes] = Counter()

    async def complete(self, request: Request) -> Reply:
        """Draw as many generations as are asked for."""
        if self._delay:
            await asyncio.sleep(self._delay)
        question = self._question(request)
        prompt = prompt_text(request.messages)
        said = _said_before(request.messages)
        right, wrong = candidates(question, prompt)
        cuts = []
        for draw in self._draws(request):
            length = max(self._simulation.tokens(question.difficulty, draw.length) - said, SHORTEST)
            sight = Sight(question.difficulty, said + length, right, wrong)
            p = checked(self._accuracy(sight))
            if request.response_schema is not None:
                text = json.dumps(instance(request.response_schema, Told(question, draw, sight, p)))
                cuts.append(cut(text, request.max_output_tokens, request.stop))
            else:
                cuts.append(generation(length, draw.answer(question, p), request))
        usage = Usage(
            calls=1,
            generations=request.n,
            prompt_tokens=_words(prompt),
            output_tokens=sum(one.tokens for one in cuts),
        )
        choices = tuple(Choice(text=one.text, finish_reason=one.finish_reason) for one in cuts)
        return Reply(choices=choices, usage=usage, output_tokens=tuple(one.tokens for one in cuts))

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """Draw one generation, and give it word by word."""
        reply = await self.complete(request)
        for piece in split(reply.choices[0].text):
            yield Chunk(text=piece)
        yield Chunk(finish_reason=reply.choices[0].finish_reason, usage=reply.usage)

    async def count_prompt(self, request: Request) -> int:
        """Count the words of the messages; tools and schemas cost nothing here."""
        return _words(prompt_text(request.messages))

    async def split_tokens(self, text: str) -> tuple[str, ...] | None:
        """Split `text` into words."""
        return split(text)

    async def max_n(self) -> int:
        """Give the most samples that one request may ask for."""
        return self._max_n

    async def context_window(self) -> int | None:
        """Give no limit."""
        return None

    def price(self, prompt_tokens: int) -> Price | None:  # noqa: ARG002 - one price
        """Give the price, whatever the prompt's length."""
        return self._price

    def _question(self, request: Request) -> SimulatedQuestion:
        question = self._known.asked_in(request.messages)
        if question is None:
            raise ConfigurationError(
                f"{request.model} knows {len(self._known)} questions and finds none at the end of a line "
                f"of its prompt: {prompt_text(request.messages)[:200]!r}"
            )
        return question

    def _draws(self, request: Request) -> list[Draw]:
        dice = Dice(self._simulation.seed, request.messages)
        if request.temperature == 0:
            return [dice.draw("greedy")] * request.n
        if request.seed is not None:
            return [dice.draw(f"seed {request.seed + place}") for place in range(request.n)]
        first = self._asked[dice.prompt]
        self._asked[dice.prompt] += request.n
        return [dice.draw(f"sample {first + place}") for place in range(request.n)]


def simulated_from_spec(spec: str, questions: Iterable[SimulatedQuestion], **options: Any) -> SimulatedModel:
    """Make the model that `spec` names, such as `simulated:ability=0.6,seed=3,price=0.1/0.4`.

    Args:
        spec: `simulated`, and after a colon parameters of `Simulation` as `name=value`, between commas;
            `price` is dollars per million tokens of input and output, `max_n` the most samples in one
            request. It becomes the model's name.
        questions: All that it may be asked about.
        options: Whatever else `SimulatedModel` takes.

    Raises:
        ConfigurationError: It is not of that form, or a parameter is unknown or out of range.
    """
    if name_in(spec) != SIMULATED:
        raise ConfigurationError(f"{spec!r} is no simulated model: begin it with {SIMULATED!r}")
    parameters = split_spec(spec)[1]
    if "price" in parameters:
        options["price"] = _price(parameters.pop("price"))
    if parameters.get("max_n", "").isdigit():
        options["max_n"] = int(parameters.pop("max_n"))
    return SimulatedModel(questions, Simulation(**parameters), **{"name": spec.strip(), **options})


def _words(text: str) -> int:
    return len(text.split())


def _said_before(messages: Sequence[Message]) -> int:
    said = [message for message in messages if message.get("role") == "assistant"]
    return _words(prompt_text(said)) if said else 0


def _price(written: str) -> Price:
    each = written.split("/")
    try:
        dollars, output = map(float, each)
    except ValueError as exc:
        raise ConfigurationError(
            f"cannot read the price {written!r}: write dollars per million tokens as input/output: 0.1/0.4"
        ) from exc
    return Price(input=dollars, output=output)


def _name(simulation: Simulation) -> str:
    said = ",".join(f"{name}={value}" for name, value in simulation.model_dump(exclude_defaults=True).items())
    return f"{SIMULATED}:{said}" if said else SIMULATED
