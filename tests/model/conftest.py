from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from outlay.budget import Price
from outlay.model import Model
from outlay.testing import CountingServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as running:
        yield running


@pytest.fixture
def served() -> Callable[..., Model]:
    """Make a model of a server."""

    def make(server: CountingServer, **options: Any) -> Model:
        settings = {"price": Price(input=1, output=2), "timeout": 20.0, **options}
        return Model("openai/test", api_base=server.url, api_key="x", **settings)

    return make


@pytest.fixture
def model(server: CountingServer, served: Callable[..., Model]) -> Model:
    return served(server)
