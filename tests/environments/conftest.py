"""A game of TextWorld's own, made once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from environments.houses import need_games

from outlay.environments import make_game

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_games()
    folder = tmp_path_factory.mktemp("games")
    return asyncio.run(make_game(folder / "keys", rooms=2, objects=3, quest_length=3, seed=1234))
