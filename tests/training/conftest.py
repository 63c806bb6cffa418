"""A finished curation folder to train on, and settings that train on it in seconds."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from z1ray import artifacts, records
from z1ray.settings import changed
from z1ray.training.config import BatchConfig, CheckpointConfig, OptimizerConfig, TrainConfig
from z1ray.training.engine import attention, loss
from z1ray.training.train import train

WriteDataset = Callable[[Path, Sequence[records.Row]], Path]
MakeConfig = Callable[..., TrainConfig]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Models here are tiny: threads would only wait for each other, on a busy machine for long."""
    torch.set_num_threads(1)


def example(number: int, *, text: str, kept: bool = True) -> records.Row:
    """An Example row as curation writes it."""
    problem_id = f"test/{number:03d}"
    empty: records.Row = dict.fromkeys(records.EXAMPLE.names)
    return empty | {
        "trajectory_id": records.trajectory_id(problem_id, "short", 0),
        "problem_id": problem_id,
        "mode": "short",
        "sample": 0,
        "question": f"Write a function that adds {number} to its argument.",
        "text": text,
        "kept": kept,
        "drop_reason": None if kept else "duplicate",
    }


def write_dataset(folder: Path, rows: Sequence[records.Row]) -> Path:
    """A curation folder as its stage leaves it, in two files."""
    artifacts.begin(folder, {"of": "a test"})
    half = len(rows) // 2
    for number, part in enumerate((rows[half:], rows[:half])):
        records.write_rows(part, folder / "data" / f"part-{number}.parquet", records.EXAMPLE)
    artifacts.finish(folder, time.time())
    return folder


def adder(number: int) -> str:
    """A response whose length differs from example to example."""
    comments = "".join(f"    # step {line} of {number}\n" for line in range(number % 4))
    return f"```python\ndef add(x):\n{comments}    return x + {number}\n```"


@pytest.fixture(scope="session")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """13 examples that fit, one that is too long, one that was dropped."""
    rows = [example(number, text=adder(number)) for number in range(13)]
    rows.append(example(13, text="x = 1\n" * 200))
    rows.append(example(14, text=adder(14), kept=False))
    return write_dataset(tmp_path_factory.mktemp("curated") / "dataset", rows)


@pytest.fixture(scope="session")
def make_config(curated: Path, tiny_model: Path) -> MakeConfig:
    """Settings for the tiny model on two CPU workers, changed as asked, by dotted names."""
    base = TrainConfig(
        dataset=str(curated),
        model=str(tiny_model),
        device="cpu",
        num_workers=2,
        precision="float32",
        num_epochs=2,
        optimizer=OptimizerConfig(lr=3e-3, warmup_steps=2),
        batch=BatchConfig(global_batch_size=4, micro_batch_size=1, max_length=200),
        checkpoint=CheckpointConfig(every=2),
    )

    def make(values: Mapping[str, Any] | None = None) -> TrainConfig:
        return changed(base, values or {})

    return make


def saved_config(folder: Path, kind: str, **fields: Any) -> Path:
    """A folder with a model's config.json alone."""
    AutoConfig.for_model(kind, **fields).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config.json of the paper's Qwen2.5-Coder-7B, and nothing else of it."""
    return saved_config(
        tmp_path_factory.mktemp("models") / "student",
        "qwen2",
        vocab_size=152_064,
        hidden_size=3584,
        intermediate_size=18_944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        max_position_embeddings=32_768,
        tie_word_embeddings=False,
        architectures=["Qwen2ForCausalLM"],
    )


@pytest.fixture(scope="session")
def small_student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config.json of SmolLM2-135M, and nothing else of it."""
    return saved_config(
        tmp_path_factory.mktemp("models") / "small",
        "llama",
        vocab_size=49_152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        architectures=["LlamaForCausalLM"],
    )


NUM_STEPS = 10
"""Of ``config``: two epochs of 13 examples, three at a time, with one example in the last step of each."""


BASE_END, TRAINED_END = "<|endoftext|>", "<|im_end|>"
"""What the student of ``config`` stops at before training; what its chat template ends a turn with."""


@pytest.fixture(scope="session")
def base_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as base models are published: what it stops at is not what its chat template ends a turn with."""
    folder = tmp_path_factory.mktemp("models") / "base"
    shutil.copytree(tiny_model, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, eos_token=BASE_END)
    tokenizer.save_pretrained(folder)
    for made in (AutoConfig.from_pretrained(folder), GenerationConfig.from_pretrained(folder)):
        made.eos_token_id = tokenizer.eos_token_id
        made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def config(make_config: MakeConfig, base_model: Path) -> TrainConfig:
    """Gradient checkpointing as in the paper's recipe. Rows of 100 tokens hold an example or two, so steps differ in
    their number of micro-batches, and a worker now and then has none.
    """
    return make_config({"model": str(base_model), "batch.global_batch_size": 3, "batch.max_length": 100})


@pytest.fixture(scope="session")
def trained(ray_cluster: None, config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    output = tmp_path_factory.mktemp("train") / "train"
    train(config, output)
    return output


def random_lm(family: str, *, packed: bool, **settings: Any) -> Any:
    """A random float32 model with a real family's shape, the same for each call: two layers, grouped keys.

    Args:
        family: ``llama`` (head tied to the embedding) or ``qwen2`` (its own head, biases in attention).
        packed: As training loads it; else as transformers itself runs it.
        settings: Override the model's configuration.
    """
    shape = {
        "vocab_size": 211,
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "initializer_range": 0.1,
        "tie_word_embeddings": family == "llama",
    }
    config = AutoConfig.for_model(family, **(shape | settings))
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        config, dtype=torch.float32, attn_implementation=attention.install() if packed else "sdpa"
    )
    if packed:
        loss.train_on_packed_rows(model)
    return model
