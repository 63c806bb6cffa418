"""What a server does with a budget is what its rows say, or the server is refused."""

from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.http.server import ANSWER, HINT_TOKENS, Server, completion, running
from tests.evaluation.http.sweeps import NAME, ask, problems, sweep
from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.evaluation.evaluate import evaluate
from z1ray.problems.config import SourceConfig


def counts(row):
    return row["method"], row["thinking_tokens"], row["hint_tokens"], row["answer_tokens"], row["cut"]


def asked(kind: str, budgets: list[int], folder: Path, **endpoint: Any) -> tuple[list[Any], Server]:
    """The counts of one problem's answers, from the smallest budget; it needs nine words."""
    with running(Server(kind)) as server:
        rows = ask(sweep(server.url, budgets, endpoint), problems(9), folder)
    return [counts(rows[f"{NAME}#maths/0#{budget}#0"]) for budget in sorted(budgets)], server


def test_a_server_that_ignores_budgets_is_refused_before_anything_is_cleared(tmp_path: Path) -> None:
    """Its curve would be flat, and nobody would know why; one tiny request tells."""
    file = tmp_path / "problems.jsonl"
    file.write_text('{"problem_id": "a", "question": "Think 9", "tests": {"kind": "reference", "reference": "42"}}\n')
    source = SourceConfig(kind="jsonl", path=str(file), name="maths")
    output = tmp_path / "out"
    artifacts.begin(output, {"of": "a test"})
    artifacts.finish(output, 0.0)
    with running(Server("plain")) as server:
        config = sweep(server.url, [4, 8], benchmarks=[source])
        with pytest.raises(UserError, match=r"endpoints\.there(.|\n)*ignores thinking_budget(.|\n)*budgets=\[-1\]"):
            evaluate(config, output, force=True)
    assert (output / artifacts.MANIFEST).exists()
    assert [body["thinking_budget"] for body in server.bodies] == [0]


def test_without_a_cap_any_server_will_do(tmp_path: Path) -> None:
    """All of a run is thinking then, as of a run of ours that was not cut."""
    rows, server = asked("plain", [-1], tmp_path / "a", budget_field=None)
    assert rows == [("uncapped", 9, 0, 0, False)]
    assert server.bodies[0].keys() == {"model", "messages", "temperature", "top_p"}
    assert asked("plain", [-1], tmp_path / "b")[0] == rows


def test_a_limit_on_the_whole_answer_is_a_budget_too(tmp_path: Path) -> None:
    """Under the field's own name, so that it never stands beside a window as if it were the same."""
    rows, server = asked("limited", [-1, 4, 20], tmp_path, budget_field="max_tokens")
    assert rows == [("max_tokens", 9, 0, 0, False), ("max_tokens", 4, 0, 0, False), ("max_tokens", 9, 0, 0, False)]
    assert {body.get("max_tokens") for body in server.bodies} == {None, 20, 4}


def test_another_servers_own_budget_needs_its_count_of_reasoning(tmp_path: Path) -> None:
    """A few tokens late is what was written, and is what is counted."""
    rows, server = asked("reasoning", [-1, 4], tmp_path, budget_field="thinking_token_budget")
    assert rows == [("thinking_token_budget", 9, 0, 3, False), ("thinking_token_budget", 6, 0, 3, True)]
    assert {body.get("max_tokens") for body in server.bodies} == {None, 4 + 10}


@pytest.mark.parametrize(
    ("kind", "words", "field", "told"),
    [
        ("plain", 9, "max_tokens", "ignores max_tokens"),
        ("plain", 9, "thinking_token_budget", "does not tell which of its tokens were thinking"),
        ("reasoning", 99, "effort", "ignores effort"),
        ("z1ray", 9, "max_tokens", "set budget_field to thinking_budget"),
    ],
)
def test_a_cap_that_was_not_kept_is_refused(tmp_path: Path, kind: str, words: int, field: str, told: str) -> None:
    """By the field that the user named."""
    with running(Server(kind)) as server, pytest.raises(UserError, match=told):
        ask(sweep(server.url, [4], {"budget_field": field}), problems(words), tmp_path)


def test_a_z1ray_server_without_its_field_is_refused_uncapped_too(tmp_path: Path) -> None:
    """It would answer under its default budget, and the row would say that there was none."""
    with running(Server()) as server, pytest.raises(UserError, match="took its default one"):
        ask(sweep(server.url, [-1], {"budget_field": None}), problems(9), tmp_path)


def test_another_hint_of_the_same_name_is_refused(tmp_path: Path) -> None:
    """Grading reads from the hint on."""
    with running(Server(hint="\n\nWell:\n\n")) as server, pytest.raises(UserError, match=r"Well(.|\n)*hints\.code"):
        ask(sweep(server.url, [4]), problems(9), tmp_path)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"detail": "Not Found"}, "no chat completion"),
        (completion(ANSWER, 3) | {"usage": None}, "does not tell how many tokens"),
    ],
)
def test_an_answer_that_tells_too_little_is_refused(tmp_path: Path, answer: dict[str, Any], told: str) -> None:
    """Rather than counted as nothing."""
    server = Server("plain")
    server._plain = lambda body, needed: answer  # type: ignore[method-assign]
    with running(server), pytest.raises(UserError, match=told):
        ask(sweep(server.url, [-1], {"budget_field": None}), problems(9), tmp_path)


def test_the_probe_tells_the_hints_length(tmp_path: Path) -> None:
    """So the answer gets its own room, in the server's tokens."""
    rows, server = asked("z1ray", [4], tmp_path)
    assert rows == [("shifted_thinking_window", 4, HINT_TOKENS, 3, True)]
    assert [body["max_tokens"] for body in server.bodies[1:]] == [4 + HINT_TOKENS + 10]
    assert (server.bodies[0]["thinking_budget"], server.bodies[0]["hint"]) == (0, "code")
