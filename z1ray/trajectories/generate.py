"""The stage problems -> trajectories.

Writes ``problems.parquet``, ``requests/part-*.parquet`` (every request, before the first is
asked), ``data/*.parquet`` (``TRAJECTORY`` rows, one per request and one per ready trajectory),
``done/<teacher>/`` (which requests have a row), the manifest and ``report.html``.
"""

import time
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.connect import connect
from z1ray.engine.batch import num_answered, run_requests
from z1ray.engine.tokens import context_length
from z1ray.files import writing
from z1ray.models.lookup import require
from z1ray.problems.load import iter_problems
from z1ray.progress import say
from z1ray.records import TRAJECTORY, Row
from z1ray.trajectories.config import GenerateConfig
from z1ray.trajectories.progress.counts import ModeLoad
from z1ray.trajectories.progress.runs import Run, record_run
from z1ray.trajectories.progress.tally import watch_run
from z1ray.trajectories.requests import complete, table
from z1ray.trajectories.requests.prepare import Prepare
from z1ray.trajectories.requests.ready import read_ready, read_ready_problems, taking_over
from z1ray.trajectories.teachers import pipeline_needs, run_waves, waves
from z1ray.trajectories.view.manifest import summarize
from z1ray.trajectories.view.page import write_page

DATA = "data"
_DONE = "done"


def generate(config: GenerateConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Generate one trajectory per problem, mode and sample, and take over the ready ones; needs a running Ray.

    A run that was killed continues where it stopped.

    Returns:
        The manifest; see ``z1ray.trajectories.view.manifest``.

    Raises:
        UserError: For a missing model, a bad source, an output that cannot be written, or more
            quarantined requests than ``max_quarantined_share``; finished rows stay.
    """
    started = time.time()
    for name, teacher in config.teachers.items():
        require(f"generate.teachers.{name}.model", teacher.model)
    if not _begin(config, output, force=force):
        return artifacts.manifest(output)
    loads = _loads(config, output)
    if loads:
        _answer(config, output, loads)
    num_requests = sum(load.num_requests for load in loads.values())
    complete.require_complete(output / DATA, num_requests, config.max_quarantined_share)
    with writing(output):
        manifest = artifacts.finish(output, started, **summarize(output, config))
        say(f"generate: to read: {write_page(output)}, or python jobs/show.py {output}")
    return manifest


def _begin(config: GenerateConfig, output: Path, *, force: bool) -> bool:
    """Open the stage's folder and put the requests there that it lacks; False if the stage is done already."""
    problems, data = iter_problems(config.problems), output / DATA
    if force or not table.is_written(output):
        # A source that cannot be read is told now, before anything is cleared for it.
        problems = _opened(problems)
        next(read_ready(config.ready), None)
        begun = artifacts.begin(output, config, force=force)
        with writing(output), taking_over(config.ready, data):
            table.write_table(config, problems, output, read_ready_problems(config.ready))
    elif table.is_current(config, output):
        # A run that was killed while it was extended may lack ready rows that its table knows.
        begun = artifacts.begin(output, config)
        with writing(output), taking_over(config.ready if begun else [], data):
            pass
    else:
        # What was extended is read whole before the folder belongs to the larger configuration.
        artifacts.require_own(output, config)
        ready = read_ready_problems(config.ready)
        with (
            writing(output),
            taking_over(config.ready, data),
            table.prepared(config, problems, output, ready) as made,
        ):
            begun = artifacts.begin(output, config)
            table.install(made, output)
    return begun


def _opened(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, the first of them read."""
    return chain(list(islice(rows, 1)), rows)


def _loads(config: GenerateConfig, output: Path) -> dict[str, ModeLoad]:
    return {
        name: ModeLoad(num_requests=number, max_tokens=config.modes[name].max_tokens)
        for name, number in table.num_requests(config, output).items()
    }


def _answer(config: GenerateConfig, output: Path, loads: dict[str, ModeLoad]) -> None:
    """Answer every request without a row."""
    num_requests = {name: sum(loads[mode].num_requests for mode in config.modes_of(name)) for name in config.teachers}
    done = {name: num_answered(output / _DONE / name) for name in config.teachers}
    num_done = sum(done.values())
    if num_done:
        say(f"generate: resuming: {num_done} of {sum(num_requests.values())} requests are done")
    left = {name: config.teachers[name] for name in config.teachers if done[name] < num_requests[name]}
    if not left:
        return
    connect()
    import ray

    room: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    order = waves({name: pipeline_needs(teacher.engine) for name, teacher in left.items()}, room)
    with writing(output), record_run(output, num_done) as run, watch_run(output / DATA, loads, num_done):
        # Made here, for what they import is not made for several threads.
        prepares = {name: _prepare(config, name) for name in left}
        run_waves(order, lambda name: _ask(config, name, output, prepares[name], run))


def _prepare(config: GenerateConfig, name: str) -> Prepare:
    teacher = config.teachers[name]
    context = context_length(teacher.model, teacher.engine.max_model_len)
    return Prepare(teacher.model, context, config.modes_of(name), config.seed)


def _ask(config: GenerateConfig, name: str, output: Path, prepare: Prepare, run: Run) -> None:
    """Answer the requests of one teacher."""
    from z1ray.engine.parts import Only

    teacher, modes = config.teachers[name], list(prepare.modes)
    with run.engines(name, teacher.engine):
        run_requests(
            table.parts(output),
            output / DATA,
            output / _DONE / name,
            model=teacher.model,
            engine=teacher.engine,
            id_column="request",
            schema=TRAJECTORY,
            batch_size=config.batch_size,
            rows_per_file=config.rows_per_file,
            to_row=prepare.trajectory,
            prepare=prepare,
            only=Only("mode", modes) if len(modes) < len(config.modes) else None,
        )
