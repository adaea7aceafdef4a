"""Commands that refuse an option given twice where one value is used."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperOption

if TYPE_CHECKING:
    from collections.abc import Callable


class OnceCommand(TyperCommand):
    """A command whose single options can be given once only."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            given = self.make_parser(ctx).parse_args(args=list(args))[2]
            counts = Counter(id(option) for option in given)
            for option in given:
                single = isinstance(option, TyperOption) and not (option.multiple or option.is_flag)
                if single and counts[id(option)] > 1:
                    name = max(option.opts, key=len)
                    raise typer.BadParameter(f"{name} is given {counts[id(option)]} times: give it once", ctx)
        return super().parse_args(ctx, args)


class Commands(typer.Typer):
    """A group of commands, each of which refuses a single option that is given twice."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[..., Any]:
        return super().command(name, **{"cls": OnceCommand, **settings})
