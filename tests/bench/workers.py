"""Run a function on Ray Train's workers, as both sides of the training benchmark and its probes do."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from z1ray.training.config import TrainConfig
from z1ray.training.engine import zero3

# A bare worker function; gets the job and returns figures, the first worker's count.
Worker = Callable[[dict[str, Any]], dict[str, Any]]


def run_workers(worker: Worker, job: dict[str, Any], folder: Path, without: Collection[str] = ()) -> dict[str, Any]:
    """Run ``worker(job)`` on ``job["config"].num_workers`` workers; what the first returns.

    Args:
        worker: The function.
        job: Its argument, with the run's TrainConfig as ``config``.
        folder: For Ray Train's own files.
        without: Environment variables of z1ray's workers that these do without.
    """
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    config: TrainConfig = job["config"]
    on_gpu = config.device == "gpu"
    env = {name: value for name, value in zero3.worker_env(config).items() if name not in without}
    resources = {"CPU": float(config.cpus_per_worker)} | ({"GPU": 1.0} if on_gpu else {})
    result: Any = TorchTrainer(
        worker,  # type: ignore[arg-type]
        train_loop_config=job,
        torch_config=TorchConfig(backend="nccl" if on_gpu else "gloo", timeout_s=zero3.PROCESS_GROUP_TIMEOUT_S),
        scaling_config=ScalingConfig(num_workers=config.num_workers, use_gpu=on_gpu, resources_per_worker=resources),
        run_config=RunConfig(  # type: ignore[call-arg]
            storage_path=str(folder),
            worker_runtime_env={"env_vars": env},
        ),
    ).fit()
    found: dict[str, Any] = result.return_value
    return found
