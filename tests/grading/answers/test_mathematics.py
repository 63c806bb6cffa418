"""Mathematical answers, by the tables in ``right`` and ``wrong``; to add a case, add a line there."""

import pytest

from tests.grading.answers.right import RIGHT
from tests.grading.answers.wrong import WRONG
from z1ray.grading.answers.mathematics import equal
from z1ray.grading.config import SandboxConfig

LIMITS = SandboxConfig(timeout_s=120)


@pytest.mark.parametrize(("reference", "answer"), RIGHT)
def test_right(reference, answer):
    """The same answer in another spelling is right."""
    assert equal(reference, answer, LIMITS)


@pytest.mark.parametrize(("reference", "answer"), WRONG)
def test_wrong(reference, answer):
    """An answer counts as a whole: neither its last digits nor a part of it make it right."""
    assert not equal(reference, answer, LIMITS)
