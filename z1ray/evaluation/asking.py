"""What an engine runs for a request of a sweep: what its answers share, then all of them at once; and their rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from z1ray.engine.program import Generate
from z1ray.engine.tokens import tokenizer
from z1ray.evaluation.methods.table import Ask, State, carry_on, finish
from z1ray.evaluation.requests import ANSWERED, Sweep
from z1ray.evaluation.turn import Turn
from z1ray.records import Row


@dataclass(frozen=True, slots=True)
class Asking:
    """The program of a model's sweep (see ``z1ray.engine.program``).

    Attributes:
        swept: The sweep.
        seed: The evaluation's seed.
    """

    swept: Sweep
    seed: int

    async def __call__(self, request: Row, generate: Generate) -> Row:
        """Carry on what is written of the request's turn, then finish each of its answers.

        Returns:
            The columns of ``STATE``, ``num_generated`` and ``runs``: the fields of each ``Run``, with its
            ``method`` and ``thinking_budget``.
        """
        turn = self._turn(request, generate)
        asks = [
            Ask(method, self.swept.window(request["benchmark"], budget))
            for method, budget in zip(request["methods"], request["budgets"], strict=True)
        ]
        state = State(turn.trace(request["trace"]), request["waited"], request["draws"])
        state = await carry_on(turn, state, asks, self.swept.marks)
        answers = await finish(turn, state, asks, self.swept.marks)
        return {
            "trace": list(state.trace.token_ids),
            "waited": list(state.waited),
            "draws": [list(tokens) for tokens in state.draws],
            "num_generated": sum(turn.lengths),
            "runs": [
                {**asdict(run), "method": ask.method, "thinking_budget": ask.window.budget}
                for ask, runs in zip(asks, answers, strict=True)
                for run in runs
            ],
        }

    def _turn(self, request: Row, generate: Generate) -> Turn:
        return Turn(
            name=f"{request['problem_id']}#{request['sample']}",
            prompt=request["tokenized_prompt"],
            sampling=request["sampling_params"],
            seed=self.seed,
            ends=self.swept.ends,
            breaks=self.swept.breaks,
            context=self.swept.context,
            generate=generate,
        )


def answered_row(row: Row, *, swept: Sweep, model: str) -> Row:
    """An answered request as a row of ``ANSWERED``, its answers not graded yet.

    Args:
        row: The request with what ``Asking`` returned.
        swept: The sweep it belongs to.
        model: Folder or hub name.

    Raises:
        RuntimeError: If the engine refused the request: a curve has no holes.
    """
    if row["error"]:
        raise RuntimeError(f"evaluation request {row['request_id']} failed: {row['error']}")
    answers = [_answer(row, run, swept, model) for run in row["runs"]]
    return {name: row.get(name) for name in ANSWERED.names} | {"answers": answers}


def _answer(row: Row, run: Row, swept: Sweep, model: str) -> Row:
    tokens = [*row["trace"][: run["kept"]], *run["added"]]
    sample = row["sample"] + run["sample"]
    counts = {name: run[name] for name in ("thinking_tokens", "hint_tokens", "answer_tokens", "cut")}
    return {
        "row_id": swept.row_id(row["problem_id"], run["thinking_budget"], sample, run["method"]),
        "benchmark": row["benchmark"],
        "problem_id": row["problem_id"],
        "model": swept.model,
        "method": run["method"],
        "thinking_budget": run["thinking_budget"],
        "sample": sample,
        "text": _text(model, tokens),
        "finish_reason": "stop" if tokens[-1] in swept.ends else "length",
        **counts,
    }


def _text(model: str, tokens: Sequence[int]) -> Any:
    return tokenizer(model).decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
