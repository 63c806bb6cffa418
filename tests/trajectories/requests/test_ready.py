"""Ready trajectories, read through the real libraries and carried on into curation."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from z1ray import artifacts
from z1ray.curation.config import CurateConfig
from z1ray.curation.curate import curate
from z1ray.errors import UserError
from z1ray.records import PROBLEM, TRAJECTORY, read_rows, write_rows
from z1ray.trajectories.config import GenerateConfig, ReadyConfig
from z1ray.trajectories.generate import generate
from z1ray.trajectories.requests.ready import read_ready, read_ready_problems, taking_over

# The columns of efficientscaling/Z1-Code-Reasoning-107K.
Z1_ROWS = [
    {"id": "a", "question": "What is 1 + 1?", "response": "One and one make two: 2.", "token_num_qwen": 9},
    {
        "id": "b",
        "question": "Reverse a list.",
        "response": "Use a slice:\n```python\nx[::-1]\n```",
        "token_num_qwen": 15,
    },
    {"id": "c", "question": "Why?", "response": "", "token_num_qwen": 0},
]


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """A local copy of what the hub has."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "Z1-Code-Reasoning-107K").mkdir()
    pq.write_table(pa.Table.from_pylist(Z1_ROWS), tmp_path / "Z1-Code-Reasoning-107K" / "train-00000.parquet")
    return ReadyConfig(kind="hub", path=str(tmp_path / "Z1-Code-Reasoning-107K"))


def from_lines(tmp_path, records, **settings):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records))
    return ReadyConfig(kind="jsonl", path=str(path), **settings)


def test_the_dataset_of_the_paper_is_read_as_it_is(dataset):
    """Its columns need no mapping; a row without a response stays, with its reason."""
    rows = list(read_ready([dataset]))
    assert [row["trajectory_id"] for row in rows] == [f"ready/{number}#ready#0" for number in range(3)]
    assert [row["text"] for row in rows] == [Z1_ROWS[0]["response"], Z1_ROWS[1]["response"], None]
    assert [row["finish_reason"] for row in rows] == ["stop", "stop", "error"]
    assert rows[0]["messages"] == [{"role": "user", "content": "What is 1 + 1?"}]
    assert rows[0]["error"] is None
    assert rows[2]["error"].endswith("row 2: response is empty")
    assert list(read_ready([dataset])) == rows


def test_every_trajectory_has_its_problem(dataset):
    """Curation joins the two by id."""
    problems = list(read_ready_problems([dataset]))
    assert [row["problem_id"] for row in problems] == [row["problem_id"] for row in read_ready([dataset])]
    assert [row["question"] for row in problems] == [row["question"] for row in Z1_ROWS]


@pytest.mark.ray
def test_ready_trajectories_pass_curation(dataset, tmp_path, ray_cluster, tiny_model):
    """The paper's own dataset can be curated and trained on without generating anything."""
    folder = tmp_path / "trajectories"
    artifacts.begin(folder, dataset)
    write_rows(read_ready_problems([dataset]), folder / "problems.parquet", PROBLEM)
    write_rows(read_ready([dataset]), folder / "data" / "ready.parquet", TRAJECTORY)
    artifacts.finish(folder, 0.0)
    curate(CurateConfig(trajectories=str(folder), tokenizer=str(tiny_model)), tmp_path / "dataset")
    kept = {row["trajectory_id"]: row for row in read_rows(tmp_path / "dataset" / "data")}
    assert [(row["kept"], row["drop_reason"]) for _, row in sorted(kept.items())] == [
        (True, None),
        (True, None),
        (False, "failed"),
    ]
    assert kept["ready/0#ready#0"]["question"] == "What is 1 + 1?"
    assert kept["ready/0#ready#0"]["num_tokens"] > 5


def test_columns_mode_and_model_are_configured(tmp_path):
    """Other people's datasets name things as they like; tests and ids go along."""
    tests = {"kind": "python", "cases": ["assert f() == 1"]}
    record = {"prompt": "f?", "answer": "def f(): return 1", "tests": tests, "key": "k7", "entry_point": "f"}
    columns = {"question": "prompt", "response": "answer", "problem_id": "key"}
    config = from_lines(tmp_path, [record], name="theirs", mode="long", model="big", columns=columns)
    (problem,) = read_ready_problems([config])
    (row,) = read_ready([config])
    assert (problem["problem_id"], problem["tests"]["cases"]) == ("theirs/k7", ["assert f() == 1"])
    assert (row["trajectory_id"], row["model"], row["mode"]) == ("theirs/k7#long#0", "big", "long")


def test_several_responses_to_one_problem_are_its_samples(tmp_path):
    """One problem under one id, however many responses; but one id for two questions mixes them up."""
    records = [{"question": "q?", "response": f"r{number}", "problem_id": 7} for number in range(3)]
    config = from_lines(tmp_path, [*records, {"question": "other?", "response": "r", "problem_id": 7}])
    rows = list(read_ready([config]))
    assert [row["trajectory_id"] for row in rows] == [f"ready/7#ready#{number}" for number in range(4)]
    assert [row["problem_id"] for row in read_ready_problems([config])] == ["ready/7"]
    assert [row["error"] is None for row in rows] == [True, True, True, False]
    assert "stands for another question" in rows[3]["error"]


