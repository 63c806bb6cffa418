"""The window inside a real vLLM engine is the two-pass reference, token for token."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from z1ray.engine.args import BUDGET_ARG, HINT_ARG, extra_args
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs
from z1ray.engine.tokens import chat_token_ids, end_token_ids, newline_token_ids, text_token_ids
from z1ray.evaluation.traces import Trace
from z1ray.evaluation.two_pass import Completion, two_pass
from z1ray.prompts import chat_messages
from z1ray.window import CODE_HINT, NO_CAP, Window, WindowConfig, account, resolve

pytestmark = pytest.mark.vllm

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=1024, max_num_seqs=8, enforce_eager=True)
# The first two end within 64 tokens, the others do not.
QUESTIONS = [
    "What is 2+2? Answer with one number only.",
    "hi",
    "Write a Python function that reverses a list.",
    "Explain gravity at length.",
    "Tell me a long story about a dragon.",
]


@pytest.fixture(scope="module")
def llm(smollm2) -> Iterator[Any]:
    """One real engine on the real small model for every test here."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine_env(ENGINE).items():
            patch.setenv(name, value)
        from vllm import LLM

        engine = LLM(str(smollm2), **engine_kwargs(ENGINE, windows=True))
        yield engine
        engine.llm_engine.engine_core.shutdown()


@pytest.fixture(scope="module")
def prompts(smollm2) -> list[list[int]]:
    return chat_token_ids(str(smollm2), [chat_messages(question, None) for question in QUESTIONS])


@pytest.fixture(scope="module")
def hint(smollm2) -> tuple[int, ...]:
    return text_token_ids(str(smollm2), CODE_HINT)


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


def test_grace_cuts_at_the_first_line_end_of_the_models_own_text(smollm2, llm, prompts, hint):
    """Against the same greedy run without a cap: same tokens up to the line end or the grace's end, then the hint."""
    breaks = newline_token_ids(str(smollm2))
    free = [completion.token_ids for completion in complete(llm, prompts[2:], 100)]
    early = late = 0
    for budget in (9, 20, 33):
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


@pytest.mark.parametrize(("grace", "budgets"), [(0.0, (3, 20, 48)), (0.5, (0, 9, 32))])
def test_branches_of_one_trace_are_what_separate_runs_give(smollm2, llm, prompts, hint, grace, budgets):
    """Greedy, token for token: so an evaluation may think once, at its largest budget."""
    breaks = newline_token_ids(str(smollm2))
    windows = [resolve(WindowConfig(answer_tokens=8, grace=grace), hint, budget) for budget in budgets]
    separate = {
        window.budget: complete(llm, prompts, window.max_tokens, extra_args=extra_args(window)) for window in windows
    }
    runs = separate[budgets[-1]]
    traces = [Trace(budgets[-1], run.token_ids, account(windows[-1], run.token_ids, breaks).cut) for run in runs]
    num_branches = 0
    for window in windows[:-1]:
        branches = [trace.shown(window, breaks) for trace in traces]
        num_branches += sum(shown is not None for shown in branches)
        assert branched(llm, prompts, traces, branches, window) == [run.token_ids for run in separate[window.budget]]
    # The test means something only if both kinds occur.
    assert 0 < num_branches < 2 * len(prompts)


def branched(
    llm: Any,
    prompts: Sequence[Sequence[int]],
    traces: Sequence[Trace],
    branches: Sequence[tuple[int, ...] | None],
    window: Window,
) -> list[tuple[int, ...]]:
    """Each prompt's run under the window: its trace, or what the branch shows and the answer to that."""
    from vllm import SamplingParams

    assert window.max_tokens is not None
    asked = [(index, shown) for index, shown in enumerate(branches) if shown is not None]
    limits = [SamplingParams(temperature=0, max_tokens=window.max_tokens - len(shown)) for _, shown in asked]
    requests = [{"prompt_token_ids": [*prompts[index], *shown]} for index, shown in asked]
    runs = [tuple(trace.token_ids) for trace in traces]
    for (index, shown), output in zip(asked, llm.generate(requests, limits, use_tqdm=False), strict=True):
        runs[index] = (*shown, *output.outputs[0].token_ids)
    return runs


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


def test_end_tokens_are_the_models_own(smollm2, llm, prompts):
    """The finish reason derived from the last token agrees with vLLM's."""
    ends = end_token_ids(str(smollm2))
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
