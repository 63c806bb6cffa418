"""The window inside a real vLLM engine is the two-pass reference, token for token."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pytest

from z1ray.engine.args import BUDGET_ARG, HINT_ARG, extra_args
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs
from z1ray.engine.tokens import chat_token_ids, end_token_ids, newline_token_ids, text_token_ids
from z1ray.evaluation.asking import Asking
from z1ray.evaluation.methods.marks import marks
from z1ray.evaluation.methods.names import BUDGET_FORCING, BUDGET_FORCING_WAIT, TWO_PASS, WINDOW
from z1ray.evaluation.requests import Sweep
from z1ray.evaluation.two_pass import Completion, two_pass
from z1ray.miniature.lessons import LONG_PROMPT, SHORT_PROMPT
from z1ray.models.miniature import SHIPPED
from z1ray.prompts import chat_messages
from z1ray.resolve import resolve
from z1ray.window import CODE_HINT, NO_CAP, Window, WindowConfig, account

pytestmark = pytest.mark.vllm

METHODS = (WINDOW, TWO_PASS, BUDGET_FORCING, BUDGET_FORCING_WAIT)
# Small, and it answers programs line by line.
MODEL = str(SHIPPED)
ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=256, max_num_seqs=8, enforce_eager=True)


def program(*changes: int) -> str:
    """A question of the kind that the model was trained on."""
    lines = "".join(f"a += {change}\n" for change in changes)
    code = f"```python\na = 9\n{lines}print(a)\n```"
    return f'What does this program print?\n\n{code}\n\nEnd with "Answer:" and then the final answer alone.'


# The first two end within 10 tokens, the next write line after line, the last one line that hardly ends.
CHATS = [
    chat_messages(program(4), SHORT_PROMPT),
    chat_messages(program(2), SHORT_PROMPT),
    chat_messages(program(8, 9, 5, 9, 6, 1), LONG_PROMPT),
    chat_messages(program(7, 1, 3, 8, 2, 6), LONG_PROMPT),
    chat_messages("Tell me a long story about a dragon.", None),
]


@pytest.fixture(scope="module")
def llm() -> Iterator[Any]:
    """One real engine on a real model for every test here."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine_env(ENGINE).items():
            patch.setenv(name, value)
        from vllm import LLM

        engine = LLM(MODEL, **engine_kwargs(ENGINE, windows=True))
        yield engine
        engine.llm_engine.engine_core.shutdown()


@pytest.fixture(scope="module")
def prompts() -> list[list[int]]:
    return chat_token_ids(MODEL, CHATS)


@pytest.fixture(scope="module")
def hint() -> tuple[int, ...]:
    """Longer than the two tokens that Z1's phrase is to this model."""
    found = text_token_ids(MODEL, f"{CODE_HINT} 3 + 4 = 7")
    assert len(found) > 4
    return found


def complete(llm: Any, prompts: Sequence[Sequence[int]], max_tokens: int | None, **params: Any) -> list[Completion]:
    from vllm import SamplingParams

    sampling = SamplingParams(temperature=params.pop("temperature", 0), max_tokens=max_tokens, **params)
    outputs = llm.generate([{"prompt_token_ids": list(p)} for p in prompts], sampling, use_tqdm=False)
    return [
        Completion(tuple(choice.token_ids), choice.finish_reason == "stop")
        for output in outputs
        for choice in output.outputs
    ]


@pytest.mark.parametrize("budget", [0, 1, 10, 64])
def test_single_pass_equals_two_passes(llm, prompts, hint, budget):
    """With greedy decoding the engine's one pass and Z1's two give the same tokens."""
    window = resolve(WindowConfig(answer_tokens=24), hint, budget)
    reference = two_pass(lambda batch, limit: complete(llm, batch, limit), prompts, window)
    assert complete(llm, prompts, window.max_tokens, extra_args=extra_args(window)) == reference
    cut = [account(window, completion.token_ids, ()).cut for completion in reference]
    # The test means something only if both kinds occur where they can.
    assert any(cut)
    assert all(cut) == (budget < 10)


def test_hint_stands_exactly_at_the_budget(llm, prompts, hint):
    """Tokens B .. B+|H|-1 of every cut run are the hint."""
    window = resolve(WindowConfig(answer_tokens=8), hint, 10)
    for completion in complete(llm, prompts, window.max_tokens, extra_args=extra_args(window)):
        if account(window, completion.token_ids, ()).cut:
            assert completion.token_ids[10 : 10 + len(hint)] == hint
        else:
            assert completion.ended


def test_grace_cuts_at_the_first_line_end_of_the_models_own_text(llm, prompts, hint):
    """Against the same greedy run without a cap: same tokens up to the line end or the grace's end, then the hint."""
    breaks = newline_token_ids(MODEL)
    free = [completion.token_ids for completion in complete(llm, prompts[2:], 100)]
    early = late = 0
    for budget in (9, 20, 27):
        window = resolve(WindowConfig(answer_tokens=4, grace=1), hint, budget)
        runs = complete(llm, prompts[2:], window.max_tokens, extra_args=extra_args(window))
        for tokens, completion in zip(free, runs, strict=True):
            ends = [at for at in range(budget, 2 * budget) if tokens[at - 1] in breaks]
            cut = min([*ends, 2 * budget])
            assert completion.token_ids[: cut + len(hint)] == tokens[:cut] + hint
            assert account(window, completion.token_ids, breaks).thinking_tokens == cut
            early, late = early + bool(ends), late + (not ends)
    # The test means something only if both kinds occur.
    assert early
    assert late


