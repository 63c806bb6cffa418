"""Settings of a curation of the small folder, and one finished run of it."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.curation.made import make_config
from z1ray.curation.config import CurateConfig
from z1ray.curation.curate import curate


@pytest.fixture
def config(tmp_path, tiny_model, ray_cluster):
    return make_config(tmp_path, tiny_model)


class Finished(NamedTuple):
    """A run that several tests look at."""

    config: CurateConfig
    output: Path
    manifest: dict[str, Any]
    lines: list[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_model, ray_cluster):
    folder = tmp_path_factory.mktemp("finished")
    config = make_config(folder, tiny_model)
    with redirect_stdout(io.StringIO()) as told:
        manifest = curate(config, folder / "dataset")
    return Finished(config, folder / "dataset", manifest, told.getvalue().splitlines())
