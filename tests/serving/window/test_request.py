"""What a request asks for becomes one window, or a refusal that names the field."""

import pytest

from z1ray.errors import UserError
from z1ray.serving.window.request import (
    Prompts,
    WindowedModel,
    WindowRequest,
    depends_on_prompt,
    limit_field,
    read_request,
)
from z1ray.window import Window, WindowConfig

EFFORTS = {"minimal": 0, "low": 20, "high": 400}
CONFIG = WindowConfig(default_budget=100, answer_tokens=50, efforts=EFFORTS)
CAPPED = WindowConfig(default_budget=100, answer_tokens=50, efforts=EFFORTS, max_budget=400)
HINTS = {"code": (1, 2, 3), "math": (4, 5)}
MODEL = WindowedModel(CONFIG, HINTS, context=1000, max_runs=64)
CHAT = Prompts("messages")


def window(**fields: object) -> Window:
    return read_request(fields, MODEL, CHAT).window


def refused(model: WindowedModel = MODEL, /, **fields: object) -> UserError:
    with pytest.raises(UserError) as caught:
        read_request(fields, model, CHAT)
    return caught.value


@pytest.mark.parametrize("fields", [{}, {"thinking_budget": None, "hint": None, "max_tokens": None}])
def test_a_request_without_a_budget_gets_the_models_default(fields: dict[str, object]) -> None:
    """Were this None or -1, a client that knows nothing of windows would run uncapped."""
    assert read_request(fields, MODEL, CHAT) == WindowRequest(
        Window(100, (1, 2, 3), 153), answer_only=False, num_runs=1
    )


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


def test_none_xhigh_and_max_are_efforts_of_every_model() -> None:
    """Clients know them from OpenAI's and vLLM's APIs; what is configured goes before what they mean otherwise."""
    assert window(reasoning_effort="none").budget == 0
    assert window(reasoning_effort="xhigh").budget == window(reasoning_effort="max").budget == 400
    own = WindowConfig(default_budget=100, efforts={"none": 5, "xhigh": 7, "deep": -1})
    model = WindowedModel(own, HINTS, context=1000, max_runs=64)
    budgets = {
        name: read_request({"reasoning_effort": name}, model, CHAT).window.budget for name in own.known_efforts()
    }
    assert budgets == {"none": 5, "xhigh": 7, "max": -1, "deep": -1}
    bare = WindowedModel(WindowConfig(default_budget=100, efforts={}), HINTS, context=1000, max_runs=64)
    assert read_request({"reasoning_effort": "none"}, bare, CHAT).window.budget == 0
    assert "send one of: none;" in refused(bare, reasoning_effort="max").remedy


@pytest.mark.parametrize("effort", ["medium", "", 3, True, ["low"]])
def test_an_effort_without_a_budget_is_refused(effort: object) -> None:
    """Falling back to the default would think as long as nobody asked for; the names that work are told."""
    error = refused(reasoning_effort=effort)
    assert error.field == "reasoning_effort"
    assert "high, low, max, minimal, none, xhigh" in error.remedy


@pytest.mark.parametrize("effort", [3, True, [], {}])
def test_an_effort_that_is_no_name_is_refused_beside_a_budget(effort: object) -> None:
    """Passed over here, a list went on to the engine and was the server's fault there."""
    assert refused(thinking_budget=5, reasoning_effort=effort).field == "reasoning_effort"
    assert window(thinking_budget=5, reasoning_effort="unknown").budget == 5


@pytest.mark.parametrize("value", [True, False, "64", 64.0, [64], {"tokens": 64}, -2])
def test_a_budget_that_is_no_token_count_is_refused(value: object) -> None:
    """A coerced budget (True as 1, "64" as 64, 0.5 as 0) would cap where nobody asked for that cap."""
    error = refused(thinking_budget=value)
    assert (error.field, error.value) == ("thinking_budget", value)
    assert "-1" in error.remedy


@pytest.mark.parametrize("budget", [401, -1, 10**30])
def test_the_servers_maximum_holds_for_every_request(budget: int) -> None:
    """Where a maximum is set, no cap at all is over it too; a silent clamp would answer something else."""
    model = WindowedModel(CAPPED, HINTS, context=1000, max_runs=64)
    assert read_request({"thinking_budget": 400}, model, CHAT).window.budget == 400
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


def long(num_tokens: int, **fields: object) -> Window:
    """The window of a chat whose messages are that many tokens."""
    return read_request(fields, MODEL, Prompts("messages", num_tokens=num_tokens)).window


def test_a_default_gives_way_to_a_limit_and_to_a_long_prompt() -> None:
    """Neither client has said a word of thinking: a refusal would name fields that it never heard of."""
    assert window(max_tokens=60) == Window(28, (1, 2, 3), 60)
    assert long(800) == window()
    assert long(900) == Window(48, (1, 2, 3), 100)
    assert long(990, hint="math") == Window(4, (4, 5), 10)
    assert long(900, thinking_budget=90) == Window(90, (1, 2, 3), 100)


