"""What Ray's metrics endpoint says of the window is what the responses said."""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.scrape import metrics_page, samples
from tests.serving.conftest import MODEL, Served
from z1ray.serving.replica.metrics import REJECTED, Meter, RequestCounter
from z1ray.window import Accounting, Window

pytestmark = pytest.mark.ray

Samples = defaultdict[tuple[str, ...], float]
DASHBOARD = Path(__file__).parents[3] / "cluster" / "grafana.json"
HINT = (5, 6)
PATIENCE_S = 120
LABELS = ("outcome", "kind", "by", "sequences", "le")


def scraped(model: str) -> Samples:
    """A model's samples of z1ray, summed over processes, by name and the labels that tell them apart."""
    found: Samples = defaultdict(float)
    for sample in samples():
        if sample.name.startswith("ray_z1ray_serve_") and sample.labels.get("model") == model:
            labels = [
                sample.labels[name] for name in ("outcome", "kind", "by", "sequences", "le") if name in sample.labels
            ]
            found[(sample.name.removeprefix("ray_z1ray_serve_"), *labels)] += sample.value
    return found


def by_key(model: str) -> dict[str, float]:
    """The tokens of a model by the name of the key they were written for."""
    found: dict[str, float] = defaultdict(float)
    for sample in samples():
        if sample.name == "ray_z1ray_serve_generated_tokens_total" and sample.labels.get("model") == model:
            found[sample.labels["key"]] += sample.value
    return found


