"""Placement groups of engines over several GPUs: one per engine, and none left when they are done."""

import time

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.engine.groups import EngineGroups
from z1ray.engine.settings import needs, placement
from z1ray.errors import UserError

CONFIG = EngineConfig(
    tensor_parallel_size=2, replicas=3, strategy="STRICT_PACK", resources={"accelerator_type:H100": 0.001}
)


def test_placement_is_a_bundle_per_gpu():
    """Each tensor-parallel worker lies on a GPU of the kind asked for, all where the strategy says."""
    bundle = {"CPU": 1.0, "GPU": 1.0, "accelerator_type:H100": 0.001}
    assert placement(CONFIG) == {"bundles": [bundle, bundle], "strategy": "STRICT_PACK"}
    assert needs(CONFIG) == pytest.approx({"CPU": 6, "GPU": 6, "accelerator_type:H100": 0.006})
    assert placement(EngineConfig(device="cpu")) == {"bundles": [{"CPU": 1.0}], "strategy": "PACK"}


@pytest.mark.parametrize("resources", [{"GPU": 1.0}, {"TPU": 0.0}])
def test_resources_that_mean_something_else_are_refused(resources):
    """GPUs are `tensor_parallel_size`, and nothing of something is a mistake."""
    with pytest.raises(UserError, match="resources"):
        EngineConfig(resources=resources)


@pytest.mark.ray
def test_groups_give_back_what_they_took(ray_cluster):
    """GPUs that stay reserved would keep the next teacher waiting until the driver ends."""
    import ray

    groups = EngineGroups(placement(EngineConfig(device="cpu", tensor_parallel_size=2)))

    @ray.remote(num_cpus=1)
    def where() -> str:
        group = ray.util.get_current_placement_group()
        assert group is not None
        return str(group.id.hex())

    used = ray.get([where.options(**groups()).remote() for _ in range(2)])
    states = {name: ray.util.placement_group_table()[name]["state"] for name in used}
    assert list(states.values()) == ["CREATED", "CREATED"]
    groups.remove()
    deadline = time.monotonic() + 120
    # Ray does it in its own time.
    while {ray.util.placement_group_table()[name]["state"] for name in used} != {"REMOVED"}:
        assert time.monotonic() < deadline, ray.util.placement_group_table()
        time.sleep(0.1)
