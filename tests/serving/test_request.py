"""Request fields become a window, or a refusal that names field, value and remedy."""

import pytest

from z1ray.errors import UserError
from z1ray.serving.request import WindowModel, limit_field, refusal, window_of
from z1ray.window import Window, WindowConfig

MODEL = WindowModel(
    WindowConfig(default_budget=100, answer_tokens=50), hints={"code": (1, 2, 3), "math": (4, 5)}, context=1000
)


def window(**fields: object) -> Window:
    return window_of(fields, MODEL)


@pytest.mark.parametrize("fields", [{}, {"thinking_budget": None, "hint": None, "max_tokens": None}])
def test_a_request_without_a_budget_gets_the_models_default(fields: dict[str, object]) -> None:
    """Were this None or -1, a client that knows nothing of windows would run uncapped."""
    assert window(**fields) == Window(100, (1, 2, 3), 153)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"thinking_budget": 0, "hint": "math"}, Window(0, (4, 5), 52)),
        ({"thinking_budget": 7, "max_tokens": 20}, Window(7, (1, 2, 3), 20)),
        ({"thinking_budget": 7, "max_completion_tokens": 11, "max_tokens": 20}, Window(7, (1, 2, 3), 11)),
        ({"thinking_budget": -1}, Window(-1, (1, 2, 3), None)),
        ({"thinking_budget": -1, "max_tokens": 5}, Window(-1, (1, 2, 3), 5)),
    ],
)
def test_fields_are_read_as_the_design_says(fields: dict[str, object], expected: Window) -> None:
    """Budget, hint name and either spelling of the limit reach the window unchanged."""
    assert window(**fields) == expected


@pytest.mark.parametrize("value", [True, False, "64", 64.0, [64], {"tokens": 64}, -2])
def test_a_budget_that_is_no_token_count_is_refused(value: object) -> None:
    """A coerced budget (True as 1, "64" as 64, 0.5 as 0) would cap where nobody asked for that cap."""
    with pytest.raises(UserError) as caught:
        window(thinking_budget=value)
    assert (caught.value.field, caught.value.value) == ("thinking_budget", value)
    assert "-1" in caught.value.remedy


@pytest.mark.parametrize("value", ["cod", "", 1, ["code"]])
def test_an_unknown_hint_is_refused(value: object) -> None:
    """Falling back to the default hint in silence would hide a client's typo."""
    with pytest.raises(UserError) as caught:
        window(hint=value)
    assert (caught.value.field, caught.value.value) == ("hint", value)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_without_room_for_an_answer_is_refused_by_the_name_the_client_used(name: str) -> None:
    """Named otherwise, the client would look for a field it never sent."""
    assert window(thinking_budget=10, **{name: 14}).max_tokens == 14
    with pytest.raises(UserError) as caught:
        window(thinking_budget=10, **{name: 13})
    assert caught.value.field == name
    assert f"send {name} of 14 or more" in caught.value.remedy


def test_a_budget_beyond_the_context_is_refused_by_its_own_name() -> None:
    """The engine would complain of a ``max_tokens`` that the client never sent."""
    assert window(thinking_budget=946).max_tokens == 999
    with pytest.raises(UserError, match="send less than 947") as caught:
        window(thinking_budget=947)
    assert caught.value.field == "thinking_budget"


@pytest.mark.parametrize("argument", ["thinking_budget", "hint_token_ids"])
@pytest.mark.parametrize("budget", [-1, 5, None])
def test_engine_arguments_cannot_be_smuggled_in(argument: str, budget: int | None) -> None:
    """With them a client could raise the server's cap or force any text."""
    with pytest.raises(UserError) as caught:
        window(thinking_budget=budget, vllm_xargs={argument: 1})
    assert caught.value.field == f"vllm_xargs.{argument}"
    assert window(thinking_budget=budget, vllm_xargs={"other": 1})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("use_beam_search", True),
        ("structured_outputs", {"regex": "a+"}),
        ("response_format", {"type": "json_object"}),
        ("tools", [{"type": "function"}]),
    ],
)
def test_a_cap_that_could_not_be_enforced_is_refused(field: str, value: object) -> None:
    """Beams ignore the processor and grammars reject forced tokens; uncapped, both are the engine's business."""
    for budget in (0, None):
        with pytest.raises(UserError) as caught:
            window(thinking_budget=budget, **{field: value})
        assert caught.value.field == field
        assert "thinking_budget -1" in caught.value.remedy
    assert window(thinking_budget=-1, **{field: value}).budget == -1


def test_harmless_forms_of_the_same_fields_pass() -> None:
    """Clients send these by default; refusing them would break every one."""
    assert window(
        use_beam_search=False,
        structured_outputs=None,
        response_format={"type": "text"},
        tools=[{"type": "function"}],
        tool_choice="none",
        vllm_xargs=None,
        echo=False,
    )


def test_echo_is_refused() -> None:
    """With token ids on, vLLM leaves the echoed prompt out, so the client would miss it without a word."""
    with pytest.raises(UserError, match="echo"):
        window(echo=True)


def test_the_limit_field_follows_vllm() -> None:
    """The resolved limit is written back to this field; to the other one, vLLM would ignore it."""
    assert limit_field({"max_tokens": 3}) == limit_field({}) == "max_tokens"
    assert limit_field({"max_tokens": 3, "max_completion_tokens": None}) == "max_tokens"
    assert limit_field({"max_tokens": 3, "max_completion_tokens": 0}) == "max_completion_tokens"


def test_a_refusal_has_openais_shape_and_stays_short() -> None:
    """Clients read ``param`` and ``message``; an echoed megabyte would be an amplifier."""
    body = refusal(UserError("hint", "x" * 10_000, "no such hint", "use code"))
    assert body["param"] == "hint"
    assert (body["code"], body["type"]) == (400, "invalid_request_error")
    assert body["message"].startswith("hint = 'xxx")
    assert body["message"].endswith("no such hint; use code")
    assert len(body["message"]) < 100
