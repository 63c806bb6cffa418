"""Choosing trajectories: the right rows, in one pass, whatever file or row group holds them."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trajectories.made import quarantined, trajectory, write_run
from z1ray.errors import UserError
from z1ray.records import EVALUATION_ROW, TRAJECTORY, write_rows
from z1ray.trajectories.view.pick import Query, closest_ids, scan

LENGTHS = [37, 5, 900, 12, 640, 88, 3, 71, 450]


@pytest.fixture
def run(tmp_path):
    rows = [trajectory(f"p/{i}", "long" if n > 80 else "short", num_tokens=n) for i, n in enumerate(LENGTHS)]
    return write_run(tmp_path / "trajectories", [*rows, quarantined("p/bad", "prompt too long")])


def chosen(run, **query):
    return scan(run, [Query(**query)]).chosen[0]


def test_the_longest_and_the_shortest_are_those_of_all_files(run):
    """A choice per file, or by the file's own order, would miss some; a failed row has no length."""
    longest = chosen(run, order="longest", num=3, failed=False)
    shortest = chosen(run, order="shortest", num=3, failed=False)
    assert [row["num_tokens"] for row in longest] == [900, 640, 450]
    assert [row["num_tokens"] for row in shortest] == [3, 5, 12]
    assert [row["num_tokens"] for row in chosen(run, order="longest", num=1, mode="short")] == [71]


def test_one_pass_answers_several_queries_and_counts_the_rows(run):
    """The page asks for four choices; four passes over 10^7 rows would take four times as long."""
    found = scan(run, [Query(failed=True), Query(mode="long", num=2), Query(num=99)])
    assert [row["error"] for row in found.chosen[0]] == ["prompt too long"]
    assert [row["mode"] for row in found.chosen[1]] == ["long", "long"]
    assert found.num_matches == [1, 4, 10]
    assert (len(found.chosen[2]), found.modes, found.num_failed) == (10, {"long": 4, "short": 6}, 1)


def test_a_random_choice_repeats_with_its_seed_and_reaches_every_row(run):
    """The same seed shows the same rows again; over many seeds no row may be out of reach."""
    draws = [[row["trajectory_id"] for row in chosen(run, num=2, seed=seed)] for seed in range(40)]
    assert draws[3] == [row["trajectory_id"] for row in chosen(run, num=2, seed=3)]
    assert len({id_ for draw in draws for id_ in draw}) == len(LENGTHS) + 1


def test_an_exact_id_comes_before_ids_that_begin_with_it_or_contain_it(tmp_path):
    """Asking for p/1#short#1 must not show p/1#short#10 instead."""
    ids = ["x/p/1#short#1", "p/1#short#10", "p/1#short#1", "p/2#short#0"]
    run = write_run(tmp_path, [trajectory("p", trajectory_id=id_) for id_ in ids], num_files=1)
    assert [row["trajectory_id"] for row in chosen(run, id="p/1#short#1")] == [ids[2], ids[1], ids[0]]


def test_the_chosen_row_is_read_from_the_middle_of_a_file_of_many_row_groups(tmp_path):
    """Rows are found again by their position: an error of one would show a neighbour's text."""
    rows = [trajectory(f"p/{i}", num_tokens=i) for i in range(1000)]
    (tmp_path / "data").mkdir()
    table = pa.Table.from_pylist(rows, schema=TRAJECTORY)
    pq.write_table(table, tmp_path / "data" / "part.parquet", row_group_size=300)
    for i in (0, 299, 300, 599, 877, 999):
        assert chosen(tmp_path, id=f"p/{i}#short#0") == [rows[i]]


def test_a_folder_of_an_older_run_lacks_columns_and_still_shows(tmp_path):
    """Trajectories made before the prompt tokens were counted stay readable."""
    (tmp_path / "data").mkdir()
    table = pa.Table.from_pylist([trajectory("p/1")], schema=TRAJECTORY).drop_columns(["num_prompt_tokens", "request"])
    pq.write_table(table, tmp_path / "data" / "part.parquet")
    assert chosen(tmp_path)[0] == trajectory("p/1") | {"num_prompt_tokens": None, "request": None}


def test_files_still_being_written_are_left_out_and_counted(run):
    """A running job's file has no footer yet; it must neither fail the look nor vanish unmentioned."""
    whole = (run / "data" / "part-0.parquet").read_bytes()
    (run / "data" / "part-7.parquet").write_bytes(whole[: len(whole) // 2])
    (run / "data" / "part-8.parquet").write_bytes(b"")
    found = scan(run, [Query()])
    assert (found.num_unfinished, found.modes.total()) == (2, 10)


def test_an_id_that_is_not_there_brings_the_closest(run):
    """A typing error in one of 10^7 ids is found by the ids that look like it."""
    assert closest_ids(run, "p/bad#shrot#0")[0] == "p/bad#short#0"


def test_a_wrong_folder_says_what_is_wrong_with_it(run, tmp_path):
    """Each mistake has its own remedy."""
    (tmp_path / "empty").mkdir()
    write_rows([], tmp_path / "other" / "data" / "part.parquet", EVALUATION_ROW)
    for folder, told in {
        tmp_path / "nowhere": "no such folder",
        tmp_path / "empty": "no trajectories in it yet",
        tmp_path: f"did you mean {run}",
        run / "data": f"did you mean {run}",
        tmp_path / "other": "have no column 'trajectory_id'",
    }.items():
        with pytest.raises(UserError, match=told):
            scan(folder, [Query()])


def test_memory_stays_bounded_however_long_the_texts_are(tmp_path):
    """A run's texts exceed any memory: choosing reads none of them, and showing reads a few rows around the chosen."""
    code = """
import resource, sys
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from tests.trajectories.made import trajectory
from z1ray.records import TRAJECTORY
from z1ray.trajectories.view.pick import Query, scan
folder = Path(sys.argv[1])
(folder / "data").mkdir(parents=True)
noise = np.random.default_rng(0)
with pq.ParquetWriter(folder / "data" / "part.parquet", TRAJECTORY) as writer:
    for i in range(40):
        rows = [trajectory(f"p/{i}/{j}", text=noise.bytes(20_000).hex(), num_tokens=i * 100 + j) for j in range(100)]
        writer.write_table(pa.Table.from_pylist(rows, schema=TRAJECTORY))
        del rows
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
longest = scan(folder, [Query(order="longest", num=2)]).chosen[0]
assert [row["num_tokens"] for row in longest] == [3999, 3998]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    # The texts are 160 MB; the figures are KiB.
    assert int(done.stdout) < 40_000
