"""An exported model stops where it was trained to, and a generation config that cannot be exported is told early."""

import json
from pathlib import Path

import pytest

from z1ray.errors import UserError
from z1ray.training.checkpoints import generation


def write(folder: Path, **settings: object) -> str:
    (folder / "generation_config.json").write_text(json.dumps(settings))
    return str(folder)


@pytest.mark.parametrize(("known", "stops"), [(None, 7), (3, [3, 7]), ([3, 4], [3, 4, 7]), (7, 7), ([3, 7], [3, 7])])
def test_the_trained_end_joins_the_stops(tmp_path: Path, known: object, stops: object) -> None:
    """A base that ends on another token than its chat template would never stop; its own stops stay."""
    config = generation.read(write(tmp_path, eos_token_id=known))
    assert config is not None
    assert generation.stop_at(config, 7) == (known != stops)
    config.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "generation_config.json").read_text())["eos_token_id"] == stops


def test_what_export_would_refuse_is_refused_before_training(tmp_path: Path) -> None:
    """``save_pretrained`` is strict: found at export, the whole training would have been for nothing."""
    model = write(tmp_path, do_sample=False, temperature=0.7)
    with pytest.raises(UserError, match="temperature") as caught:
        generation.require_exportable(model)
    assert caught.value.field == "train.model"
    generation.require_exportable(write(tmp_path, do_sample=True, temperature=0.7))


def test_a_model_without_one_is_fine(tmp_path: Path) -> None:
    """Transformers makes one from the model's own settings."""
    assert generation.read(str(tmp_path)) is None
    generation.require_exportable(str(tmp_path))
