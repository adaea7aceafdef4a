"""Where the items of a bench come from: a module per kind of source, each a `rows` that gives `Row`s."""

from outlay.bench.sources.choosing import chosen
from outlay.bench.sources.fitting import default_scorer
from outlay.bench.sources.loading import load

__all__ = ["chosen", "default_scorer", "load"]
