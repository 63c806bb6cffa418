"""Reading and tokenizing the curated dataset into one file of token ids that all workers map into memory.

The driver tokenizes once; the file is part of the run's ``state`` folder. Examples longer than
``train.batch.max_length`` are dropped, counted and listed in ``dropped.jsonl``, never truncated.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from z1ray.errors import UserError
from z1ray.files import replacing, write_text
from z1ray.progress import say
from z1ray.records import Row
from z1ray.training.config import TrainConfig
from z1ray.training.data.tokenize import Refused, TokenizedExample, tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENS = "tokens.arrow"
DROPPED = "dropped.jsonl"
TOO_LONG = "too_long"

_SCHEMA = pa.schema(
    [
        pa.field("trajectory_id", pa.string(), nullable=False),
        pa.field("input_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("num_prompt_tokens", pa.int32(), nullable=False),
    ]
)


class TokenFile:
    """The tokenized examples, memory-mapped: workers of a node share one copy.

    Attributes:
        lengths: Number of tokens of each example.
        num_trained: Number of trained tokens of each example.
    """

    def __init__(self, path: Path) -> None:
        self._table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        prompts = self._table["num_prompt_tokens"].to_pylist()
        self.lengths: list[int] = pc.list_value_length(self._table["input_ids"]).to_pylist()
        self.num_trained = [length - prompt for length, prompt in zip(self.lengths, prompts, strict=True)]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> TokenizedExample:
        row = {name: self._table[name][index].as_py() for name in _SCHEMA.names}
        return TokenizedExample(**row)


class Tokenized(NamedTuple):
    """The tokenized dataset: examples that are trained on, that exceed ``max_length``, and that are not usable."""

    fitting: list[TokenizedExample]
    too_long: list[TokenizedExample]
    refused: list[Refused]


def tokenize_dataset(
    config: TrainConfig, tokenizer: "PreTrainedTokenizerBase", vocabulary: int | None = None
) -> Tokenized:
    """Read and tokenize the curated examples.

    Raises:
        UserError: If nothing is left to train on, or the chat template does not fit.
    """
    rows = read_examples(Path(config.dataset))
    made = list(tokenize(tokenizer, rows, config.system_prompt, vocabulary))
    examples = [each for each in made if isinstance(each, TokenizedExample)]
    refused = [each for each in made if isinstance(each, Refused)]
    if not examples:
        raise UserError(
            "train.dataset",
            config.dataset,
            f"none of its {len(rows)} examples can be trained on; the first, {refused[0].trajectory_id!r}: "
            f"{refused[0].reason}",
            "curate the dataset anew, or use another model",
        )
    fitting = [example for example in examples if len(example.input_ids) <= config.batch.max_length]
    too_long = [example for example in examples if len(example.input_ids) > config.batch.max_length]
    if not fitting:
        shortest = min(len(example.input_ids) for example in examples)
        raise UserError(
            "train.batch.max_length",
            config.batch.max_length,
            f"all {len(examples)} examples are longer (the shortest has {shortest} tokens)",
            f"set it to {shortest} or more, or curate shorter trajectories",
        )
    return Tokenized(fitting, too_long, refused)


def write(tokenized: Tokenized, output: Path, tokens: Path) -> None:
    """Write ``<output>/dropped.jsonl`` and then, atomically, ``tokens``; report what is left out."""
    dropped = [len(example.input_ids) for example in tokenized.too_long]
    if dropped:
        say(
            f"train: {len(dropped)} of {len(dropped) + len(tokenized.fitting)} examples are longer than "
            f"train.batch.max_length and are left out (up to {max(dropped)} tokens); {output / DROPPED} lists them"
        )
    if tokenized.refused:
        first = tokenized.refused[0]
        say(
            f"train: {len(tokenized.refused)} examples cannot be trained on and are left out (the first, "
            f"{first.trajectory_id!r}: {first.reason}); {output / DROPPED} lists them"
        )
    _write_dropped(tokenized, output / DROPPED)
    write_tokens(tokenized.fitting, tokens)


def read_examples(folder: Path) -> list[Row]:
    """The kept examples of a curated dataset, ordered by trajectory id.

    Raises:
        UserError: If no example was kept.
    """
    files = sorted((folder / "data").glob("*.parquet"))
    columns = ["trajectory_id", "question", "text"]
    kept = [pq.read_table(path, columns=columns, filters=[("kept", "=", True)]) for path in files]
    # The order of the rows decides the order of training, so it may not depend on how they lie in files.
    rows: list[Row] = pa.concat_tables(kept).sort_by("trajectory_id").to_pylist() if kept else []
    if not rows:
        raise UserError(
            "train.dataset",
            str(folder),
            "no example in its data/*.parquet was kept",
            "look at the dropped rows' drop_reason, then loosen curate.* or generate more trajectories",
        )
    return rows


def num_dropped(output: Path) -> int:
    """Number of examples dropped as too long."""
    return sum(line["reason"] == TOO_LONG for line in _dropped(output))


def num_refused(output: Path) -> int:
    """Number of examples dropped for another reason than their length."""
    return sum(line["reason"] != TOO_LONG for line in _dropped(output))


def _dropped(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / DROPPED).read_text().splitlines()]


def _write_dropped(tokenized: Tokenized, path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"trajectory_id": each.trajectory_id, "reason": TOO_LONG, "num_tokens": len(each.input_ids)}
        for each in tokenized.too_long
    ]
    lines += [{"trajectory_id": each.trajectory_id, "reason": each.reason} for each in tokenized.refused]
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))


def write_tokens(examples: list[TokenizedExample], path: Path) -> None:
    """Write a token file atomically."""
    columns = {name: [getattr(example, name) for example in examples] for name in _SCHEMA.names}
    with (
        replacing(path) as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_file(sink, _SCHEMA) as writer,
    ):
        writer.write_table(pa.table(columns, schema=_SCHEMA))
