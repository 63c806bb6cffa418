"""What operators are given fits Ray's own checks."""

from pathlib import Path

import yaml

CLUSTER = Path(__file__).parent.parent / "cluster"


def test_vm_cluster_passes_rays_validation():
    """`ray up cluster/gpu.yaml` would refuse a file that does not fit its schema."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(yaml.safe_load((CLUSTER / "gpu.yaml").read_text()))
    validate_config(config)
    nodes = config["available_node_types"]
    assert "GPU" not in nodes[config["head_node_type"]]["resources"]
    assert nodes["gpu"]["resources"]["GPU"] == 8
    assert nodes["gpu"]["min_workers"] == 0


def test_vm_cluster_is_closed_by_default():
    """No dashboard beyond loopback and no node without the token."""
    config = yaml.safe_load((CLUSTER / "gpu.yaml").read_text())
    starts = [
        line for line in config["head_start_ray_commands"] + config["worker_start_ray_commands"] if "start" in line
    ]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in line for line in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
    assert "~/.ray/auth_token" in config["file_mounts"]
