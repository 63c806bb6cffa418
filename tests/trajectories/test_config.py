"""Settings of generation: what cannot work is refused before anything starts, and told by its key."""

import pytest

from z1ray import artifacts
from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.trajectories.config import GenerateConfig, ModeConfig, ReadyConfig, TeacherConfig

TEACHER = TeacherConfig(model="m")


def config(**settings) -> GenerateConfig:
    given = {
        "teachers": {"qwq": TEACHER},
        "problems": [SourceConfig(kind="humaneval")],
        "modes": {"long": ModeConfig()},
        **settings,
    }
    return GenerateConfig(**given)


@pytest.mark.parametrize(
    "settings",
    [
        {"modes": {}},
        {"problems": []},
        {"teachers": {}},
        {"modes": {"a#b": ModeConfig()}},
        {"teachers": {"../up": TEACHER}},
        {"batch_size": 0},
        {"rows_per_file": 0},
        {"max_quarantined_share": 2},
        {"teachers": {}, "problems": [], "modes": {}},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    """Nothing to generate, names that would break ids or leave the folder, counts of none, a share beyond 1."""
    with pytest.raises(UserError):
        config(**settings)


@pytest.mark.parametrize("settings", [{"temperature": -1}, {"top_p": 0}, {"max_tokens": 0}, {"samples_per_problem": 0}])
def test_sampling_that_cannot_work_is_refused(settings):
    """VLLM would refuse each request instead, hours later."""
    with pytest.raises(UserError):
        ModeConfig(**settings)


def test_ready_trajectories_alone_are_a_run():
    """Z1's own data set can be taken over without a teacher."""
    ready = [ReadyConfig(kind="hub", path="efficientscaling/Z1-Code-Reasoning-107K")]
    assert GenerateConfig(ready=ready).ready == ready


def test_a_mode_takes_the_only_teacher_and_must_choose_among_several():
    """One of two teachers at random would be a silent mistake."""
    assert config().modes_of("qwq") == {"long": ModeConfig(teacher="qwq")}
    two = {"qwq": TEACHER, "coder": TEACHER}
    modes = {"long": ModeConfig(teacher="qwq"), "short": ModeConfig(teacher="coder")}
    assert list(config(teachers=two, modes=modes).modes_of("coder")) == ["short"]
    with pytest.raises(UserError, match=r"generate\.modes\.long\.teacher(.|\n)*qwq, coder"):
        config(teachers=two)


def test_a_run_continues_with_other_operational_settings_only(tmp_path):
    """More patience with bad rows or fewer engines must not cost the rows that are there; another seed must."""

    def begin(replicas=1, **settings):
        teacher = TeacherConfig(model="m", engine=EngineConfig(replicas=replicas))
        return artifacts.begin(tmp_path / "run", config(teachers={"qwq": teacher}, **settings))

    begin(replicas=8)
    (tmp_path / "run" / "data").mkdir()
    assert begin(replicas=4, max_quarantined_share=0.1, batch_size=8, rows_per_file=500)
    with pytest.raises(UserError, match="seed: 0 -> 1"):
        begin(seed=1)


def test_a_run_is_extended_by_a_teacher_with_its_mode_and_by_a_ready_source(tmp_path):
    """The one teacher of before must now be named, which says nothing new of the rows that are there."""
    ready = [ReadyConfig(kind="jsonl", path="a.jsonl")]
    artifacts.begin(tmp_path / "run", config(ready=ready))
    (tmp_path / "run" / "data").mkdir()
    two = {"qwq": TEACHER, "coder": TEACHER}
    named = {"long": ModeConfig(teacher="qwq"), "short": ModeConfig(teacher="coder")}
    more = [*ready, ReadyConfig(kind="jsonl", path="b.jsonl", name="b")]
    assert artifacts.begin(tmp_path / "run", config(teachers=two, modes=named, ready=more))
    other = {**named, "long": ModeConfig(teacher="coder")}
    with pytest.raises(UserError, match=r"modes\.long\.teacher: qwq -> coder"):
        artifacts.begin(tmp_path / "run", config(teachers=two, modes=other, ready=more))
    with pytest.raises(UserError, match=r"ready\[0\]\.path: a\.jsonl -> b\.jsonl"):
        artifacts.begin(tmp_path / "run", config(teachers=two, modes=named, ready=more[::-1]))
