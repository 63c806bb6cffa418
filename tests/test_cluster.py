"""What operators are given fits Ray's own checks."""

import json
import re
from pathlib import Path

import yaml

from z1ray.serving.http import access
from z1ray.serving.quota import keeper
from z1ray.serving.replica import metrics
from z1ray.training.report import gauges
from z1ray.trajectories.progress import tally

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


def test_dashboard_can_be_imported() -> None:
    """Grafana takes a file with a schema and a stable id, and asks for the data source where it is a variable."""
    board = json.loads((CLUSTER / "grafana.json").read_text())
    assert board["schemaVersion"] >= 36
    assert board["uid"]
    assert "id" not in board, "Grafana's own number of another installation"
    (source, model) = board["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    targets = [target for panel in board["panels"] for target in panel["targets"]]
    assert {part["datasource"]["uid"] for part in [model, *board["panels"], *targets]} == {"${datasource}"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_metric_has_its_place_on_the_dashboard() -> None:
    """A panel that asks for a name nobody writes stays empty for ever, and looks like an idle endpoint."""
    asked = set(re.findall(r"ray_(z1ray_\w+)", (CLUSTER / "grafana.json").read_text()))
    values = [value for module in (metrics, access, keeper, tally, gauges) for value in vars(module).values()]
    defined = {value for value in values if isinstance(value, str) and value.startswith("z1ray_")}
    assert {name.removesuffix("_bucket") for name in asked} == defined