@pytest.mark.parametrize(("grace", "budgets"), [(0.0, (48, 20, 3)), (0.5, (32, 9, 0))])
def test_branches_of_one_trace_are_what_separate_runs_give(llm, prompts, hint, grace, budgets):
    """Greedy, token for token: so an evaluation may think once, at its largest budget, without the processor."""
    breaks, ends = newline_token_ids(MODEL), end_token_ids(MODEL)
    windows = {("b", b): resolve(WindowConfig(answer_tokens=8, grace=grace), hint, b) for b in budgets}
    asking = Asking(Sweep("m", windows, breaks, ends, marks(MODEL), context=256), seed=0)
    told = asyncio.run(branched(llm, asking, prompts, budgets, (WINDOW,) if grace else METHODS))
    if not grace:
        keep_to_their_definitions(told, budgets)
    for number, window in enumerate(windows.values()):
        separate = complete(llm, prompts, window.max_tokens, extra_args=extra_args(window))
        runs = [each["runs"][number] for each in told]
        tokens = [(*each["trace"][: run["kept"]], *run["added"]) for each, run in zip(told, runs, strict=True)]
        assert tokens == [completion.token_ids for completion in separate]
        accounts = [account(window, completion.token_ids, breaks) for completion in separate]
        assert [{name: run[name] for name in asdict(accounts[0])} for run in runs] == [asdict(a) for a in accounts]
    # The test means something only if both kinds occur.
    assert {run["cut"] for each in told for run in each["runs"]} == {True, False}


def keep_to_their_definitions(told: list[dict[str, Any]], budgets: Sequence[int]) -> None:
    """Greedy, two passes are the window without grace; s1's methods differ from it by what they put in."""
    for each in told:
        windowed, two_pass, forced, waited = (
            [run for run in each["runs"] if run["method"] == method] for method in METHODS
        )
        nameless = [[{**run, "method": None} for run in runs] for runs in (windowed, two_pass)]
        assert nameless[0] == nameless[1]
        assert [run["cut"] for run in forced] == [run["cut"] for run in windowed]
        assert [run["kept"] for run in forced] == [run["kept"] for run in windowed]
        assert [(run["cut"], run["thinking_tokens"]) for run in waited] == [(True, budget) for budget in budgets]


async def branched(
    llm: Any, asking: Asking, prompts: list[list[int]], budgets: Sequence[int], methods: Sequence[str]
) -> list[dict[str, Any]]:
    """What an evaluation's program makes of each prompt; what is asked for at the same time is one batch."""
    from vllm import SamplingParams

    waiting: list[tuple[Any, Any, asyncio.Future[list[int]]]] = []

    def answer() -> None:
        asked = waiting.copy()
        waiting.clear()
        outputs = llm.generate([prompt for prompt, _, _ in asked], [params for _, params, _ in asked], use_tqdm=False)
        for (_, _, future), output in zip(asked, outputs, strict=True):
            future.set_result(list(output.outputs[0].token_ids))

    async def generate(prompt: Sequence[int], sampling: Any) -> Sequence[int]:
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        if not waiting:
            asyncio.get_running_loop().call_soon(answer)
        waiting.append(({"prompt_token_ids": list(prompt)}, SamplingParams(**sampling), future))
        return await future

    request = {"benchmark": "b", "problem_id": "p", "sample": 0, "trace": (), "waited": (), "draws": ()}
    asks = {"methods": [method for method in methods for _ in budgets], "budgets": [*budgets] * len(methods)}
    request |= asks | {"sampling_params": {"temperature": 0}}
    return await asyncio.gather(*(asking({**request, "tokenized_prompt": prompt}, generate) for prompt in prompts))


def test_requests_with_and_without_a_window_share_a_batch(llm, prompts, hint):
    """Rows join, leave and move within the batch; each must keep its own window."""
    from vllm import SamplingParams

    windows = [resolve(WindowConfig(answer_tokens=6 * i + 4), hint, b) for i, b in enumerate([0, NO_CAP, 7, 30, 3])]
    params = [
        SamplingParams(temperature=0, max_tokens=window.max_tokens or 40, extra_args=extra_args(window) or None)
        for window in windows
    ]
    requests = [{"prompt_token_ids": prompt} for prompt in prompts]
    together = llm.generate(requests, params, use_tqdm=False)
    for request, param, output in zip(requests, params, together, strict=True):
        alone = llm.generate([request], param, use_tqdm=False)[0]
        assert output.outputs[0].token_ids == alone.outputs[0].token_ids


def test_sampled_runs_are_cut_at_the_budget_too(llm, prompts, hint):
    """The cap holds at any temperature and for every one of n choices."""
    window = resolve(WindowConfig(answer_tokens=4), hint, 5)
    runs = complete(llm, prompts[2:], window.max_tokens, temperature=1.0, n=3, extra_args=extra_args(window))
    assert len(runs) == 9
    for completion in runs:
        assert completion.ended or completion.token_ids[5 : 5 + len(hint)] == hint


def test_end_tokens_are_the_models_own(llm, prompts):
    """The finish reason derived from the last token agrees with vLLM's."""
    ends = end_token_ids(MODEL)
    for completion in complete(llm, prompts, 40):
        assert (completion.token_ids[-1] in ends) == completion.ended


def test_the_engine_refuses_a_malformed_window(llm, prompts):
    """VLLM must ask the processor before it accepts a request; which windows are refused is tested with it."""
    from vllm.exceptions import VLLMValidationError

    with pytest.raises(VLLMValidationError, match=BUDGET_ARG):
        complete(llm, prompts[:1], 9, extra_args={BUDGET_ARG: -1, HINT_ARG: [5]})


def test_a_window_without_a_cap_sends_nothing(hint):
    """-1 is the absence of a window to the engine."""
    assert extra_args(Window(NO_CAP, hint, None)) == {}
