"""Fixtures shared by the suite: models, and one small real Ray cluster."""

import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from z1ray.connect import SERVE_ENV
from z1ray.models import embedded

RUNS = Path(__file__).parent.parent / "runs"

# Nothing in the suite may reach for a hub, and every Ray process of it shares one token.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("DS_ACCELERATOR", "cpu")
os.environ.update(SERVE_ENV)


@pytest.fixture(autouse=True)
def lines_start_afresh() -> None:
    """What one test set up for z1ray's lines must not hide another's log records."""
    log = logging.getLogger("z1ray")
    log.handlers, log.propagate = [], True


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The embedded model, converted once per checkout."""
    folder = RUNS / "models" / embedded.NAME
    embedded.prepare(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two random layers behind SmolLM2's tokenizer: every real code path, in seconds."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = embedded.load_tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """A Ray cluster of this process: twelve logical CPUs, no dashboard."""
    import ray

    ray.init(address="local", num_cpus=12, include_dashboard=False, object_store_memory=500_000_000)
    yield
    ray.shutdown()
