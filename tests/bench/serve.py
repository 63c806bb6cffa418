"""What Ray Serve costs: `make bench-serve`.

z1ray's endpoint, started by its own code with keys and budgets on, against the bare
engine behind vLLM's own OpenAI server: same model (SmolLM2-135M, float32), engine
settings, logits processor, key check and requests. Streaming chats over HTTP from
1, 8 and 32 clients, each of which sends its next request when its last stream has ended.

- ``throughput_ratio``: generated tokens per second with 32 clients, Serve over bare.
- ``ttft_ratio_c1``, ``_c8``, ``_c32``: median seconds to the first chunk with text, Serve over bare.

Rounds go bare, Serve, Serve, bare, so that a machine that drifts favours neither, and Ray
runs only while Serve is measured: its idle processes would slow the bare engine down.
Each figure is the median over the rounds; the last line of output is one JSON object.
"""

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench import endpoint
from tests.bench.endpoint import KEY
from tests.bench.load import Load, Result
from z1ray.engine.args import extra_args
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs
from z1ray.engine.tokens import text_token_ids
from z1ray.models import embedded
from z1ray.ports import free_port
from z1ray.problems import leetcode
from z1ray.problems.config import SourceConfig
from z1ray.prompts import chat_messages
from z1ray.resolve import resolve
from z1ray.serving.config import ServeConfig
from z1ray.window import CODE_HINT, WindowConfig

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=2048, max_num_seqs=32, enforce_eager=True)
NAME = "smollm2"
STREAM_INTERVAL = ServeConfig(models={NAME: ""}).stream_interval
REQUESTS = {1: 8, 8: 24, 32: 64}
"""How many to send, by the number of clients."""
ROUNDS = 2
# Unequal lengths keep the streams out of step, as real ones are.
BUDGETS = (8, 16, 24, 32, 40)
ANSWER_TOKENS = 24
MAX_CHARACTERS = 800
# Ray runs its workers at this niceness; the bare engine gets the same.
NICENESS = 15
START_TIMEOUT_S = 180.0

_FOLDER = Path("runs") / "models" / embedded.NAME


@dataclass(frozen=True)
class Side:
    """One of the two servers."""

    name: str
    address: str


def questions() -> list[str]:
    """The shorter problems of the embedded source, about 200 tokens each."""
    found = [row["question"] for row in leetcode.read(SourceConfig(kind="leetcode"))]
    return [question for question in found if len(question) <= MAX_CHARACTERS]


def body(side: Side, number: int, question: str, hint: tuple[int, ...]) -> dict[str, Any]:
    """Request ``number``: every run goes to its full length, and is cut at its budget on the way."""
    window = resolve(WindowConfig(answer_tokens=ANSWER_TOKENS), hint, BUDGETS[number % len(BUDGETS)])
    cap = {"vllm_xargs": extra_args(window)} if side.name == "bare" else {"thinking_budget": window.budget}
    return {
        "model": NAME,
        # The number comes first: no prompt shares more than its template with another, or with the round before.
        "messages": chat_messages(f"({number}) {question}", None),
        "max_tokens": window.max_tokens,
        "ignore_eos": True,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
        **cap,
    }


def measure(side: Side, num_clients: int, bodies: list[dict[str, Any]]) -> Result:
    """One phase, with the clients in a process of their own."""
    load = Load(f"{side.address}/v1/chat/completions", {"Authorization": f"Bearer {KEY}"}, num_clients, bodies)
    command = [sys.executable, "-m", "tests.bench.load"]
    done = subprocess.run(command, input=json.dumps(asdict(load)), stdout=subprocess.PIPE, text=True, check=True)
    return Result(**json.loads(done.stdout))


