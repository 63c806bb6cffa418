"""Settings of a model behind an OpenAI-compatible server."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING

from z1ray.errors import UserError
from z1ray.settings import check, setting
from z1ray.window import NO_CAP

WINDOW_FIELD = "thinking_budget"
LIMIT_FIELDS = frozenset({"max_tokens", "max_completion_tokens"})
"""Fields that limit a whole answer: a budget in one of them is a limit on thinking and answer together."""

_NO_KEY = "none"
_URL = re.compile(r"https?://[^\s/@]+[^\s@]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """A model that is asked over HTTP: z1ray's endpoint, or any server that speaks OpenAI's chat API."""

    url: str = setting(
        MISSING,
        "Base URL, such as `http://host:8000/v1`. It may move while a sweep goes on, as long as the model is the same.",
        role="operational",
    )
    model: str = setting(MISSING, "The name that the server knows the model by.")
    api_key: str = setting(
        _NO_KEY, "Source of the API key: `env:NAME`, `file:PATH` (the key alone), or `none`.", role="operational"
    )
    budget_field: str | None = setting(
        WINDOW_FIELD,
        "Request field that carries the thinking budget. `thinking_budget` is z1ray's, whose answers prove that it was "
        "kept; `max_tokens` and `max_completion_tokens` limit the whole answer; any other needs a server that reports "
        "`reasoning_tokens`. Null: the server knows no budget, and only -1 is asked.",
    )
    concurrency: int = setting(32, "Requests under way at a time at most.", least=1, role="operational")
    retries: int = setting(
        20,
        "Times that a request is sent again after 408, 409, 429, 5xx, a lost connection or no answer in time: after "
        "`Retry-After` seconds (up to 120), else half a second, doubled up to 8.",
        least=0,
        role="operational",
    )
    timeout_s: float = setting(1800.0, "Seconds that one answer may take.", above=0, role="operational")

    def require(self, name: str, budgets: list[int]) -> None:
        """Refuse settings that cannot work, under the endpoint's name.

        Raises:
            UserError: For a number out of range, a URL that is none or holds a password, an unknown source of the
                key, a budget that the server cannot be asked for.
        """
        field = f"evaluate.endpoints.{name}"
        check(self, field)
        if not _URL.fullmatch(self.url):
            remedy = "write it as http://host:port/v1; a key belongs into api_key's source"
            raise UserError(f"{field}.url", self.url, "it is no address of a server", remedy)
        if not self._names_source():
            # Not shown: it may be the key itself.
            remedy = "set it to env:NAME, file:PATH or none; the key itself is never written here"
            raise UserError(f"{field}.api_key", "(not shown)", "it names no source of a key", remedy)
        self._require_budgets(f"{field}.budget_field", budgets)

    def _require_budgets(self, field: str, budgets: list[int]) -> None:
        if self.budget_field is None and set(budgets) != {NO_CAP}:
            remedy = "set evaluate.budgets=[-1], or name the field by which this server limits thinking"
            raise UserError(field, None, f"without one the budgets {budgets} cannot be asked for", remedy)
        if self.budget_field in LIMIT_FIELDS and 0 in budgets:
            problem = "budget 0 would ask for no token at all"
            raise UserError(field, self.budget_field, problem, "leave 0 out of evaluate.budgets")

    def _names_source(self) -> bool:
        kind, _, place = self.api_key.partition(":")
        if kind == "env":
            return _VARIABLE.fullmatch(place) is not None
        return self.api_key == _NO_KEY or (kind == "file" and place != "")

    def key(self, name: str) -> str | None:
        """The API key, read from its source; None if the server wants none.

        Raises:
            UserError: If the source is missing or does not hold one key. It never shows a key.
        """
        kind, _, place = self.api_key.partition(":")
        if self.api_key == _NO_KEY:
            return None
        field = f"evaluate.endpoints.{name}.api_key"
        try:
            found = os.environ[place] if kind == "env" else Path(place).read_text(encoding="utf-8")
        except (KeyError, OSError, UnicodeDecodeError) as error:
            problem = "no such variable is set" if kind == "env" else f"it cannot be read ({type(error).__name__})"
            remedy = "put the key there, on the machine that runs the job"
            raise UserError(field, self.api_key, problem, remedy) from error
        key = found.strip()
        if not (key and key.isascii() and key.isprintable() and " " not in key):
            raise UserError(field, self.api_key, "it does not hold one key alone", "write the key there, nothing else")
        return key
