"""What the shared pipeline makes of a target that cannot be written, and of what was answered before."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from z1ray.engine.args import BUDGET_ARG, GRACE_ARG, HINT_ARG
from z1ray.engine.batch import _completion, _request, _write, answered_rows, num_answered
from z1ray.errors import UserError
from z1ray.upstream.ray_data import ERROR_COLUMN, RESULT_COLUMN


def test_only_committed_files_count_as_answered(tmp_path):
    """A half-written file's ids are asked again; counting them would end a run that is not complete."""
    assert num_answered(tmp_path / "done") == 0
    for name, number in (("a.parquet", 3), ("b.parquet", 2), ("c.pending.parquet", 7)):
        pq.write_table(pa.table({"request": list(range(number))}), tmp_path / name)
    assert num_answered(tmp_path) == 5


def test_rows_of_a_file_that_a_kill_left_half_way_are_not_read(tmp_path):
    """They are asked again and would stand there twice; the file may not even be whole."""
    data, done = tmp_path / "data", tmp_path / "done"
    assert list(answered_rows(data, done)) == []
    data.mkdir()
    done.mkdir()
    pq.write_table(pa.table({"request": [1, 2]}), data / "a-0.parquet")
    (data / "b-0.parquet").write_bytes(b"PAR1")
    pq.write_table(pa.table({"request": [1, 2]}), done / "a.parquet")
    pq.write_table(pa.table({"request": [3]}), done / "b.pending.parquet")
    assert list(answered_rows(data, done)) == [{"request": 1}, {"request": 2}]


@pytest.mark.ray
def test_a_target_that_cannot_be_made_is_told(ray_cluster, tmp_path):
    """At once, with what to do, and without Ray's traceback."""
    import ray

    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"output_dir(.|\n)*cannot be written"):
        _write(ray.data.range(4), tmp_path / "file" / "data", 2)


@pytest.mark.ray
def test_a_target_that_goes_away_is_told(ray_cluster, tmp_path):
    """A worker's error reaches the user as one line, whatever Ray wrapped it into."""
    import ray

    data = tmp_path / "data"

    def spoil(table: pa.Table) -> pa.Table:
        if data.is_dir():
            data.rmdir()
            data.touch()
        return table

    rows = ray.data.range(4).map_batches(spoil, batch_format="pyarrow")
    with pytest.raises(UserError, match=r"output_dir(.|\n)*cannot be written"):
        _write(rows, data, 2)


@pytest.mark.ray
def test_other_errors_are_not_taken_for_a_full_disk(ray_cluster, tmp_path):
    """A hub that is out of reach is an OSError, too, and has another remedy."""
    import ray

    def fail(table: pa.Table) -> pa.Table:
        raise OSError("the hub is out of reach")

    with pytest.raises(Exception, match="out of reach") as caught:
        _write(ray.data.range(4).map_batches(fail, batch_format="pyarrow"), tmp_path / "data", 2)
    assert not isinstance(caught.value, UserError)


@pytest.mark.parametrize("name", [BUDGET_ARG, HINT_ARG, GRACE_ARG])
def test_a_window_never_reaches_an_engine_without_the_processor(name):
    """The engine would ignore it without a word: a cap that is accepted and missing."""
    with pytest.raises(AssertionError, match="window"):
        _request({"sampling": json.dumps({"max_tokens": 9, "extra_args": {name: 4}})})
    harmless: list[dict[str, Any]] = [{}, {"extra_args": {}}, {"extra_args": None}, {"extra_args": {"other": 1}}]
    for args in harmless:
        assert _request({"sampling": json.dumps(args)})["sampling_params"] == args


def test_a_programs_result_becomes_part_of_its_request():
    """And a request that the engine refused carries the reason, and no result."""
    told = {"answers": [{"text": "4", "cut": None}], "num_generated": 3}
    answered = _completion({"id": "a", RESULT_COLUMN: json.dumps(told), ERROR_COLUMN: ""}, frozenset())
    assert answered == {**told, "error": None}
    assert _completion({"id": "a", RESULT_COLUMN: "", ERROR_COLUMN: "too hot"}, frozenset())["error"] == "too hot"
