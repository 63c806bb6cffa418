"""What vLLM is started with."""

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import WINDOW_PROCESSOR, batch_kwargs, engine_kwargs

ENGINES = [EngineConfig(), EngineConfig(device="cpu"), EngineConfig(tensor_parallel_size=2, strategy="SPREAD")]


@pytest.mark.parametrize("engine", ENGINES)
def test_only_an_engine_of_windows_carries_their_processor(engine):
    """On a GPU it costs a synchronisation per step and rules out speculative decoding: nothing for a teacher."""
    for kwargs in (engine_kwargs, batch_kwargs):
        assert kwargs(engine, windows=True)["logits_processors"] == [WINDOW_PROCESSOR]
        without = kwargs(engine, windows=False)
        assert "logits_processors" not in without
        assert without == {
            name: value for name, value in kwargs(engine, windows=True).items() if name != "logits_processors"
        }
