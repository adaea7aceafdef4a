"""How a policy was learnt: kept as JSON beside it, so that a report can say and draw it."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from outlay.bench.tiers.facts import LogFacts  # noqa: TC001 - pydantic reads it
from outlay.errors import ConfigurationError
from outlay.private_files import replace
from outlay.routers.tiers.off_policy import Course, Fitting
from outlay.routers.tiers.ppo import PPO  # noqa: TC001

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.bench.tiers.logs import Log
    from outlay.routers.tiers.off_policy import Fitted


class Learnt(Course):
    """What became of learning from a log."""

    log: str
    """Path of it, as it was given."""
    digest: str
    """Of the log's episodes."""
    facts: LogFacts
    questions: int
    episodes: int
    embedder: str
    """Name of what made the vectors."""
    fitting: Fitting
    ppo: PPO
    policy: str
    """Digest of the policy's file."""

    @classmethod
    def of(cls, log: Log, fitted: Fitted, fitting: Fitting, ppo: PPO, policy: Path) -> Self:
        """Give how the policy that was saved at `policy` was learnt."""
        return cls(
            **dict(fitted.course),
            log=str(log.path),
            digest=log.digest,
            facts=log.facts,
            questions=len(log.questions),
            episodes=len(log.episodes),
            embedder=fitted.router.card.embedder,
            fitting=fitting,
            ppo=ppo,
            policy=_digest(policy),
        )

    def write(self, policy: Path) -> Path:
        """Write it beside the policy, all or nothing, and give where.

        Raises:
            ConfigurationError: It cannot be written there.
        """
        target = beside(policy)
        try:
            replace(target, self.model_dump_json() + "\n")
        except OSError as exc:
            raise ConfigurationError(
                f"{target} cannot be written ({exc.strerror}): check its folder"
            ) from exc
        return target


def beside(policy: Path) -> Path:
    """Give the path of what is kept beside a policy.

    Raises:
        ConfigurationError: It would be the policy's own.
    """
    path = policy.with_suffix(".json")
    if path == policy:
        raise ConfigurationError(
            f"{policy} cannot be the policy's name: how it was learnt goes into the .json"
        )
    return path


def read_learnt(policy: Path) -> Learnt:
    """Read how a policy was learnt.

    Raises:
        ConfigurationError: That is not there, is damaged, or is about another policy.
    """
    path = beside(policy)
    try:
        learnt = Learnt.model_validate_json(path.read_bytes())
        is_its_own = learnt.policy == _digest(policy)
    except OSError as exc:
        raise ConfigurationError(
            f"{exc.filename} cannot be read ({exc.strerror}): a report needs a policy that "
            "`outlay train-router fit` wrote, and the .json beside it"
        ) from exc
    except ValidationError as exc:
        raise ConfigurationError(f"{path} does not say how a policy was learnt: fit it again") from exc
    if not is_its_own:
        raise ConfigurationError(f"{path} is about another policy than {policy}: fit it again")
    return learnt


def _digest(policy: Path) -> str:
    return blake2b(policy.read_bytes(), digest_size=16).hexdigest()
