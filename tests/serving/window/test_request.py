"""What a request asks for becomes one window, or a refusal that names the field."""

import pytest

from z1ray.errors import UserError
from z1ray.serving.window.request import WindowedModel, WindowRequest, limit_field, read_request
from z1ray.window import Window, WindowConfig

EFFORTS = {"minimal": 0, "low": 20, "high": 400}
CONFIG = WindowConfig(default_budget=100, answer_tokens=50, efforts=EFFORTS)
CAPPED = WindowConfig(default_budget=100, answer_tokens=50, efforts=EFFORTS, max_budget=400)
HINTS = {"code": (1, 2, 3), "math": (4, 5)}
MODEL = WindowedModel(CONFIG, HINTS, context=1000)


def window(**fields: object) -> Window:
    return read_request(fields, MODEL).window


def refused(model: WindowedModel = MODEL, /, **fields: object) -> UserError:
    with pytest.raises(UserError) as caught:
        read_request(fields, model)
    return caught.value


@pytest.mark.parametrize("fields", [{}, {"thinking_budget": None, "hint": None, "max_tokens": None}])
def test_a_request_without_a_budget_gets_the_models_default(fields: dict[str, object]) -> None:
    """Were this None or -1, a client that knows nothing of windows would run uncapped."""
    assert read_request(fields, MODEL) == WindowRequest(Window(100, (1, 2, 3), 153), answer_only=False, num_choices=1)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"thinking_budget": 0, "hint": "math"}, Window(0, (4, 5), 52)),
        ({"thinking_budget": 7, "max_tokens": 20}, Window(7, (1, 2, 3), 20)),
        ({"thinking_budget": 7, "max_completion_tokens": 11, "max_tokens": 20}, Window(7, (1, 2, 3), 11)),
        ({"thinking_budget": -1}, Window(-1, (1, 2, 3), None)),
        ({"thinking_budget": -1, "max_tokens": 5}, Window(-1, (1, 2, 3), 5)),
        ({"thinking_budget": 20, "grace": 0.25}, Window(20, (1, 2, 3), 78, 5)),
        ({"thinking_budget": 20, "grace": 0}, Window(20, (1, 2, 3), 73)),
    ],
)
def test_fields_are_read_as_the_design_says(fields: dict[str, object], expected: Window) -> None:
    """Budget, hint name, grace and either spelling of the limit reach the window unchanged."""
    assert window(**fields) == expected


def test_efforts_are_budgets_by_name_and_an_explicit_budget_wins() -> None:
    """Every OpenAI client can say ``reasoning_effort``; one that also counts tokens means the count."""
    assert window(reasoning_effort="low").budget == 20
    assert window(reasoning_effort="minimal").budget == 0
    assert window(reasoning_effort="high", thinking_budget=3).budget == 3
    assert window(reasoning_effort=None).budget == 100


@pytest.mark.parametrize("effort", ["medium", "", 3, True, ["low"]])
def test_an_effort_without_a_budget_is_refused(effort: object) -> None:
    """Falling back to the default would think as long as nobody asked for; the names that work are told."""
    error = refused(reasoning_effort=effort)
    assert error.field == "reasoning_effort"
    assert "high, low, minimal" in error.remedy


@pytest.mark.parametrize("value", [True, False, "64", 64.0, [64], {"tokens": 64}, -2])
def test_a_budget_that_is_no_token_count_is_refused(value: object) -> None:
    """A coerced budget (True as 1, "64" as 64, 0.5 as 0) would cap where nobody asked for that cap."""
    error = refused(thinking_budget=value)
    assert (error.field, error.value) == ("thinking_budget", value)
    assert "-1" in error.remedy


@pytest.mark.parametrize("budget", [401, -1, 10**30])
def test_the_servers_maximum_holds_for_every_request(budget: int) -> None:
    """Where a maximum is set, no cap at all is over it too; a silent clamp would answer something else."""
    model = WindowedModel(CAPPED, HINTS, context=1000)
    assert read_request({"thinking_budget": 400}, model).window.budget == 400
    error = refused(model, thinking_budget=budget)
    assert (error.field, error.value) == ("thinking_budget", budget)
    assert "400" in error.remedy


@pytest.mark.parametrize("value", ["cod", "", 1, ["code"]])
def test_an_unknown_hint_is_refused(value: object) -> None:
    """Falling back to the default hint in silence would hide a client's typo."""
    error = refused(hint=value)
    assert (error.field, error.value) == ("hint", value)
    assert "code, math" in error.remedy


@pytest.mark.parametrize("value", [-0.1, 1.5, True, "0.1", float("nan")])
def test_a_grace_that_is_no_share_is_refused(value: object) -> None:
    """True would be a whole budget of grace, 10 a tenfold one."""
    assert refused(grace=value).field == "grace"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_without_room_for_an_answer_is_refused_by_the_name_the_client_used(name: str) -> None:
    """Named otherwise, the client would look for a field it never sent."""
    assert window(thinking_budget=10, **{name: 14}).max_tokens == 14
    error = refused(thinking_budget=10, **{name: 13})
    assert (error.field, error.value) == (name, 13)
    assert f"send {name} of 14 or more" in error.remedy


@pytest.mark.parametrize("value", [[], "24", 24.0, True, -1])
@pytest.mark.parametrize("budget", [-1, 10])
def test_a_limit_that_is_no_token_count_is_refused(budget: int, value: object) -> None:
    """The plain completions of vLLM let anything by as ``max_completion_tokens``."""
    error = refused(thinking_budget=budget, max_completion_tokens=value)
    assert (error.field, error.value) == ("max_completion_tokens", value)
    assert "send a token count" in error.remedy


def test_a_budget_beyond_the_context_is_refused_by_its_own_name() -> None:
    """The engine would complain of a ``max_tokens`` that the client never sent."""
    assert window(thinking_budget=946).max_tokens == 999
    error = refused(thinking_budget=947)
    assert error.field == "thinking_budget"
    assert "send less than 947" in error.remedy


def test_choices_and_answer_only_are_read() -> None:
    """The meter counts runs by them, and the transcript leaves text out."""
    assert read_request({"n": 3, "answer_only": True}, MODEL) == WindowRequest(Window(100, (1, 2, 3), 153), True, 3)


def test_the_limit_field_follows_vllm() -> None:
    """The resolved limit is written back to this field; to the other one, vLLM would ignore it."""
    assert limit_field({"max_tokens": 3}) == limit_field({}) == "max_tokens"
    assert limit_field({"max_tokens": 3, "max_completion_tokens": None}) == "max_tokens"
    assert limit_field({"max_tokens": 3, "max_completion_tokens": 0}) == "max_completion_tokens"


def test_a_misspelt_budget_is_told_before_the_default_one_does_not_fit() -> None:
    """The client would read of a budget of 100 tokens that it never sent."""
    assert refused(thinking_budgets=5, max_tokens=60).field == "thinking_budgets"