class Bench:
    """Sends every request once, and keeps what came back."""

    def __init__(self) -> None:
        self._hint = text_token_ids(str(_FOLDER), CODE_HINT)
        self._questions = questions()
        self._number = 0
        self.results: dict[tuple[str, int], list[Result]] = {}

    def warm_up(self, side: Side) -> None:
        """A few requests that do not count."""
        measure(side, 4, self._bodies(side, 8))

    def round(self, side: Side) -> None:
        """All numbers of clients once."""
        for num_clients, num_requests in REQUESTS.items():
            result = measure(side, num_clients, self._bodies(side, num_requests))
            self.results.setdefault((side.name, num_clients), []).append(result)
            print(f"{side.name}, {num_clients} clients: {summary(result)}", file=sys.stderr)

    def _bodies(self, side: Side, num: int) -> list[dict[str, Any]]:
        numbers = range(self._number, self._number + num)
        self._number += num
        return [body(side, n, self._questions[n % len(self._questions)], self._hint) for n in numbers]

    def figures(self) -> dict[str, float]:
        """The ratios, and what they were made of."""
        rates = {key: [r.num_tokens / r.seconds for r in found] for key, found in self.results.items()}
        waits = {key: [statistics.median(r.first_token_s) for r in found] for key, found in self.results.items()}
        most = max(REQUESTS)
        figures = {"throughput_ratio": round(_ratio(rates["serve", most], rates["bare", most]), 3)}
        for clients in REQUESTS:
            figures[f"ttft_ratio_c{clients}"] = round(_ratio(waits["serve", clients], waits["bare", clients]), 3)
        for name in ("serve", "bare"):
            figures[f"{name}_tokens_per_s"] = round(statistics.median(rates[name, most]), 1)
            for clients in REQUESTS:
                figures[f"{name}_ttft_ms_c{clients}"] = round(1000 * statistics.median(waits[name, clients]), 1)
        return figures


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """Median over the rounds."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


def summary(result: Result) -> str:
    """One phase for people."""
    wait = statistics.median(result.first_token_s)
    return f"{result.num_tokens / result.seconds:.1f} tokens/s, first token after {1000 * wait:.0f} ms"


@contextmanager
def bare() -> Iterator[Side]:
    """The engine behind vLLM's own server, in processes of its own."""
    port = free_port()
    kwargs = {**engine_kwargs(ENGINE, windows=True), "stream_interval": STREAM_INTERVAL}
    command = ["nice", "-n", str(NICENESS), sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(_FOLDER), "--served-model-name", NAME, "--api-key", KEY]
    command += ["--host", "127.0.0.1", "--port", str(port), *_flags(kwargs)]
    env = {**os.environ, **engine_env(ENGINE), "VLLM_LOGGING_LEVEL": "ERROR"}
    server = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    side = Side("bare", f"http://127.0.0.1:{port}")
    try:
        _wait_until_healthy(side, server)
        yield side
    finally:
        server.terminate()
        server.wait()


def _flags(kwargs: dict[str, Any]) -> list[str]:
    """Engine arguments as vLLM takes them on its command line."""
    flags = []
    for name, value in kwargs.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            flags += [f"--{flag}", *map(str, value if isinstance(value, list) else [value])]
    return flags


def _wait_until_healthy(side: Side, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    local = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            local.open(f"{side.address}/health").close()
            return
        except OSError:
            assert server.poll() is None, "the bare server ended"
            assert time.monotonic() < deadline, "the bare server did not start"
        time.sleep(0.5)


@contextmanager
def served() -> Iterator[Side]:
    """z1ray's endpoint."""
    with endpoint.served(NAME, _FOLDER, engine=ENGINE) as address:
        yield Side("serve", address)


def main() -> None:
    """Start, warm up, measure, print."""
    endpoint.set_environment()
    embedded.prepare(_FOLDER)
    bench = Bench()
    with bare() as engine:
        bench.warm_up(engine)
        bench.round(engine)
        with served() as ours:
            bench.warm_up(ours)
            for _ in range(ROUNDS):
                bench.round(ours)
        for _ in range(ROUNDS - 1):
            bench.round(engine)
    print(json.dumps({**bench.figures(), "num_requests": sum(REQUESTS.values()), "rounds": ROUNDS}))


if __name__ == "__main__":
    main()
