"""The window's semantics, word for word."""

import pytest

from z1ray.errors import UserError
from z1ray.window import CODE_HINT, NO_CAP, Accounting, Window, WindowConfig, account, resolve

HINT = (7, 8, 9)
CONFIG = WindowConfig(default_budget=100, answer_tokens=20)


def forced(window: Window, num_tokens: int) -> list[int | None]:
    return [window.forced_token(position) for position in range(num_tokens)]


def test_hint_stands_at_positions_budget_to_budget_plus_hint():
    """Tokens B .. B+|H|-1 are exactly the hint, everything before and after is free."""
    assert forced(Window(2, HINT, 10), 8) == [None, None, 7, 8, 9, None, None, None]


def test_budget_zero_goes_straight_to_the_hint():
    """The very first token is already the hint's."""
    assert forced(Window(0, HINT, 10), 4) == [7, 8, 9, None]


def test_no_cap_never_forces():
    """-1 leaves every token to the model."""
    assert forced(Window(NO_CAP, HINT, None), 50) == [None] * 50


@pytest.mark.parametrize(
    ("budget", "max_tokens", "expected"),
    [
        (None, None, Window(100, HINT, 123)),
        (5, None, Window(5, HINT, 28)),
        (0, None, Window(0, HINT, 23)),
        (NO_CAP, None, Window(NO_CAP, HINT, None)),
        (NO_CAP, 4, Window(NO_CAP, HINT, 4)),
        (5, 9, Window(5, HINT, 9)),
    ],
)
def test_unset_fields_take_the_models_settings(budget, max_tokens, expected):
    """Unset budget is the default; unset limit is budget + hint + answer tokens."""
    assert resolve(CONFIG, HINT, budget, max_tokens) == expected


def test_limit_without_room_for_an_answer_is_refused_naming_both():
    """M < B + |H| + 1 would accept a cap and never answer."""
    with pytest.raises(UserError) as caught:
        resolve(CONFIG, HINT, 5, 8)
    assert "max_tokens = 8" in str(caught.value)
    assert "thinking_budget 5" in str(caught.value)
    assert "9 or more" in str(caught.value)


def test_budget_below_minus_one_is_refused():
    """-2 means nothing."""
    with pytest.raises(UserError, match="thinking_budget"):
        resolve(CONFIG, HINT, -2)


@pytest.mark.parametrize(
    ("budget", "num_generated", "expected"),
    [
        (10, 4, Accounting(4, 0, 0, cut=False)),
        (10, 10, Accounting(10, 0, 0, cut=False)),  # ended with its last allowed token
        (10, 11, Accounting(10, 1, 0, cut=True)),
        (10, 13, Accounting(10, 3, 0, cut=True)),
        (10, 20, Accounting(10, 3, 7, cut=True)),
        (0, 5, Accounting(0, 3, 2, cut=True)),
        (NO_CAP, 99, Accounting(99, 0, 0, cut=False)),
    ],
)
def test_accounting_divides_every_token_once(budget, num_generated, expected):
    """Thinking, hint and answer add up to the run, and a run that ended in time was not cut."""
    counts = account(Window(budget, HINT, 50), num_generated)
    assert counts == expected
    assert counts.thinking_tokens + counts.hint_tokens + counts.answer_tokens == num_generated


def test_default_hint_is_z1s_phrase():
    """The model was trained beside this exact text; another wording changes results."""
    assert WindowConfig().hint_text(None) == CODE_HINT == "\n\nI overthought it, the final answer should be:\n\n"
    assert "\\boxed{}" in WindowConfig().hint_text("math")


def test_unknown_hint_names_the_known_ones():
    """A misspelt hint must not fall back to another one in silence."""
    with pytest.raises(UserError, match="code, math"):
        WindowConfig().hint_text("maths")


@pytest.mark.parametrize(
    "settings", [{"default_budget": -2}, {"answer_tokens": 0}, {"default_hint": "poem"}, {"hints": {}}]
)
def test_bad_settings_are_refused_when_made(settings):
    """A model whose window cannot work is refused before it is served."""
    with pytest.raises(UserError):
        WindowConfig(**settings)
