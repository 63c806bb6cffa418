"""What vLLM is started with."""

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import WINDOW_PROCESSOR, batch_kwargs, engine_kwargs

ENGINES = [EngineConfig(), EngineConfig(device="cpu"), EngineConfig(tensor_parallel_size=2, strategy="SPREAD")]


@pytest.mark.parametrize("engine", ENGINES)
def test_only_an_engine_of_windows_carries_their_processor(engine):
    """On a GPU it costs a synchronisation per step and rules out speculative decoding: nothing for a teacher."""
    windowed = engine_kwargs(engine, windows=True)
    assert windowed.pop("logits_processors") == [WINDOW_PROCESSOR]
    assert engine_kwargs(engine, windows=False) == windowed
    assert "logits_processors" not in batch_kwargs(engine)
