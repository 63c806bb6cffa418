"""The window's semantics, word for word."""

import math

import pytest

from z1ray.errors import UserError
from z1ray.window import CODE_HINT, NO_CAP, Accounting, Window, WindowConfig, account

HINT = (7, 8, 9)
CONFIG = WindowConfig(default_budget=100, answer_tokens=20)
# Token 0 ends a line, 1 does not.
BREAKS = frozenset({0})


def run(window: Window, free: list[int], num_tokens: int) -> list[int]:
    """What an engine writes that obeys ``hint_due``, step by step; ``free`` is what the model would write."""
    generated: list[int] = []
    for position in range(num_tokens):
        due = window.hint_due(generated, BREAKS)
        if due is not None and position < due + len(window.hint):
            generated.append(window.hint[position - due])
        else:
            generated.append(free[position])
    return generated


def test_hint_stands_at_positions_budget_to_budget_plus_hint():
    """Tokens B .. B+|H|-1 are exactly the hint, everything before and after is free."""
    assert run(Window(2, HINT, 10), [1] * 8, 8) == [1, 1, 7, 8, 9, 1, 1, 1]


def test_budget_zero_goes_straight_to_the_hint():
    """The very first token is already the hint's, with grace too: there is no line to end."""
    for grace_tokens in (0, 4):
        assert run(Window(0, HINT, 10, grace_tokens), [1] * 4, 4) == [7, 8, 9, 1]


def test_no_cap_never_forces():
    """-1 leaves every token to the model."""
    assert run(Window(NO_CAP, HINT, None), [0, 1] * 25, 50) == [0, 1] * 25


@pytest.mark.parametrize(
    ("free", "cut"),
    [
        ([1, 1, 1, 0, 1, 1, 1, 1, 1, 1], 4),  # the line ends with the budget's last token
        ([1, 1, 1, 1, 0, 1, 1, 1, 1, 1], 5),
        ([1, 1, 1, 1, 1, 1, 0, 0, 1, 1], 7),  # the end of the grace is the end of a line
        ([1, 1, 1, 1, 1, 1, 1, 0, 1, 1], 7),  # a line that ends too late is not waited for
        ([0, 0, 0, 1, 1, 1, 1, 1, 1, 1], 7),  # nor do lines before the budget matter
    ],
)
def test_grace_waits_for_the_end_of_the_line_but_no_longer(free, cut):
    """The cut is the first line end from B on, at the latest B + grace, and follows from the tokens alone."""
    window = Window(4, HINT, 20, grace_tokens=3)
    generated = run(window, free, 10)
    assert generated[cut : cut + 3] == list(HINT[: 10 - cut])
    for length in range(11):
        # From any prefix the answer is the same: nothing has to be remembered.
        assert window.cut_position(generated[:length], BREAKS) == (cut if length > cut else None)
    for start in range(cut + 1):
        assert window.hint_due(generated, BREAKS, start) == cut


def test_line_ends_move_nothing_without_grace():
    """Grace 0 is exact: the same tokens as ever."""
    assert run(Window(4, HINT, 20), [0] * 8, 8) == [0, 0, 0, 0, 7, 8, 9, 0]


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
    counts = account(Window(budget, HINT, 50), [1] * num_generated, BREAKS)
    assert counts == expected
    assert counts.thinking_tokens + counts.hint_tokens + counts.answer_tokens == num_generated


@pytest.mark.parametrize(
    ("generated", "expected"),
    [
        ([1, 1, 1, 1, 1], Accounting(5, 0, 0, cut=False)),  # ended within its grace
        ([1, 1, 1, 0], Accounting(4, 0, 0, cut=False)),  # ended with its line
        ([1, 1, 1, 0, 7, 8, 9, 0, 1], Accounting(4, 3, 2, cut=True)),
        ([1, 1, 1, 1, 1, 1, 7, 8, 9, 1], Accounting(6, 3, 1, cut=True)),
    ],
)
def test_accounting_counts_the_grace_as_thinking(generated, expected):
    """The hint is where the engine put it, not at the budget."""
    assert account(Window(4, HINT, 50, grace_tokens=2), generated, BREAKS) == expected


def test_default_hint_is_z1s_phrase():
    """The model was trained beside this exact text; another wording changes results."""
    assert WindowConfig().hint_text(None) == CODE_HINT == "\n\nI overthought it, the final answer should be:\n\n"
    assert "\\boxed{}" in WindowConfig().hint_text("math")


def test_unknown_hint_names_the_known_ones():
    """A misspelt hint must not fall back to another one in silence."""
    with pytest.raises(UserError, match="code, math"):
        WindowConfig().hint_text("maths")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"default_budget": -2}, "default_budget"),
        ({"answer_tokens": 0}, "answer_tokens"),
        ({"default_hint": "poem"}, "hint"),
        ({"hints": {}}, "hint"),
        ({"hints": {"code": ""}}, "hints.code"),
        ({"max_budget": -2}, "max_budget"),
        ({"max_budget": 8192, "default_budget": 8193}, "default_budget"),
        ({"max_budget": 8192, "default_budget": NO_CAP}, "default_budget"),
        ({"max_budget": 4096}, "efforts.high"),
        ({"max_budget": 8192, "efforts": {"low": NO_CAP}}, "efforts.low"),
        ({"efforts": {"low": -2}}, "efforts.low"),
        ({"grace": 1.5}, "grace"),
        ({"grace": math.nan}, "grace"),
    ],
)
def test_bad_settings_are_refused_when_made(settings, field):
    """A model whose window cannot work is refused before it is served, by the setting's name."""
    with pytest.raises(UserError) as caught:
        WindowConfig(**settings)
    assert caught.value.field.endswith(field)
