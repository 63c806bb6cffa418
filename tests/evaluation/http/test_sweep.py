"""A sweep over HTTP asks everything once, whatever the server does meanwhile."""

import asyncio
import multiprocessing
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.evaluation.http.server import (
    ANSWER,
    HINT_TOKENS,
    Server,
    cut_before,
    cut_within,
    question,
    refusing,
    running,
)
from tests.evaluation.http.sweeps import NAME, ask, problems, sweep
from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.evaluation.http.parts import kept_ids
from z1ray.window import CODE_HINT, WindowConfig


def counts(row):
    return row["thinking_tokens"], row["hint_tokens"], row["answer_tokens"], row["cut"]


def asked(server: Server) -> Counter[tuple[str, int]]:
    """How often each question was asked under each budget; the probe, with room for the hint alone, is left out."""
    probe = len(CODE_HINT) + 1
    return Counter(
        (question(body), body["thinking_budget"]) for body in server.bodies if body.get("max_tokens") != probe
    )


def test_every_problem_budget_and_sample_is_asked_once(tmp_path: Path) -> None:
    """Under the settings a model of our own would run under, and counted as it would be."""
    with running(Server()) as server:
        config = sweep(
            server.url,
            [4, -1, 0],
            samples=2,
            temperature=0.7,
            window=WindowConfig(answer_tokens=10, grace=0.5),
            hints={"maths": "code"},
        )
        rows = ask(config, problems(2, 9), tmp_path)
    assert len(rows) == 12
    assert asked(server) == {(f"Think {words}", budget): 2 for words in (2, 9) for budget in (4, -1, 0)}
    assert counts(rows["there#maths/0#4#1"]) == (2, 0, 0, False)
    assert counts(rows["there#maths/1#4#1"]) == (4, HINT_TOKENS, 3, True)
    assert counts(rows["there#maths/1#0#0"]) == (0, HINT_TOKENS, 3, True)
    assert counts(rows["there#maths/1#-1#0"]) == (9, 0, 0, False)
    assert rows["there#maths/1#0#0"]["text"] == CODE_HINT + ANSWER
    assert {(row["method"], row["model"], row["finish_reason"]) for row in rows.values()} == {
        ("shifted_thinking_window", NAME, "stop")
    }
    capped = next(body for body in server.bodies if body["thinking_budget"] == 4)
    assert capped["max_tokens"] == 4 + 2 + HINT_TOKENS + 10
    assert (capped["hint"], capped["grace"], capped["temperature"]) == ("code", 0.5, 0.7)
    assert [message["content"] for message in capped["messages"]] == ["Please reason step by step.", "Think 2"]
    draws = {(question(body), body["seed"]) for body in server.bodies}
    assert len(draws) == 4, "budgets share their draws, samples and problems do not"


def test_a_sweep_goes_on_after_faults(tmp_path: Path) -> None:
    """A full queue, a restart, a lost connection: none of them costs a row or doubles one."""
    with running(Server()) as server:
        config = sweep(server.url, [4])
        # The probe meets the first two, the sweep's first requests one each of the others.
        server.faults = [refusing(429, Retry_After="0.01"), refusing(503)]
        others = [refusing(503), cut_before, cut_within, refusing(500)]

        async def fail_again() -> None:
            while others:
                server.faults.append(others.pop())

        server.wait = fail_again
        rows = ask(config, problems(*range(8)), tmp_path)
    assert not server.faults
    assert len(server.bodies) == 3 + 4 + 8
    assert sorted(rows) == [f"there#maths/{number}#4#0" for number in range(8)]


def test_the_server_says_when_to_come_back(tmp_path: Path) -> None:
    """Its own time, where the client would have tried again after half a second."""
    times: list[float] = []

    async def busy(request):
        times.append(time.monotonic())
        return await refusing(429, Retry_After="1")(request)

    async def well() -> None:
        times.append(time.monotonic())

    with running(Server()) as server:
        server.faults, server.wait = [busy], well
        ask(sweep(server.url, [4]), problems(1), tmp_path)
    assert times[1] - times[0] >= 1