@pytest.mark.parametrize(
    ("num_tokens", "fields", "field", "told"),
    [
        (1000, {}, "messages", "fills the model's context of 1000"),
        (1000, {"thinking_budget": -1}, "messages", "send a shorter one"),
        (1000, {"max_tokens": 5}, "messages", "send a shorter one"),
        (900, {"thinking_budget": 97}, "thinking_budget", "send 96 or less, or a shorter prompt"),
        (900, {"thinking_budget": 10**30}, "thinking_budget", "send 96 or less, or a shorter prompt"),
        (900, {"reasoning_effort": "high"}, "reasoning_effort", "send 96 or less, or a shorter prompt"),
        (900, {"max_tokens": 101}, "max_tokens", "send max_tokens of 100 or less"),
        (900, {"max_completion_tokens": 101}, "max_completion_tokens", "of 100 or less"),
    ],
)
def test_what_cannot_fit_is_refused_in_the_clients_words(
    num_tokens: int, fields: dict[str, object], field: str, told: str
) -> None:
    """The engine would complain of a ``max_tokens`` that the client never sent."""
    with pytest.raises(UserError) as caught:
        long(num_tokens, **fields)
    assert caught.value.field == field
    assert told in str(caught.value)


def test_a_prompt_that_no_default_could_fit_is_to_blame_itself() -> None:
    """Where the operator's maximum forbids even a run of the few tokens that are left."""
    model = WindowedModel(WindowConfig(default_budget=1, max_budget=1, efforts={}), HINTS, context=1000, max_runs=64)
    with pytest.raises(UserError, match="shorter prompt") as caught:
        read_request({}, model, Prompts("prompt", num_tokens=997))
    assert caught.value.field == "prompt"


def test_a_prompt_is_counted_only_where_it_matters() -> None:
    """To count it is to tokenize it once more."""
    assert not depends_on_prompt({"thinking_budget": 5, "max_tokens": 50})
    assert not depends_on_prompt({"reasoning_effort": "low", "max_completion_tokens": 50})
    assert depends_on_prompt({"thinking_budget": 5, "max_tokens": None})
    assert depends_on_prompt({"max_tokens": 50})


def test_choices_and_answer_only_are_read() -> None:
    """The meter counts runs by them, and the transcript leaves text out."""
    assert read_request({"n": 3, "answer_only": True}, MODEL, CHAT) == WindowRequest(
        Window(100, (1, 2, 3), 153), True, 3
    )


@pytest.mark.parametrize(
    ("count", "fields", "field"),
    [(65, {}, "prompt"), (1, {"n": 65}, "n"), (64, {"n": 32}, "n"), (33, {"n": 2}, "n")],
)
def test_more_runs_than_one_request_may_have_are_refused(count: int, fields: dict[str, object], field: str) -> None:
    """64 prompts of 32 choices each kept everybody else waiting for 24 seconds."""
    with pytest.raises(UserError, match="send 64 in all at most") as caught:
        read_request(fields, MODEL, Prompts("prompt", count))
    assert caught.value.field == field
    assert read_request({"n": 2}, MODEL, Prompts("prompt", 32)).num_runs == 64


def test_tools_need_an_engine_that_reads_their_calls() -> None:
    """To send -1, as the refusal once said, ends in another one where the engine has no parser."""
    tools: dict[str, object] = {"tools": [{"type": "function"}], "thinking_budget": -1}
    assert refused(**tools).problem == "this model's engine has no parser of tool calls"
    assert window(**tools, tool_choice="none").budget == -1
    able = WindowedModel(CONFIG, HINTS, context=1000, max_runs=64, tools=True)
    assert read_request(tools, able, CHAT).window.budget == -1
    assert not read_request(tools, able, CHAT).constrained
    assert read_request({**tools, "tool_choice": "required"}, able, CHAT).constrained
    assert read_request({"response_format": {"type": "json_object"}, "thinking_budget": -1}, able, CHAT).constrained
    assert "thinking budget (5 here)" in refused(able, **{**tools, "thinking_budget": 5}).problem


def test_stop_tokens_inside_the_hint_are_refused() -> None:
    """They would end every cut run inside the hint, without an answer."""
    assert refused(stop_token_ids=[9, 2]).field == "stop_token_ids"
    assert window(stop_token_ids=[9, 2], hint="math").budget == 100


def test_the_limit_field_follows_vllm() -> None:
    """The resolved limit is written back to this field; to the other one, vLLM would ignore it."""
    assert limit_field({"max_tokens": 3}) == limit_field({}) == "max_tokens"
    assert limit_field({"max_tokens": 3, "max_completion_tokens": None}) == "max_tokens"
    assert limit_field({"max_tokens": 3, "max_completion_tokens": 0}) == "max_completion_tokens"


def test_a_misspelt_budget_is_told_before_the_default_one_does_not_fit() -> None:
    """The client would read of a budget of 100 tokens that it never sent."""
    assert refused(thinking_budgets=5, max_tokens=60).field == "thinking_budgets"


def test_what_shapes_the_text_begins_after_the_hint() -> None:
    """With budget 0 the engine gets the hint with the prompt: a grammar would refuse its tokens as the run's first."""
    tools = {"tools": [{"type": "function"}], "tool_choice": "auto"}
    reading = WindowedModel(CONFIG, HINTS, context=1000, max_runs=64, tools=True)
    json_output = {"response_format": {"type": "json_object"}}
    for fields, constrained in ((json_output, True), (tools, False)):
        read = read_request({**fields, "reasoning_effort": "minimal", "hint": "math"}, reading, CHAT)
        assert (read.beginning, read.constrained, read.window) == ((4, 5), constrained, Window(0, (4, 5), 52))
        assert read_request({**fields, "thinking_budget": -1}, reading, CHAT).beginning == ()
    assert read_request({"thinking_budget": 0}, reading, CHAT).beginning == ()
