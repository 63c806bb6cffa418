"""Settings of a curation of the small folder, and one finished run of it."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.curation.made import make_config
from z1ray.curation.config import CurateConfig
from z1ray.curation.curate import curate


@pytest.fixture
def config(tmp_path, smollm2, ray_cluster):
    return make_config(tmp_path, smollm2)


class Finished(NamedTuple):
    """A run that several tests look at."""

    config: CurateConfig
    output: Path
    manifest: dict[str, Any]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, smollm2, ray_cluster):
    folder = tmp_path_factory.mktemp("finished")
    config = make_config(folder, smollm2)
    return Finished(config, folder / "dataset", curate(config, folder / "dataset"))
