"""From a curated folder to the file of tokens."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from tests.training.conftest import MakeConfig, example, write_dataset
from z1ray.errors import UserError
from z1ray.training.data import dataset
from z1ray.training.data.tokenize import TokenizedExample, tokenize


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model)


def test_kept_rows_come_in_the_order_of_their_ids(curated: Path) -> None:
    """How rows lie in files must not change what is trained when; dropped rows must not come at all."""
    ids = [row["trajectory_id"] for row in dataset.read_examples(curated)]
    assert ids == [f"test/{number:03d}#short#0" for number in range(14)]


def test_tokens_read_back_as_written_and_too_long_ones_are_listed(
    make_config: MakeConfig, tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An over-long example is dropped with its length on record and the user told, never cut; the others survive
    unchanged.
    """
    config, tokens = make_config(), tmp_path / "state" / dataset.TOKENS
    dataset.write(dataset.tokenize_dataset(config, tokenizer), tmp_path, tokens)
    rows = dataset.read_examples(Path(config.dataset))
    made = tokenize(tokenizer, rows, config.system_prompt)
    expected = [each for each in made if isinstance(each, TokenizedExample)]
    read = dataset.TokenFile(tokens)
    assert [read[index] for index in range(len(read))] == expected[:13]
    assert read.lengths == [len(each.input_ids) for each in expected[:13]]
    assert read.num_trained == [len(each.input_ids) - each.num_prompt_tokens for each in expected[:13]]
    assert dataset.num_dropped(tmp_path) == 1
    assert "1 of 14 examples are longer than train.batch.max_length and are left out" in capsys.readouterr().out
    assert (
        f'{{"trajectory_id": "test/013#short#0", "reason": "too_long", "num_tokens": {len(expected[13].input_ids)}}}'
        in (tmp_path / dataset.DROPPED).read_text()
    )


def test_all_too_long_names_the_length_that_would_do(make_config: MakeConfig, tokenizer: Any) -> None:
    """The remedy is a number the user can type."""
    with pytest.raises(UserError, match=r"all 14 examples are longer .*\n.*set it to \d+ or more") as caught:
        dataset.tokenize_dataset(make_config({"batch.max_length": 8}), tokenizer)
    assert caught.value.field == "train.batch.max_length"


@pytest.mark.parametrize("num_dropped", [0, 3])
def test_nothing_kept_is_told_as_such(tmp_path: Path, num_dropped: int) -> None:
    """An empty dataset after curation must not look like a crash of training."""
    rows = [example(number, text="x", kept=False) for number in range(num_dropped)]
    with pytest.raises(UserError, match=r"no example .* was kept") as caught:
        dataset.read_examples(write_dataset(tmp_path / "empty", rows))
    assert caught.value.field == "train.dataset"
