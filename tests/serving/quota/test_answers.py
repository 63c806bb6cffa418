"""What clients are told of a quota is what OpenAI's clients read."""

import pytest

from z1ray.serving.quota.answers import allowance, denied, duration
from z1ray.serving.quota.entries import Refused, Standing


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "1ms"), (0.12, "120ms"), (1, "1s"), (59.2, "1m0s"), (360, "6m0s"), (3723.0, "1h2m3s"), (7200, "2h0m0s")],
)
def test_times_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    """Clients parse them."""
    assert duration(seconds) == text


def test_headers_tell_the_quota_of_which_least_is_left() -> None:
    """They go with every response of a key that has one."""
    headers = allowance(Standing("minute", 1000, 250, 12.5)).headers
    assert headers == {
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "250",
        "x-ratelimit-reset-tokens": "13s",
    }


def test_a_refusal_names_the_quota_what_was_wanted_and_what_is_left() -> None:
    """With when to come again, rounded up; and says of what never fits that waiting does not help."""
    told = denied(Refused(300, Standing("day", 1000, 250, 12.1), 12.1))
    assert (told.status, told.code, told.headers["Retry-After"]) == (429, "quota_exceeded", "13")
    assert told.headers["x-ratelimit-remaining-tokens"] == "250"
    assert all(part in told.message for part in ("1000 tokens per day", "250 are left", "may write 300", "after 13 s"))
    assert "never fits" in denied(Refused(1001, Standing("day", 1000, 1000, 5.0), 5.0)).message
    assert denied(Refused(9, None, 0.0)).headers == {"Retry-After": "1"}