def eventually(look: Callable[[], Any], expected: Any) -> None:
    """Processes send what they have counted every second."""
    deadline = time.monotonic() + PATIENCE_S
    while (seen := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    assert seen == expected


@pytest.mark.usefixtures("ray_cluster")
def test_every_ending_is_counted_once_and_leaves_no_load() -> None:
    """An ending that is not counted makes the quotients wrong; one that leaves load behind, the autoscaler."""
    model = "unit"
    meter = Meter(model, context=1024)
    capped = Window(100, HINT, 150)

    def stream(num_runs: int, *, code: int | None = None) -> Any:
        with meter.request(capped, num_runs, "alice") as request:
            request.goes_on(capped, "load" if num_runs == 2 else None)
            for index in range(num_runs):
                request.wrote(index, 3)
                yield asyncio.run(meter.stats())
                if code is not None:
                    request.error(code)
                    return
                request.finished(index, Accounting(100, 2, 48, cut=True))
            yield None

    assert next(stream(2)) == {"pending_tokens": 297.0, "ongoing_sequences": 2.0}
    assert list(stream(2))[-1] is None
    read_to_the_end_but_not_beyond = stream(1)
    assert [next(read_to_the_end_but_not_beyond) for _ in range(2)][-1] is None
    read_to_the_end_but_not_beyond.close()
    assert len(list(stream(1, code=404))) == 1
    assert len(list(stream(1, code=503))) == 1
    with pytest.raises(RuntimeError), meter.request(capped, 1):
        raise RuntimeError("a fault of ours")
    with pytest.raises(asyncio.CancelledError), meter.request(Window(-1, HINT, None), 1):
        raise asyncio.CancelledError
    meter.show_speed({16: 0.25})
    meter.refused()
    RequestCounter().count(model, REJECTED)
    assert asyncio.run(meter.stats()) == {"pending_tokens": 0.0, "ongoing_sequences": 0.0}

    expected = {
        ("requests_total", "ok"): 2,
        ("requests_total", "refused"): 2,
        ("requests_total", "failed"): 2,
        ("requests_total", "disconnected"): 2,
        ("requests_total", "rejected"): 1,
        ("sequences_total",): 3,
        ("cut_sequences_total",): 3,
        ("generated_tokens_total", "thinking"): 300,
        ("generated_tokens_total", "hint"): 6,
        ("generated_tokens_total", "answer"): 144,
        ("thinking_budget_tokens_bucket", "64.0"): 0,
        ("thinking_budget_tokens_bucket", "128.0"): 5,
        ("bounded_requests_total", "load"): 2,
        ("seconds_per_token", "16"): 0.25,
        ("time_to_first_token_seconds_count",): 5,
        ("ongoing_requests",): 0,
        ("pending_tokens",): 0,
    }
    eventually(lambda: {name: scraped(model)[name] for name in expected}, expected)
    assert by_key(model) == {"alice": 450}


def chat(served: Served, budget: int, **fields: Any) -> Any:
    messages: Any = [{"role": "user", "content": "Explain binary search step by step."}]
    extra = {"thinking_budget": budget, "ignore_eos": True}
    return served.api.chat.completions.create(model=MODEL, messages=messages, extra_body=extra, **fields)


@pytest.mark.vllm
def test_metrics_are_what_the_responses_said(served: Served) -> None:
    """Dashboards and bills are made of them."""
    before, of_keys = settled(MODEL), by_key(MODEL)
    endings = [choice.model_dump() for choice in chat(served, 12, n=2).choices]
    for chunk in chat(served, 6, stream=True):
        endings += [choice.model_dump() for choice in chunk.choices if choice.finish_reason]
    endings += [choice.model_dump() for choice in chat(served, 40, max_tokens=60).choices]
    with pytest.raises(openai.BadRequestError):
        chat(served, -7)
    with pytest.raises(openai.NotFoundError):
        served.api.completions.create(model=f"{MODEL}:invented", prompt="hi")
    left = chat(served, 400, stream=True)
    # Not before its first token, which is counted: a chat begins with a chunk that has none.
    next(chunk for chunk in left if chunk.choices[0].delta.content)
    left.close()

    def sums() -> dict[tuple[str, ...], float]:
        now = scraped(MODEL)
        return {name: now[name] - before[name] for name in expected}

    thinking = [ending["thinking"] for ending in endings]
    assert [part["cut"] for part in thinking] == [True] * 4
    expected: dict[tuple[str, ...], float] = {
        ("requests_total", "ok"): 3,
        ("requests_total", "refused"): 1,
        ("requests_total", "disconnected"): 1,
        ("requests_total", "failed"): 0,
        ("sequences_total",): 4,
        ("cut_sequences_total",): 4,
        ("generated_tokens_total", "thinking"): sum(part["thinking_tokens"] for part in thinking),
        ("generated_tokens_total", "hint"): sum(part["hint_tokens"] for part in thinking),
        ("generated_tokens_total", "answer"): sum(part["answer_tokens"] for part in thinking),
        ("thinking_budget_tokens_bucket", "32.0"): 2,
        ("thinking_budget_tokens_bucket", "512.0"): 4,
        ("time_to_first_token_seconds_count",): 2,
    }
    eventually(sums, expected)
    written = sum(part[f"{kind}_tokens"] for part in thinking for kind in ("thinking", "hint", "answer"))
    assert by_key(MODEL) == {**of_keys, "alice": of_keys["alice"] + written}
    assert not any("invented" in label for sample in samples() for label in sample.labels.values())
    eventually(lambda: (scraped(MODEL)["ongoing_requests",], scraped(MODEL)["pending_tokens",]), (0, 0))


def settled(model: str) -> Samples:
    """The samples once two scrapes, further apart than any process waits, are the same."""
    before = scraped(model)
    while True:
        time.sleep(3)
        now = scraped(model)
        if now and now == before:
            return now
        before = now


@pytest.mark.vllm
@pytest.mark.usefixtures("served")
def test_every_metric_on_the_dashboard_is_exported() -> None:
    """Its panels also show some of Ray's own metrics, which another version of Ray may name differently."""
    Meter("unit", context=1024).goes_on(Window(100, HINT, 150), "load")  # a count that no other test needs
    targets = [target for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]]
    asked = {name for target in targets for name in re.findall(r"\bray_\w+", target["expr"])}
    # Those of generation and training have their own tests.
    asked = {name for name in asked if not name.startswith(("ray_z1ray_generate_", "ray_z1ray_train_"))}
    assert len(asked) >= 9
    missing = lambda: {name for name in asked if f"\n{name}{{" not in metrics_page()}  # noqa: E731
    eventually(missing, set())
