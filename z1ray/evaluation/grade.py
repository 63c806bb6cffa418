"""Grading answered rows against their problems' tests."""

from pathlib import Path

from z1ray.grading.config import SandboxConfig
from z1ray.records import Row

# More blocks than graders, so that they do not all wait for the block with the slowest programs.
_BLOCKS_PER_GRADER = 2


def answer_text(text: str, cut: bool, hint: str) -> str:
    """What is graded: all of the text, or from the hint on where the run was cut.

    A cut may fall inside a code block, so the thinking part would confuse the search for one.
    The first hint counts: an answer may repeat it.
    """
    return text[max(0, text.find(hint)) :] if cut else text


def grade_rows(
    rows: Path, problems: dict[str, Row], hints: dict[str, str], sandbox: SandboxConfig, parallelism: int | None
) -> list[Row]:
    """Grade every row of a Parquet file, side by side on the cluster.

    Args:
        rows: File of ``EVALUATION_ROW`` rows without ``answer`` and ``correct``.
        problems: Problem rows by id.
        hints: Hint text by benchmark.
        sandbox: Limits for running code.
        parallelism: Rows graded at a time; as many as the cluster has CPUs if None.

    Returns:
        The same rows with both columns filled in, ordered by id.
    """
    import ray

    def grade(row: Row) -> Row:
        from z1ray.grading.verdict import check

        hint = hints[row["benchmark"]]
        text = answer_text(row["text"], row["cut"], hint)
        verdict = check(problems[row["problem_id"]], text, sandbox, hints=[hint] if row["cut"] else [])
        return {**row, "answer": verdict.answer, "correct": verdict.passed}

    width = parallelism or int(ray.cluster_resources()["CPU"])  # type: ignore[no-untyped-call]
    blocks = ray.data.read_parquet(str(rows)).repartition(_BLOCKS_PER_GRADER * width)
    graded = blocks.map(grade, compute=ray.data.TaskPoolStrategy(size=width))
    return sorted(graded.take_all(), key=lambda row: str(row["row_id"]))
