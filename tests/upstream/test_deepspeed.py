"""DeepSpeed still has what z1ray's upstream functions rely on."""

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from z1ray.upstream.deepspeed import compile_no_kernels, writing_by


def test_an_engine_writes_by_a_method_of_its_checkpoint_engine_and_copies_a_script():
    """Both are methods, which attributes of the objects hide, and saving calls them."""
    from deepspeed import DeepSpeedEngine
    from deepspeed.runtime.checkpoint_engine.torch_checkpoint_engine import TorchCheckpointEngine

    assert list(inspect.signature(TorchCheckpointEngine.save).parameters) == ["self", "state_dict", "path"]
    assert list(inspect.signature(DeepSpeedEngine._copy_recovery_script).parameters) == ["self", "save_path"]
    source = inspect.getsource(DeepSpeedEngine)
    assert "self.checkpoint_engine.save(" in source
    assert "self._copy_recovery_script(" in source


def test_what_is_hidden_comes_back():
    """After the block the engine saves as ever."""
    engine: Any = SimpleNamespace(checkpoint_engine=SimpleNamespace())
    with writing_by(engine, lambda state, path: None):
        assert engine.checkpoint_engine.save is not None
    assert vars(engine) == {"checkpoint_engine": engine.checkpoint_engine}
    assert vars(engine.checkpoint_engine) == {}


def test_kernels_are_looked_up_where_they_are_taken_away():
    """By the name of the operator, in a mapping that may be empty."""
    import deepspeed

    compile_no_kernels()
    assert deepspeed.ops.__compatible_ops__ == {}
    source = Path(str(deepspeed.__file__)).with_name("comm") / "torch.py"
    assert "deepspeed.ops.__compatible_ops__.get(" in source.read_text()
