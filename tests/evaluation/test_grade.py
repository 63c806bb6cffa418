"""What of a run is graded."""

from z1ray.evaluation.grade import answer_text
from z1ray.window import CODE_HINT


def test_a_cut_run_is_graded_from_the_hint_on():
    """The thinking part may have been cut inside a code block, which would hide the answer's."""
    text = "```python\ndef f(" + CODE_HINT + "```python\ndef f(): pass\n```"
    assert answer_text(text, True, CODE_HINT) == CODE_HINT + "```python\ndef f(): pass\n```"


def test_a_run_that_ended_is_graded_whole():
    """Its thinking is its answer, even if the model wrote the phrase itself."""
    assert answer_text("a" + CODE_HINT + "b", False, CODE_HINT) == "a" + CODE_HINT + "b"