def test_no_more_requests_are_under_way_than_allowed(tmp_path: Path) -> None:
    """But as many: the server answers only once all three are there."""
    with running(Server("plain")) as server:
        together = asyncio.Barrier(3)

        async def wait() -> None:
            await together.wait()

        server.wait = wait
        ask(sweep(server.url, [-1], {"concurrency": 3}), problems(*range(9)), tmp_path)
    assert server.most_under_way == 3


def test_more_budgets_ask_only_what_is_missing(tmp_path: Path) -> None:
    """A point more on the curve costs one point."""
    with running(Server()) as server:
        first = ask(sweep(server.url, [4]), problems(2, 9), tmp_path)
        server.bodies.clear()
        rows = ask(sweep(server.url, [4, 6]), problems(2, 9, 3), tmp_path)
        assert asked(server) == {("Think 2", 6): 1, ("Think 9", 6): 1, ("Think 3", 6): 1, ("Think 3", 4): 1}
        server.bodies.clear()
        assert ask(sweep(server.url, [4, 6]), problems(2, 9, 3), tmp_path) == rows
    assert server.bodies == []
    assert len(rows) == 6
    assert {name: rows[name] for name in first} == first


def _run(url: str, folder: Path) -> None:
    ask(sweep(url, [-1], {"concurrency": 2}), problems(*range(8)), folder)


def test_a_killed_sweep_asks_nothing_twice_that_was_kept(tmp_path: Path) -> None:
    """SIGKILL in the middle: what the parts hold is not asked again, the rest is."""
    with running(Server()) as server:

        async def wait() -> None:
            while len(server.bodies) > 5 and not go_on:
                await asyncio.sleep(0.01)

        go_on: list[bool] = []
        server.wait = wait
        process = multiprocessing.get_context("spawn").Process(target=_run, args=(server.url, tmp_path))
        process.start()
        while len(kept := kept_ids(tmp_path / "http")) < 4:
            assert process.is_alive()
            time.sleep(0.05)
        process.kill()
        process.join()
        go_on.append(True)
        before = len(server.bodies)
        rows = ask(sweep(server.url, [-1]), problems(*range(8)), tmp_path)
    again = {question(body) for body in server.bodies[before:]}
    assert again == {f"Think {n}" for n in range(8) if f"there#maths/{n}#-1#0" not in kept}
    assert len(rows) == 8


def test_a_refusal_names_the_request_and_keeps_what_was_answered(tmp_path: Path) -> None:
    """In the server's words, but without the key that it repeats."""
    key = tmp_path / "key"
    key.write_text("sk-secret\n")
    with running(Server("plain")) as server:
        config = sweep(server.url, [-1], {"api_key": f"file:{key}", "concurrency": 1})

        async def refuse_the_fourth() -> None:
            if len(server.bodies) == 3:
                server.faults = [refusing(400, "too long for sk-secret")]

        server.wait = refuse_the_fourth
        with pytest.raises(UserError) as caught:
            ask(config, problems(*range(8)), tmp_path)
        assert caught.value.value == "there#maths/3#-1#0"
        assert "400: too long for ***" in str(caught.value)
        assert len(kept_ids(tmp_path / "http")) == 3
        assert set(server.headers) == {"Bearer sk-secret"}
        rows = ask(config, problems(*range(8)), tmp_path)
    assert len(rows) == 8
    artifacts.begin(tmp_path / "out", config)
    assert not [path for path in (tmp_path / "out").rglob("*") if "sk-secret" in path.read_text()]


def test_a_server_that_stays_ill_ends_the_sweep_by_name(tmp_path: Path) -> None:
    """After the retries, with what to do; what was answered stays."""
    with running(Server("plain")) as server:
        config = sweep(server.url, [-1], {"retries": 1, "concurrency": 1})
        server.faults = [refusing(503, "loading"), refusing(503, "loading")]
        with pytest.raises(UserError, match=r"asked 2 times; the last time 503: loading(.|\n)*kept"):
            ask(config, problems(1), tmp_path)
    with pytest.raises(UserError, match=r"evaluate\.endpoints\.there(.|\n)*no answer, asked 2 times"):
        ask(config, problems(1), tmp_path)
