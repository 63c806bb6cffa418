"""The window's processor, driven through vLLM's own batch: exact, cheap, and nothing left behind."""

import random
from types import SimpleNamespace
from typing import Any

import pytest

from z1ray.engine.args import BUDGET_ARG, GRACE_ARG, HINT_ARG, extra_args
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import WINDOW_PROCESSOR, engine_kwargs
from z1ray.engine.tokens import newline_token_ids
from z1ray.window import NO_CAP, Window

pytestmark = pytest.mark.vllm

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=256, max_num_seqs=8, enforce_eager=True)
HINT = (7, 8, 9)
VOCABULARY = 512


@pytest.fixture(scope="module")
def vllm_config(tiny_model) -> Any:
    from vllm import EngineArgs

    return EngineArgs(model=str(tiny_model), **engine_kwargs(ENGINE, windows=True)).create_engine_config()


@pytest.fixture
def processor(vllm_config) -> Any:
    import torch

    from z1ray.engine.processor import WindowProcessor

    return WindowProcessor(vllm_config, torch.device("cpu"), is_pin_memory=False)


@pytest.fixture(scope="module")
def newline(tiny_model) -> int:
    return min(newline_token_ids(str(tiny_model)))


def sampling(window: Window) -> Any:
    from vllm import SamplingParams

    return SamplingParams(max_tokens=window.max_tokens, extra_args=extra_args(window) or None)


def added(processor: Any, rows: list[tuple[Window, list[int]]]) -> None:
    from vllm.v1.sample.logits_processor import BatchUpdate

    new = [(index, sampling(window), [1], generated) for index, (window, generated) in enumerate(rows)]
    processor.update_state(BatchUpdate(batch_size=len(rows), removed=[], added=new, moved=[]))


def forced(processor: Any, num_rows: int, vocabulary: int = VOCABULARY) -> list[int | None]:
    """The one possible token of each row; None where every token still is."""
    import torch

    possible = processor.apply(torch.zeros(num_rows, vocabulary)).isfinite()
    counts = possible.sum(dim=1).tolist()
    assert set(counts) <= {1, vocabulary}, "a row has one possible token or all of them"
    return [int(row.int().argmax()) if count == 1 else None for row, count in zip(possible, counts, strict=True)]


class Batch:
    """VLLM's own input batch with the processor in it; requests are named by their number.

    With ``asynchronous`` scheduling, as on GPUs, a step begins before the last one's
    tokens are known: they stand as -1 until just before sampling.
    """

    def __init__(self, processor: Any, *, asynchronous: bool) -> None:
        import torch
        from vllm.v1.sample.logits_processor import LogitsProcessors
        from vllm.v1.worker.gpu_input_batch import InputBatch

        self.processor = processor
        self.asynchronous = asynchronous
        self.generated: dict[str, list[int]] = {}
        self.live: dict[str, list[int]] = {}
        self.batch = InputBatch(
            max_num_reqs=ENGINE.max_num_seqs,
            max_model_len=256,
            max_num_batched_tokens=256,
            device=torch.device("cpu"),
            vocab_size=VOCABULARY,
            block_sizes=[16],
            kernel_block_sizes=[16],
            max_num_blocks_per_req=[16],
            logitsprocs=LogitsProcessors([processor]),
            logitsprocs_need_output_token_ids=True,
        )

    def add(self, name: str, window: Window) -> None:
        """A request joins, or comes back with what it had written before it was preempted."""
        from vllm.v1.worker.gpu_input_batch import CachedRequestState

        self.live[name] = list(self.generated.setdefault(name, []))
        state = CachedRequestState(
            req_id=name,
            prompt_token_ids=[1],
            mm_features=[],
            sampling_params=sampling(window),
            generator=None,
            block_ids=([0],),
            num_computed_tokens=0,
            output_token_ids=self.live[name],
        )
        self.batch.add_request(state)

    def step(self, gone: list[str], come: dict[str, Window], write: Any, rng: random.Random) -> None:
        """One decode step, in the order of vLLM's runner."""
        for name in gone:
            self.batch.remove_request(name)
        for name, window in come.items():
            self.add(name, window)
        self.batch.condense()
        if self.batch.num_reqs > 1 and rng.random() < 0.3:
            self.batch.swap_states(0, self.batch.num_reqs - 1)
        self.batch.refresh_metadata()
        self.batch.update_async_output_token_ids()
        tokens = forced(self.processor, self.batch.num_reqs) if self.batch.num_reqs else []
        tokens = [write() if token is None else token for token in tokens]
        # A request whose prompt is still being read in parts writes nothing in this step.
        self.write({name: index for index, name in enumerate(self.batch.req_ids) if rng.random() < 0.8}, tokens)

    def write(self, writing: dict[str, int], tokens: list[int | None]) -> None:
        """Append each token where vLLM would, and keep the true one."""
        import torch

        for name, index in writing.items():
            token = tokens[index]
            assert token is not None
            self.generated[name].append(token)
            self.live[name].append(-1 if self.asynchronous else token)
        if self.asynchronous:
            self.batch.prev_req_id_to_index = writing
            copied: Any = SimpleNamespace(synchronize=lambda: None)  # there is no device to wait for
            self.batch.set_async_sampled_token_ids(torch.tensor(tokens).unsqueeze(1), copied)


