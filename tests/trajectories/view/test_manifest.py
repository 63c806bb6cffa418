"""The manifest says what is in the rows, counted another way."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trajectories.made import quarantined, trajectory, write_run
from z1ray.engine.config import EngineConfig
from z1ray.problems.config import SourceConfig
from z1ray.records import TRAJECTORY, Row
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig
from z1ray.trajectories.requests.reasons import reason
from z1ray.trajectories.view import manifest
from z1ray.trajectories.view.manifest import summarize

CONFIG = GenerateConfig(
    teachers={"qwq": TeacherConfig(model="Qwen/QwQ-32B"), "tiny": TeacherConfig(model="tiny", engine=EngineConfig())},
    problems=[SourceConfig(kind="leetcode")],
    modes={
        "short": ModeConfig(teacher="tiny", max_tokens=512, temperature=0.6),
        "long": ModeConfig(teacher="qwq", max_tokens=8192),
    },
    seed=11,
)
FITS_NOT = "over the context: 300 prompt tokens and max_tokens 8192 of 8192"


def run_file(folder: Path, number: int, **fields: Any) -> None:
    (folder / "runs").mkdir(exist_ok=True)
    (folder / "runs" / f"{number:04d}.json").write_text(json.dumps(fields))


def test_a_run_by_hand(tmp_path: Path) -> None:
    """Every figure of a small run, reckoned on paper."""
    rows = [
        trajectory("a", "long", request=0, num_tokens=1000),
        trajectory("b", "long", request=1, num_tokens=8192, finish_reason="length"),
        quarantined("c", FITS_NOT, "long"),
        trajectory("a", "short", request=3, num_tokens=0),
        trajectory("b", "short", request=4, num_tokens=1),
        quarantined("c", "empty question"),
        trajectory("d", "theirs", request=None, num_tokens=64),
        trajectory("e", "theirs", request=None, num_tokens=None, num_prompt_tokens=None),
    ]
    write_run(tmp_path, rows)
    engines = [{"teacher": "qwq", "num_engines": 2, "gpus_per_engine": 4, "began": 0.0, "ended": 900.0}]
    run_file(tmp_path, 1, started=0.0, last_seen=900.0, ended=False, num_done_at_start=0, engines=engines)
    engines = [{"teacher": "qwq", "num_engines": 1, "gpus_per_engine": 4, "began": 2000.0, "ended": None}]
    run_file(tmp_path, 2, started=1990.0, last_seen=3800.0, ended=True, num_done_at_start=3, engines=engines)
    facts = summarize(tmp_path, CONFIG)
    assert (facts["num_trajectories"], facts["num_quarantined"], facts["seed"]) == (8, 2, 11)
    assert facts["quarantined"] == {"over the context": 1, "empty question": 1}
    assert (facts["num_prompt_tokens"], facts["num_tokens"]) == (5 * 17, 9257)
    assert facts["histogram_edges"] == [0, *(2**power for power in range(15))]
    long = facts["modes"]["long"]
    assert long["finish_reasons"] == {"stop": 1, "length": 1, "error": 1}
    assert long["output_tokens"]["histogram"] == [0] * 10 + [1, 0, 0, 0, 1]
    assert [long["output_tokens"][name] for name in ("p50", "p90", "p99", "max")] == [1000, 8192, 8192, 8192]
    assert (long["teacher"], long["model"]) == ("qwq", "Qwen/QwQ-32B")
    assert facts["modes"]["short"]["output_tokens"]["histogram"][:2] == [1, 1]
    assert facts["modes"]["short"]["sampling"] == {"temperature": 0.6, "top_p": 0.95, "max_tokens": 512}
    assert "teacher" not in facts["modes"]["theirs"]
    # 2 engines for 900 s and 1 for 1,800 s, 4 GPUs each; somebody else wrote the 64 tokens.
    assert facts["cost"] == {
        "num_runs": 2,
        "num_killed_runs": 1,
        "engine_hours": 1.0,
        "gpu_hours": 4.0,
        "tokens_per_engine_second": round(9193 / 3600, 2),
        "tokens_per_gpu_second": round(9193 / 14400, 2),
    }
    json.dumps(facts)


def test_only_ready_trajectories(tmp_path: Path) -> None:
    """No engine ran, so nothing is divided by its time; a mode may have quarantined rows only."""
    write_run(tmp_path, [quarantined("c", "empty question")])
    facts = summarize(tmp_path, CONFIG)
    assert facts["cost"]["tokens_per_engine_second"] is None
    assert facts["modes"]["short"]["output_tokens"] == {
        **dict.fromkeys(("p50", "p90", "p99", "max")),
        "histogram": [0],
    }


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("empty question", "empty question"),
        (FITS_NOT, "over the context"),
        ("control character: U+0007 at position 3 of the question", "control character"),
        ("ValueError: prompt of 9000 is longer than 8192\nmore", "ValueError: prompt of N is longer than N"),
        ("ValueError", "ValueError"),
        ("data.jsonl:17: question: it is empty", "question: it is empty"),
        ("data.jsonl:18: response has 3 parts", "response has N parts"),
        ("", ""),
    ],
)
def test_reasons_without_what_is_a_rows_own(error: str, kind: str) -> None:
    """Ten thousand rows with one cause are one line of the manifest."""
    assert reason(error) == kind


def test_kinds_of_errors_are_bounded(tmp_path: Path) -> None:
    """An engine that puts the prompt into its message does not make a manifest of megabytes."""
    rows = [quarantined(f"p{i}", f"refused {chr(65 + i % 26)}{chr(65 + i // 26)}") for i in range(150)]
    write_run(tmp_path, rows, num_files=1)
    found = summarize(tmp_path, CONFIG)["quarantined"]
    assert len(found) == 101
    assert found["other"] == 50
    assert sum(found.values()) == 150


_ROWS = st.lists(
    st.builds(
        lambda mode, length, finish, error, request: (
            quarantined("p", error, mode)
            if error
            else trajectory("p", mode, num_tokens=length, finish_reason=finish, request=request)
        ),
        st.sampled_from(["short", "long"]),
        st.integers(0, 5) | st.integers(0, 40_000),
        st.sampled_from(["stop", "length"]),
        st.sampled_from([None, None, None, "empty question", FITS_NOT]),
        st.sampled_from([None, 5]),
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(rows=_ROWS, chunk=st.integers(1, 40))
def test_streamed_counts_are_plain_counts(
    rows: list[Row], chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """However rows fall into files and chunks, the manifest says what one pass over plain rows says."""
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "_CHUNK_ROWS", chunk)
        facts = summarize(folder, CONFIG)
    edges = facts["histogram_edges"]
    assert facts["num_quarantined"] == sum(row["error"] is not None for row in rows)
    assert facts["num_tokens"] == sum(row["num_tokens"] for row in rows)
    assert set(facts["modes"]) == {row["mode"] for row in rows}
    for name, mode in facts["modes"].items():
        own = [row for row in rows if row["mode"] == name]
        lengths = [row["num_tokens"] for row in own if row["error"] is None]
        assert mode["num_trajectories"] == len(own)
        assert mode["finish_reasons"] == Counter(row["finish_reason"] for row in own)
        assert mode["output_tokens"]["histogram"] == np.histogram(lengths, edges)[0].tolist()
        for quantile, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1)):
            expected = np.quantile(lengths, share, method="inverted_cdf") if lengths else None
            assert mode["output_tokens"][quantile] == expected


def test_texts_are_not_read(tmp_path: Path) -> None:
    """Ten million of them fit no driver: a count must not touch them, nor hold what it has counted."""
    num_rows, num_files = 200_000, 5
    columns = {name: pa.nulls(num_rows, TRAJECTORY.field(name).type) for name in TRAJECTORY.names}
    for name, value in {"trajectory_id": "x", "problem_id": "x", "mode": "long", "text": "a text " * 100}.items():
        columns[name] = pa.repeat(value, num_rows)
    columns["sample"] = pa.repeat(pa.scalar(0, pa.int32()), num_rows)
    columns["num_tokens"] = pa.array(np.arange(num_rows, dtype=np.int32) % 8192)
    (tmp_path / "data").mkdir()
    for number in range(num_files):
        pq.write_table(pa.table(columns, schema=TRAJECTORY), tmp_path / "data" / f"{number}.parquet")
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    facts = summarize(tmp_path, CONFIG)
    assert facts["num_trajectories"] == num_rows * num_files
    assert facts["modes"]["long"]["output_tokens"]["p50"] == pytest.approx(4096, abs=100)
    # The texts are 700 MB.
    assert pool.max_memory() - before < 200 << 20
