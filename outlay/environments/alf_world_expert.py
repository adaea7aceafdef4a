"""ALFWorld's hand-coded expert as a teacher."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from outlay.environments.alf_world import AlfWorldGame
from outlay.environments.household import household
from outlay.environments.text_games import alfworld, on_games_thread
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from outlay.environments.alf_world import Moment
    from outlay.environments.household import Household
    from outlay.environments.protocol import Environment, Turn

_MODULE: Final = "agents.expert.handcoded_expert"
_PATIENCE: Final = 1000
_NOTHING: Final = "look"


class AlfWorldExpert:
    """The expert that ALFWorld was made with: rules that search a room, without knowing where things are.

    It follows an episode whoever acts in it, and so can take over at any step. It does not always win.

    Args:
        seed: Of what it does at random when its rules lead nowhere.
    """

    name = "alfworld-expert"

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed
        self._following: WeakKeyDictionary[AlfWorldGame, _Follower] = WeakKeyDictionary()

    async def act(self, environment: Environment, turn: Turn) -> str:  # noqa: ARG002 - it asks the game
        """Give the expert's next action.

        Raises:
            ConfigurationError: The environment is no running `AlfWorldGame`.
        """
        if not isinstance(environment, AlfWorldGame) or not environment.moments:
            raise ConfigurationError("ALFWorld's expert plays a running AlfWorldGame: reset one, and pass it")
        return await on_games_thread(self._propose, environment)

    def _propose(self, game: AlfWorldGame) -> str:
        follower = self._following.get(game)
        if follower is None or follower.moments is not game.moments:
            follower = _Follower(household(game.path), game.moments, Random(self._seed))  # noqa: S311 - no secret
            self._following[game] = follower
        return follower.propose()


class _Follower:
    """ALFWorld's agent, told of every step of one episode."""

    def __init__(self, task: Household, moments: list[Moment], random: Random) -> None:
        self.moments = moments
        self._task = task
        self._random = random
        self._told = 0
        self._proposal = ""
        self._expert = alfworld("agents.expert")
        self._begin_anew()

    def propose(self) -> str:
        # The agent draws from its module's `random`; every game runs on this one thread.
        alfworld(_MODULE).random = self._random
        while self._told < len(self.moments):
            self._tell(self._told)
            self._told += 1
        admissible = self.moments[-1].admissible
        return self._proposal if self._proposal in admissible else self._aside(admissible)

    def _begin_anew(self) -> None:
        spelled = {
            "object_target": self._task.thing,
            "parent_target": self._task.place,
            "toggle_target": self._task.lamp,
        }
        params = {"task_type": self._task.type} | {name: kind.lower() for name, kind in spelled.items()}
        self._agent = self._expert.HandCodedTWAgent(max_steps=_PATIENCE)
        self._agent.policy = self._agent.get_task_policy(params)(params, max_steps=_PATIENCE)
        self._agent.observe(self.moments[0].feedback)

    def _tell(self, index: int) -> None:
        moment = self.moments[index]
        held_before, held = _held(self.moments[max(0, index - 1)]), _held(moment)
        policy = self._agent.policy
        policy.inventory = held_before
        command = moment.command or _NOTHING
        if len(held) < len(held_before):
            command = self._put(held_before[0], moment)
        elif len(held) > len(held_before):
            policy.object_blacklist = [thing for thing in policy.object_blacklist if thing not in held]
        state = {
            "feedback": moment.feedback,
            "facts": moment.facts,
            "admissible_commands": list(moment.admissible),
        }
        try:
            self._proposal = self._agent.act(state, 0, moment.won, command)
        except (IndexError, KeyError, NameError):  # NameError: what the agent's own failures are
            self._begin_anew()
            self._proposal = ""

    def _put(self, thing: str, moment: Moment) -> str:
        """Say in the words it knows that `thing` was put down; ALFWorld has changed its own since.

        The first of two things is where it belongs, and is left alone from then on. What was put down
        anywhere else may be wanted again.
        """
        policy, place = self._agent.policy, moment.command.rpartition(" to ")[2]
        first = (_kind(thing), _kind(place)) == (self._task.thing.lower(), self._task.place.lower())
        if first and self._task.type == "pick_two_obj_and_place":
            return f"put {thing} in/on {place}"
        policy.inventory, policy.got_inventory_from_recep = [], ""
        return _NOTHING

    def _aside(self, admissible: tuple[str, ...]) -> str:
        """Go somewhere, which tells more than standing still."""
        ways = [command for command in admissible if command.startswith("go to ")]
        return self._random.choice(ways or list(admissible))


def _held(moment: Moment) -> list[str]:
    return [fact.names[-1].strip() for fact in moment.facts if fact.name == "holds"]


def _kind(name: str) -> str:
    return name.rstrip("0123456789 ")
