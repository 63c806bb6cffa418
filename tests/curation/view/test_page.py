"""The page and the card of a dataset, from files alone."""

import numpy as np
import pytest

from z1ray.curation.rows import NOT_RUN, REASONS, Rows
from z1ray.curation.summary import summarize
from z1ray.curation.view.card import write_card
from z1ray.curation.view.page import write_page
from z1ray.records import EXAMPLE, write_rows

HOSTILE = "</pre><script>alert(1)</script> \x1b[31m \u202e backwards"


def rows_of(reasons, modes, lengths):
    num, none = len(reasons), np.full(len(reasons), -1)
    names = sorted(set(modes))
    return Rows(
        ranks=np.arange(num),
        problem=np.arange(num),
        num_tokens=np.array(lengths),
        mode=np.array([names.index(mode) for mode in modes]),
        modes=names,
        difficulty=np.zeros(num, dtype=np.int8),
        has_tests=np.zeros(num, dtype=bool),
        random=np.arange(num, dtype=np.uint64),
        exact=np.arange(num, dtype=np.uint64),
        reason=np.array([REASONS.index(reason) for reason in reasons], dtype=np.int8),
        verified=np.full(num, NOT_RUN),
        verdict=np.zeros(num, dtype=np.int8),
        verdicts=[None],
        duplicate_of=none,
        gram=none,
    )


@pytest.fixture
def facts():
    rows = rows_of([None, "empty", None, "duplicate"], ["long", "long", "short", "short"], [700, 0, 90, 91])
    samples = {
        "kept": [{"trajectory_id": "row-0", "file": "train-00000.parquet"}],
        "duplicate": [{"trajectory_id": "row-3", "file": "dropped-00000.parquet"}],
    }
    return summarize(rows) | {"content": "c0ffee", "samples": samples}


@pytest.fixture
def folder(tmp_path):
    blank = dict.fromkeys(EXAMPLE.names)
    for number, split in ((0, "train"), (3, "dropped")):
        row = {
            **blank,
            **{"trajectory_id": f"row-{number}", "problem_id": "p", "mode": "long", "sample": 0, "num_tokens": 7},
            **{"text": HOSTILE, "question": HOSTILE, "kept": not number, "duplicate_of": "row-0" if number else None},
        }
        write_rows([row], tmp_path / "data" / f"{split}-00000.parquet", EXAMPLE)
    (tmp_path / "config.yaml").write_text("keep: any\n")
    return tmp_path


def test_the_funnel_adds_up(facts):
    """Every row leaves at one step, and what is left at the end is what is kept."""
    assert [step["step"] for step in facts["funnel"][1:]] == list(REASONS[1:])
    left = {step["step"]: step["rows"] for step in facts["funnel"]}
    assert (left["trajectories"], left["empty"], left["duplicate_question"], left["duplicate"]) == (4, 3, 3, 2)
    assert facts["funnel"][-1]["rows"] == facts["num_kept"] == 2
    assert facts["funnel"][-1]["tokens"] == facts["num_tokens"] == 790
    assert facts["modes"]["long"]["tokens"]["max"] == 700
    assert sum(facts["modes"]["short"]["tokens"]["histogram"]) == 1


def test_what_a_model_wrote_stays_text(folder, facts):
    """A page that runs a model's script, or shows text in another order, deceives its reader."""
    page = write_page(folder, facts).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "default-src 'none'" in page


def test_a_reason_leads_to_its_rows(folder, facts):
    """One click from the funnel to the rows that were dropped for it, and to what they repeat."""
    page = write_page(folder, facts).read_text()
    assert '<a href="#duplicate">duplicate</a>' in page
    section = page[page.index('<section id="duplicate">') :]
    assert "row-3" in section
    assert "repeats <b>row-0</b>" in section
    assert 'row["drop_reason"] == "duplicate"' in section.replace("&#34;", '"')
    assert 'href="#failed"' not in page


def test_the_card_names_the_splits_that_exist(folder, facts):
    """``load_dataset`` fails on a pattern that matches no file."""
    assert "split: dropped" in write_card(folder, facts).read_text()
    (folder / "data" / "dropped-00000.parquet").unlink()
    card = write_card(folder, facts).read_text()
    assert "split: train" in card
    assert "split: dropped" not in card
