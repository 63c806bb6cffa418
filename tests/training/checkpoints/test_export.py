"""An exported model is the trained one wherever it is loaded."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import BASE_END, NUM_STEPS, TRAINED_END
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs
from z1ray.errors import UserError
from z1ray.settings import changed
from z1ray.training.checkpoints import export, location, record
from z1ray.training.config import TrainConfig
from z1ray.training.report import metrics

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=256, max_num_seqs=4, enforce_eager=True)
TEXTS = [
    "```python\ndef add(x):\n    return x + 3\n```",
    "Write a function that adds 7 to its argument.",
    "import math\n",
]


@pytest.fixture(scope="module")
def prompts(trained: Path) -> list[list[int]]:
    from transformers import AutoTokenizer

    ids: list[list[int]] = AutoTokenizer.from_pretrained(trained / "model")(TEXTS)["input_ids"]
    return ids


@pytest.fixture(scope="module")
def in_vllm(trained: Path) -> Iterator[Any]:
    """The exported model in an engine as z1ray serves it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine_env(ENGINE).items():
            patch.setenv(name, value)
        from vllm import LLM

        engine: Any = LLM(str(trained / "model"), **engine_kwargs(ENGINE, windows=False))
        yield engine
        engine.llm_engine.engine_core.shutdown()


@pytest.mark.ray
@pytest.mark.vllm
def test_vllm_and_transformers_agree_on_the_export(trained: Path, in_vllm: Any, prompts: list[list[int]]) -> None:
    """Served and evaluated by vLLM, trained and checked by torch: a head untied, a weight misnamed or a template's
    token shifted would make two models of one folder. That it is the trained one is for ``test_train``.
    """
    from transformers import AutoModelForCausalLM
    from vllm import SamplingParams

    model = AutoModelForCausalLM.from_pretrained(trained / "model", dtype=torch.float32)
    sampling = SamplingParams(max_tokens=1, prompt_logprobs=0)
    outputs = in_vllm.generate([{"prompt_token_ids": ids} for ids in prompts], sampling, use_tqdm=False)
    for ids, output in zip(prompts, outputs, strict=True):
        seen = [each[token].logprob for token, each in zip(ids[1:], output.prompt_logprobs[1:], strict=True)]
        with torch.no_grad():
            expected = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        ours = expected[range(len(ids) - 1), ids[1:]]
        torch.testing.assert_close(torch.tensor(seen), ours, rtol=1e-4, atol=1e-4)


@pytest.mark.ray
@pytest.mark.vllm
@pytest.mark.parametrize(("ignore_eos", "finish_reason", "num_tokens"), [(False, "stop", 1), (True, "length", 4)])
def test_vllm_stops_at_the_trained_end(
    trained: Path, in_vllm: Any, prompts: list[list[int]], ignore_eos: bool, finish_reason: str, num_tokens: int
) -> None:
    """The base's tokenizer and generation config end on another token: without the trained one among the stops, an
    answer would run on until the window is full. With stops ignored it does, so nothing else ends it here.
    """
    from transformers import AutoTokenizer
    from vllm import SamplingParams

    tokenizer = AutoTokenizer.from_pretrained(trained / "model")
    end: Any = tokenizer.convert_tokens_to_ids(TRAINED_END)
    assert tokenizer.eos_token == BASE_END
    sampling = SamplingParams(max_tokens=4, temperature=0.0, logit_bias={end: 100.0}, ignore_eos=ignore_eos)
    (output,) = in_vllm.generate([{"prompt_token_ids": prompts[0]}], sampling, use_tqdm=False)
    assert list(output.outputs[0].token_ids) == [end] * num_tokens
    assert output.outputs[0].finish_reason == finish_reason


@pytest.mark.ray
def test_the_card_tells_what_it_was_made_from(trained: Path, config: TrainConfig) -> None:
    """A model folder travels alone: base, data, recipe, counts and curve go with it."""
    card = (trained / "model" / "README.md").read_text()
    manifest = json.loads((trained / "manifest.json").read_text())
    (dataset_hash,) = manifest["inputs"].values()
    rows = metrics.read(trained)
    told = [
        f"{Path(config.model).name}, fine-tuned",
        f"| SHA-256 of its manifest | {dataset_hash}... |",
        "| examples | 13 |",
        f"| dropped as longer than {config.batch.max_length} tokens | 1 |",
        f"| trained tokens (responses and end-of-turn) | {manifest['num_trained_tokens']:,} |",
        f"| optimizer steps | {NUM_STEPS} of {NUM_STEPS} |",
        "| learning rate | 0.003 |",
        f"| global batch size | {config.batch.global_batch_size} |",
        "> Please reason step by step.",
        f"From {rows[0]['loss']:.4f} to {rows[-1]['loss']:.4f} per trained token.",
        f"z1ray {manifest['code']}; ",
        f"torch {torch.__version__}",
    ]
    assert [each for each in told if each not in card] == []
    assert "not finished" not in card
    assert "None" not in card
    assert str(trained.parent) not in card, "a path of the machine"
    assert (trained / "model" / "loss.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("precision", "export_precision", "dtype"),
    [
        ("bf16", None, "bfloat16"),
        ("float32", None, "float32"),
        ("bf16", "float32", "float32"),
        ("float32", "bf16", "bfloat16"),
    ],
)
def test_precision_is_the_trainings_unless_asked_otherwise(
    config: TrainConfig, precision: Any, export_precision: Any, dtype: str
) -> None:
    """float32 of a bf16 training are the master weights, not the rounded ones."""
    settings = changed(config, {"precision": precision, "export.precision": export_precision})
    assert settings.dtype_of_export == dtype


def test_without_a_whole_checkpoint_nothing_is_exported(config: TrainConfig, tmp_path: Path) -> None:
    """No half model folder: what is wrong is told with the place, and nothing is left."""
    with pytest.raises(UserError, match="no training has begun"):
        export.export_unfinished(config, tmp_path, None, force=False)
    state = tmp_path / location.STATE
    location.begin_run(state, None)
    (state / "tokens.arrow").touch()
    with pytest.raises(UserError, match=r"no such checkpoint .*\(there: none\)"):
        export.export_unfinished(config, tmp_path, None, force=False)
    place = location.of_run(state)
    shard = Path(place.path) / "step-000002" / record.TAG / "zero_pp_rank_0_mp_rank_00_optim_states.pt"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"weights")
    record.finish(place, record.Checkpoint(2, record.facts(shard.parents[1], [shard])), 2)
    shard.write_bytes(b"weight")
    with pytest.raises(UserError, match="has 6 of 7 bytes"):
        export.export_unfinished(config, tmp_path, 2, force=False)
    assert {path.name for path in tmp_path.iterdir()} == {location.STATE}
    (tmp_path / "manifest.json").touch()
    with pytest.raises(UserError, match="training is finished"):
        export.export_unfinished(config, tmp_path, 2, force=False)
