"""vLLM still has what z1ray uses of its internals, in the shape it expects."""

import inspect
from importlib import import_module

from z1ray.upstream.vllm import IN_PROCESS_EXECUTOR


def test_the_executor_that_stays_in_the_engines_process_exists() -> None:
    """VLLM takes it by its path, and finds out minutes later that there is none."""
    module, _, name = IN_PROCESS_EXECUTOR.rpartition(".")
    assert hasattr(import_module(module), name)


def test_a_logits_processor_has_the_methods_that_ours_overrides() -> None:
    """A method of another name would never be called, and no budget be enforced."""
    from z1ray.upstream.vllm_v1 import LogitsProcessor

    expected = {
        "__init__": ["self", "vllm_config", "device", "is_pin_memory"],
        "apply": ["self", "logits"],
        "update_state": ["self", "batch_update"],
        "is_argmax_invariant": ["self"],
        "validate_params": ["sampling_params"],
    }
    for name, parameters in expected.items():
        assert list(inspect.signature(getattr(LogitsProcessor, name)).parameters) == parameters, name


def test_a_batch_update_tells_who_joins_leaves_and_moves() -> None:
    """The rows of the window follow the batch by it."""
    from z1ray.upstream.vllm_v1 import BatchUpdate, process_dict_updates

    assert {"batch_size", "removed", "added", "moved"} == set(inspect.signature(BatchUpdate).parameters)
    assert list(inspect.signature(process_dict_updates).parameters) == ["req_entries", "batch_update", "new_state"]


def test_a_dead_engine_is_an_error_of_its_own() -> None:
    """The replica leaves at once by it; as any other error it would stay and fail every request."""
    from z1ray.upstream.vllm_v1 import EngineDeadError

    assert isinstance(EngineDeadError(), Exception)
    assert not issubclass(EngineDeadError, ValueError)
