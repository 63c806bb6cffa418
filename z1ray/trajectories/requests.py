"""The full list of requests of a run: problem x mode x sample, with stable ids and seeds."""

import json

import pyarrow as pa

from z1ray.engine.tokens import chat_token_ids, context_length
from z1ray.errors import UserError
from z1ray.prompts import chat_messages
from z1ray.records import MESSAGES, Row, request_seed, trajectory_id
from z1ray.trajectories.config import GenerateConfig, ModeConfig

REQUEST = pa.schema(
    [
        pa.field("trajectory_id", pa.string(), nullable=False),
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),
        pa.field("sample", pa.int32(), nullable=False),
        ("messages", MESSAGES),
    ]
)


def build_requests(config: GenerateConfig, problems: list[Row]) -> list[Row]:
    """All requests, longest expected first so that the run has a short tail.

    The same configuration gives the same ids, seeds and order.

    Returns:
        Rows of ``REQUEST`` with ``z1ray.engine.batch.REQUEST_FIELDS``.

    Raises:
        UserError: If a question does not fit the context.
    """
    by_length = sorted(config.modes.items(), key=lambda item: -item[1].max_tokens)
    return [request for name, mode in by_length for request in _mode_requests(config, name, mode, problems)]


def _mode_requests(config: GenerateConfig, name: str, mode: ModeConfig, problems: list[Row]) -> list[Row]:
    chats = [chat_messages(problem["question"], mode.system_prompt) for problem in problems]
    prompts = chat_token_ids(config.model, chats)
    longest = context_length(config.model, config.engine.max_model_len) - mode.max_tokens
    rows = []
    for problem, chat, prompt in zip(problems, chats, prompts, strict=True):
        _require_fits(problem["problem_id"], name, len(prompt), longest)
        for sample in range(config.samples_per_problem):
            id_ = trajectory_id(problem["problem_id"], name, sample)
            rows.append(
                {
                    "trajectory_id": id_,
                    "problem_id": problem["problem_id"],
                    "mode": name,
                    "sample": sample,
                    "messages": chat,
                    "tokenized_prompt": prompt,
                    "sampling": sampling(mode, request_seed(config.seed, id_)),
                }
            )
    return rows


def sampling(mode: ModeConfig, seed: int) -> str:
    """Arguments of vLLM's SamplingParams as JSON."""
    params = {"temperature": mode.temperature, "top_p": mode.top_p, "max_tokens": mode.max_tokens, "seed": seed}
    return json.dumps(params, sort_keys=True)


def _require_fits(problem_id: str, mode: str, num_tokens: int, longest: int) -> None:
    if num_tokens > longest:
        raise UserError(
            f"problem {problem_id!r}: question",
            f"{num_tokens} tokens",
            f"with generate.modes.{mode}.max_tokens it does not fit the context: {longest} tokens are left for it",
            f"lower generate.modes.{mode}.max_tokens, raise generate.engine.max_model_len, or remove the problem",
        )