def test_trajectory_ids_of_the_source_are_kept(tmp_path):
    """A row can be found again where it came from; an id twice would lose one of the rows."""
    records = [{"question": "q?", "response": "r", "trajectory_id": id_} for id_ in ("x", "y", "x")]
    assert [row["trajectory_id"] for row in read_ready([from_lines(tmp_path, records[:2])])] == ["ready/x", "ready/y"]
    with pytest.raises(UserError, match="ready/x"):
        list(read_ready([from_lines(tmp_path, records)]))


def test_bad_rows_stay_with_their_reason(tmp_path, capsys):
    """One bad row of a hundred thousand must not keep the others from being used, nor vanish."""
    good = {"question": "q?", "response": "r", "problem_id": "p"}
    bad = [good | {"response": None}, good | {"question": " "}, good | {"response": "\ud800"}, {"problem_id": "p"}]
    config = from_lines(tmp_path, [good, *bad])
    write_rows(read_ready([config]), tmp_path / "t.parquet", TRAJECTORY)
    write_rows(read_ready_problems([config]), tmp_path / "p.parquet", PROBLEM)
    rows, problems = read_rows(tmp_path / "t.parquet"), read_rows(tmp_path / "p.parquet")
    for number, reason in enumerate(("response is missing", "is empty", "lone surrogate", "is missing"), start=1):
        assert reason in rows[number]["error"]
        assert rows[number]["text"] is None
    assert len({row["trajectory_id"] for row in rows}) == 5
    assert {row["problem_id"] for row in rows} == {row["problem_id"] for row in problems}
    assert "4 of 5 rows cannot be used" in capsys.readouterr().out
    with pytest.raises(UserError, match="none of its 4 rows"):
        list(read_ready([from_lines(tmp_path, bad)]))


def test_a_missing_response_column_says_which_there_are(dataset, tmp_path):
    """A mapping is written once the columns are known."""
    with pytest.raises(UserError) as caught:
        list(read_ready([from_lines(tmp_path, [{"question": "q?", "responses": "r"}])]))
    assert caught.value.field == "source 'ready': columns.response"
    assert "it has question, responses" in caught.value.problem
    assert "did you mean 'responses'" in caught.value.remedy
    wrong = ReadyConfig(kind="hub", path=dataset.path, columns={"response": "solution"})
    with pytest.raises(UserError, match="it has id, question, response, token_num_qwen"):
        list(read_ready([wrong]))


def test_two_sources_of_one_name_are_refused(tmp_path):
    """Their rows would share ids."""
    config = from_lines(tmp_path, [{"question": "q?", "response": "r"}])
    for read in (read_ready, read_ready_problems):
        with pytest.raises(UserError, match="its own `name`"):
            list(read([config, config]))


def test_a_mode_with_the_separator_of_ids_is_refused():
    """'#' separates the parts of a trajectory id."""
    with pytest.raises(UserError, match="separates"):
        ReadyConfig(kind="hub", path="x", mode="a#b")


def source(folder, name, ids):
    path = folder / f"{name}.jsonl"
    path.write_text(
        "\n".join(json.dumps({"question": f"{id_}?", "response": "r", "trajectory_id": id_}) for id_ in ids)
    )
    return ReadyConfig(kind="jsonl", path=str(path), name=name)


def taken(data):
    return [row["trajectory_id"] for row in read_rows(data)]


def test_one_more_source_adds_its_rows_and_leaves_the_others(tmp_path):
    """What was taken over stays byte for byte; a kill before the block's end leaves nothing half done."""
    data, a, b, c = tmp_path / "data", *(source(tmp_path, name, "xy") for name in "abc")
    with taking_over([a], data):
        assert not list(data.glob("*.parquet"))
    (old,) = data.glob("*.parquet")
    before = old.read_bytes()
    with pytest.raises(KeyboardInterrupt), taking_over([a, b, c], data):
        raise KeyboardInterrupt
    assert taken(data) == ["a/x", "a/y"]
    for _ in range(2):
        with taking_over([a, b, c], data):
            pass
        assert sorted(taken(data)) == [f"{name}/{id_}" for name in "abc" for id_ in "xy"]
    assert old.read_bytes() == before


def test_one_more_source_cannot_repeat_an_id_that_is_there(tmp_path):
    """Two trajectories of one id would be one row too many for every later stage."""
    data, a = tmp_path / "data", source(tmp_path, "a", "xy")
    with taking_over([a], data):
        pass
    (tmp_path / "other").mkdir()
    again = source(tmp_path / "other", "a", "yz")
    with pytest.raises(UserError, match="a/y"), taking_over([a, again], data):
        pass
    assert taken(data) == ["a/x", "a/y"]


def test_a_finished_run_of_ready_trajectories_is_extended(tmp_path):
    """The whole stage: problems, rows and manifest count both sources, and a broken third changes nothing."""
    output, a, b = tmp_path / "out", source(tmp_path, "a", "xy"), source(tmp_path, "b", "z")
    assert generate(GenerateConfig(ready=[a]), output)["num_trajectories"] == 2
    nowhere = ReadyConfig(kind="jsonl", path=str(tmp_path / "none.jsonl"), name="none")
    with pytest.raises(UserError, match=r"none\.jsonl"):
        generate(GenerateConfig(ready=[a, nowhere]), output)
    assert artifacts.is_done(output, GenerateConfig(ready=[a]))
    assert generate(GenerateConfig(ready=[a, b]), output)["num_trajectories"] == 3
    assert len(read_rows(output / "problems.parquet")) == len(taken(output / "data")) == 3
