"""How many tokens a key may use."""

from collections.abc import Mapping
from dataclasses import dataclass

from z1ray.errors import UserError
from z1ray.settings import check, setting

EVERYONE = "*"
"""Stands for every key that has no quota of its own; each has an account of its own all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The quota of one key. Tokens are thinking, hint and answer; prompts do not count."""

    tokens_per_minute: int | None = setting(
        None, "Tokens of the requests that arrive in one minute of the clock.", least=1, role="operational"
    )
    tokens_per_day: int | None = setting(
        None, "Tokens of the requests that arrive in one day (UTC).", least=1, role="operational"
    )

    def __post_init__(self) -> None:
        check(self, "quota")
        if self.tokens_per_minute is None and self.tokens_per_day is None:
            raise UserError(
                "serve.quotas", None, "a quota limits nothing", "set tokens_per_minute, tokens_per_day, or both"
            )

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """By minute and by day, in the order of ``z1ray.serving.quota.entries.PERIODS``."""
        return self.tokens_per_minute, self.tokens_per_day


def quota_of(holder: str, quotas: Mapping[str, Quota]) -> Quota | None:
    """The quota of a key's holder; None if it has none."""
    return quotas.get(holder, quotas.get(EVERYONE))