def random_window(rng: random.Random) -> Window:
    budget = rng.choice([NO_CAP, 0, 1, 3, 10, 25])
    if budget == NO_CAP:
        return Window(NO_CAP, HINT, 60)
    return Window(budget, HINT, 60, rng.choice([0, 0, 1, 4, 12]) if budget else 0)


def expected_cut(window: Window, generated: list[int], newline: int) -> int | None:
    """The definition again, in other words: the first line end in the grace, else its end."""
    if window.budget == NO_CAP:
        return None
    latest = window.budget + window.grace_tokens
    ends = [at + 1 for at in range(window.budget - 1, latest) if generated[at : at + 1] == [newline]]
    cut = min([*ends, latest]) if window.budget and window.grace_tokens else window.budget
    return cut if cut < len(generated) else None


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_rows_that_join_leave_move_and_return_are_cut_where_their_tokens_say(processor, newline, seed, asynchronous):
    """Through 400 steps of arrivals, ends, aborts, preemptions, moves and stalls every cut is exact, none is left."""
    rng = random.Random(seed)
    batch = Batch(processor, asynchronous=asynchronous)
    windows: dict[str, Window] = {}
    waiting: list[str] = []

    def write() -> int:
        return newline if rng.random() < 0.15 else 1

    for number in range(400):
        running = list(batch.batch.req_ids)
        ended = [n for n in running if len(batch.generated[n]) >= 60 or rng.random() < 0.01]
        preempted = [n for n in running if n not in ended and rng.random() < 0.03]
        if len(running) < ENGINE.max_num_seqs and rng.random() < 0.5:
            windows[f"r{number}"] = random_window(rng)
            waiting.append(f"r{number}")
        free = ENGINE.max_num_seqs - len(running) + len(ended) + len(preempted)
        come, waiting = waiting[:free], waiting[free:]
        batch.step([*ended, *preempted], {n: windows[n] for n in come}, write, rng)
        waiting += preempted
    cuts = 0
    for name, window in windows.items():
        tokens = batch.generated.get(name, [])
        cut = expected_cut(window, tokens, newline)
        hint = tokens[cut : cut + 3] if cut is not None else []
        assert hint == list(HINT[: len(hint)]), (name, window, tokens)
        assert tokens.count(7) == (cut is not None), "the hint stands there once and nowhere else"
        cuts += cut is not None
    assert cuts > 20
    batch.step(list(batch.batch.req_ids), {}, write, rng)
    assert not processor._rows
    assert not processor._near


def test_a_row_is_forgotten_once_its_hint_is_written(processor):
    """Long answers carry no state, so a batch in its answers costs nothing."""
    generated = [1, 1]
    added(processor, [(Window(2, HINT, 60), generated)])
    for token in HINT:
        assert forced(processor, 1) == [token]
        generated.append(token)
    assert forced(processor, 1) == [None]
    assert not processor._rows


def test_the_token_vllm_fills_in_late_is_the_one_looked_at(processor, newline):
    """With asynchronous scheduling the last token is -1 until just before sampling: read earlier, it ends no line."""
    generated = [1, 1, -1]
    added(processor, [(Window(2, HINT, 60, grace_tokens=5), generated)])
    generated[-1] = newline
    assert forced(processor, 1) == [7]


def test_an_unknown_last_token_stops_the_engine(processor):
    """An engine that never fills it in would let every run write to the end of its grace: better none at all."""
    added(processor, [(Window(2, HINT, 60, grace_tokens=5), [1, 1, -1])])
    with pytest.raises(AssertionError, match="not known"):
        forced(processor, 1)


def test_grace_looks_at_each_token_once(processor):
    """A long grace must not cost more the longer it lasts."""

    class Counted(frozenset[int]):
        looks = 0

        def __contains__(self, token: object) -> bool:
            Counted.looks += 1
            return super().__contains__(token)

    processor._breaks = Counted()
    generated = [1]
    added(processor, [(Window(1, HINT, 4200, grace_tokens=4000), generated)])
    for _ in range(2000):
        assert forced(processor, 1) == [None]
        generated.append(1)
    assert Counted.looks == 2000


def test_rows_far_from_their_budget_are_not_looked_at(processor):
    """256 rows of thinking must not cost 256 looks a step."""

    class Watched(list[int]):
        looks = 0

        def __len__(self) -> int:
            Watched.looks += 1
            return super().__len__()

    runs = [Watched([1]) for _ in range(256)]
    added(processor, [(Window(100, HINT, 200), generated) for generated in runs])
    Watched.looks = 0
    for _ in range(99):
        assert set(forced(processor, 256, vocabulary=16)) == {None}
        for generated in runs:
            generated.append(1)
    assert Watched.looks == 256
    assert set(forced(processor, 256, vocabulary=16)) == {7}


