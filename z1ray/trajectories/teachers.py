"""Several teachers in one run: side by side as far as the cluster has room, else one after the other."""

import threading
from collections.abc import Callable, Mapping, Sequence

from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import needs
from z1ray.progress import say

# What a pipeline runs beside its engines: reading, preparing and writing, a CPU each.
_AROUND = 3.0

Resources = Mapping[str, float]


def pipeline_needs(engine: EngineConfig) -> dict[str, float]:
    """Logical resources of a teacher's whole pipeline."""
    taken = needs(engine)
    return taken | {"CPU": taken["CPU"] + _AROUND}


def waves(wanted: Mapping[str, Resources], available: Resources) -> list[list[str]]:
    """Which teachers run together: each in the first wave that has room for it.

    One that needs more than there is gets a wave of its own: the cluster may grow, and Ray
    Data starts with the engines that find a place.

    Args:
        wanted: Resources by teacher.
        available: Resources of the whole cluster.

    Returns:
        Names of the teachers, waves in the order to run them in.
    """
    found: list[list[str]] = []
    left: list[dict[str, float]] = []
    for teacher, resources in wanted.items():
        room = (number for number, free in enumerate(left) if _fits(resources, free))
        number = next(room, len(found))
        if number == len(found):
            found.append([])
            left.append(dict(available))
        found[number].append(teacher)
        for name, amount in resources.items():
            left[number][name] = left[number].get(name, 0.0) - amount
    return found


def run_waves(order: Sequence[Sequence[str]], work: Callable[[str], None]) -> None:
    """Call ``work`` for every teacher, those of a wave side by side in threads.

    If one fails, the others of its wave finish, for their rows are wanted whatever happens;
    then its error is raised, and no further wave starts.
    """
    for number, wave in enumerate(order, start=1):
        if len(order) > 1 or len(wave) > 1:
            say(f"generate: wave {number} of {len(order)}: {', '.join(wave)}")
        if len(wave) == 1:
            work(wave[0])
        else:
            _run_wave(wave, work)


def _run_wave(wave: Sequence[str], work: Callable[[str], None]) -> None:
    errors: dict[str, BaseException] = {}

    def run(teacher: str) -> None:
        try:
            work(teacher)
        except BaseException as error:  # noqa: BLE001 (raised again below, in the thread that waits)
            say(f"generate: {teacher} failed, the other teachers of its wave go on: {error!r:.300}")
            errors[teacher] = error

    # Daemons, so that Ctrl-C ends the driver and not only its waiting.
    threads = [threading.Thread(target=run, args=(teacher,), daemon=True) for teacher in wave]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors.values():
        raise error


def _fits(resources: Resources, free: Resources) -> bool:
    return all(amount <= free.get(name, 0.0) for name, amount in resources.items())