def test_a_step_of_256_rows_and_152k_tokens_never_waits_for_the_device(processor):
    """Reading one value of the logits back would stall the device in every step."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    reads = ("_local_scalar_dense", "nonzero", "is_nonzero", "item", "equal", "masked_select", "unique")

    class NoReading(TorchDispatchMode):
        calls = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            NoReading.calls += 1
            assert not any(name in str(func) for name in reads), f"{func} reads from the device"
            return func(*args, **(kwargs or {}))

    windows = [Window(4, HINT, 60, grace_tokens=index % 3) for index in range(256)]
    added(processor, [(window, [1] * 4) for window in windows])
    logits = torch.zeros(256, 152_064)
    with NoReading():
        processor.apply(logits)
    assert NoReading.calls > 0
    due = [index % 3 == 0 for index in range(256)]
    assert (logits[:, 7] == 0).all()
    assert ((logits == float("-inf")).sum(dim=1) == torch.tensor(due) * 152_063).all()


@pytest.mark.parametrize(
    ("args", "max_tokens", "told"),
    [
        ({BUDGET_ARG: -1, HINT_ARG: [5]}, 9, BUDGET_ARG),
        ({BUDGET_ARG: True, HINT_ARG: [5]}, 9, BUDGET_ARG),
        ({BUDGET_ARG: "5", HINT_ARG: [5]}, 9, BUDGET_ARG),
        ({BUDGET_ARG: 5}, 9, HINT_ARG),
        ({BUDGET_ARG: 5, HINT_ARG: []}, 9, HINT_ARG),
        ({BUDGET_ARG: 5, HINT_ARG: ["a"]}, 9, HINT_ARG),
        ({HINT_ARG: [5]}, 9, BUDGET_ARG),
        ({GRACE_ARG: 2}, 9, BUDGET_ARG),
        ({BUDGET_ARG: 5, HINT_ARG: [5], GRACE_ARG: -1}, 9, GRACE_ARG),
        ({BUDGET_ARG: 5, HINT_ARG: [5], GRACE_ARG: 0.5}, 9, GRACE_ARG),
        ({BUDGET_ARG: 5, HINT_ARG: [5]}, 6, "max_tokens"),
        ({BUDGET_ARG: 5, HINT_ARG: [5], GRACE_ARG: 2}, 8, "max_tokens"),
        ({BUDGET_ARG: 5, HINT_ARG: [5]}, None, "max_tokens"),
    ],
)
def test_a_malformed_window_is_refused_not_ignored(args, max_tokens, told):
    """A cap is never accepted and then not enforced."""
    from vllm import SamplingParams
    from vllm.exceptions import VLLMValidationError

    from z1ray.engine.processor import WindowProcessor

    with pytest.raises(VLLMValidationError, match=told) as caught:
        WindowProcessor.validate_params(SamplingParams(max_tokens=max_tokens, extra_args=args))
    assert caught.value.parameter == told


@pytest.mark.parametrize("name", ["structured_outputs", "thinking_token_budget", "trace_decode_token_ids"])
def test_what_fights_with_forced_tokens_is_refused_beside_a_budget(name):
    """A grammar or a second enforcer would break the hint; without a budget they are vLLM's affair."""
    from vllm import SamplingParams
    from vllm.exceptions import VLLMValidationError
    from vllm.sampling_params import StructuredOutputsParams

    from z1ray.engine.processor import WindowProcessor

    value = {"structured_outputs": StructuredOutputsParams(json_object=True), "thinking_token_budget": 5}.get(name, [1])
    params = SamplingParams(max_tokens=20)
    setattr(params, name, value)
    WindowProcessor.validate_params(params)
    params.extra_args = {BUDGET_ARG: 5, HINT_ARG: [5]}
    with pytest.raises(VLLMValidationError, match=f"(?s){name}.*{BUDGET_ARG}"):
        WindowProcessor.validate_params(params)


def test_an_engine_that_speculates_refuses_the_processor(tiny_model):
    """Draft tokens would run past the budget unseen: such an engine must not start."""
    import torch
    from vllm import EngineArgs
    from vllm.v1.sample.logits_processor import build_logitsprocs

    drafts = {"method": "ngram", "num_speculative_tokens": 2, "prompt_lookup_max": 2}
    config = EngineArgs(
        model=str(tiny_model), speculative_config=drafts, **engine_kwargs(ENGINE, windows=True)
    ).create_engine_config()
    with pytest.raises(ValueError, match="speculative decoding"):
        build_logitsprocs(config, torch.device("cpu"), False, False, [WINDOW_PROCESSOR])
