"""Reference answers: each rule through the check, in limited processes where it must be."""

import pytest

from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.records import problem
from z1ray.window import CODE_HINT

LIMITS = SandboxConfig()


def verdict(reference, text, verifier=None, limits=LIMITS):
    tests = {"kind": "reference", "reference": reference, "verifier": verifier}
    return check(problem(problem_id="s/p", source="s", question="?", tests=tests), text, limits)


@pytest.mark.parametrize("verifier", [None, "exact"])
@pytest.mark.parametrize(
    ("reference", "text", "expected"),
    [
        ("4", r"So it is \boxed{\frac{3}{4}}.", "failed"),
        ("3", "Answer: 10^{3}", "failed"),
        ("-3", "Answer: 5-3", "failed"),
        ("10", "The answer is between 5 and 10", "failed"),
        ("(1,2]", "Answer: [1,2)", "failed"),
        ("42", "The answer is 42.0", "passed"),
        (r"\frac{1}{2}", "Answer: 0.5", "passed"),
        ("18.90", "She pays $18.90.", "passed"),
        ("x=3", "Answer: $x = 3$", "passed"),
        ("C", "The answer is C.\n\nI hope this helps!", "passed"),
        ("(C)", "The answer is (C) because (A) is wrong", "passed"),
        ("C", "Answer: B", "failed"),
        ("C", "I am not sure.", "no_answer"),
        ("Paris", "Answer: Paris. It is the capital.", "passed"),
        ("Paris", "Answer: London", "failed"),
        ("Yes", "Answer: Yes, it is.", "passed"),
        ("yes", "Answer: no", "failed"),
        ("yes", "Answer: perhaps", "no_answer"),
        ("42", f"Answer: 41{CODE_HINT}", "no_answer"),
        ("42", "", "no_answer"),
    ],
)
def test_the_reference_tells_the_rule(reference, text, expected, verifier):
    """A benchmark without a verifier is compared by what its references are."""
    result = verdict(reference, text, verifier)
    assert (result.verdict, result.passed) == (expected, expected == "passed")


@pytest.mark.parametrize(
    ("verifier", "reference", "text", "expected"),
    [
        ("mathematics", r"2\sqrt{2}", r"\boxed{\sqrt{8}}", "passed"),
        ("integer", "042", "Answer: 42", "passed"),
        ("integer", "42", r"\boxed{\frac{84}{2}}", "failed"),
        ("number", "0.5", "Answer: 50%", "passed"),
        ("number", "8", r"Answer: 2\sqrt{16}", "failed"),
        ("number", "8", "Answer: 8 apples", "passed"),
        ("choice", "B", r"\boxed{B}", "passed"),
        ("choice", "B", r"\boxed{42}", "no_answer"),
        ("yes_no", "true", "Answer: **Yes**", "passed"),
        ("text", "C", "Answer: c", "passed"),
    ],
)
def test_named_rules(verifier, reference, text, expected):
    """A benchmark names the rule that its paper scores by."""
    assert verdict(reference, text, verifier).verdict == expected


@pytest.mark.parametrize(("verifier", "reference"), [("magic", "4"), ("integer", "1000"), ("choice", "4")])
def test_rules_that_cannot_be_applied(verifier, reference):
    """A wrong verifier would make every answer wrong."""
    with pytest.raises(UserError, match=r"verifier"):
        verdict(reference, "Answer: 4", verifier)


HOSTILE = [
    "9^{9^{9^9}}",
    r"9^{9^{9^{9^9}}} - 9^{9^{9^{9^9}}}",
    "99999999!",
    r"\binom{99999999}{4444444}",
    r"2^{2^{100}} + 1",
    "(" * 400 + "1" + ")" * 400,
    r"\sqrt{" * 150 + "2" + "}" * 150,
    r"\sum_{k=1}^{10^{12}} \frac{1}{k^2}",
    r"\int_0^1 x^{x^{x^x}} dx",
    "(x+1)^{100000}",
    "+".join(f"x^{{{n}}}" for n in range(120)),
    "1" * 900,
    "^" * 500,
    r"\begin{pmatrix}" + "&".join("1" * 100) + r"\end{pmatrix}",
    "__import__('os').system('echo')",
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_a_hostile_expression_ends_as_a_verdict(answer):
    """One answer must neither hang the stage nor end it."""
    limits = SandboxConfig(timeout_s=0.5, memory_mib=512)
    result = verdict(r"\sqrt{2}+1", rf"\boxed{{{answer}}}", "mathematics", limits)
    assert result.verdict in {"failed", "timeout"}


def test_a_timeout_is_told_and_the_next_answer_is_judged_as_ever():
    """The process that hung is replaced: its late reply must not be taken for the next one's."""
    limits = SandboxConfig(timeout_s=0.5)
    assert verdict("x", r"\boxed{9^{9^{9^9}} + x}", "mathematics", limits).verdict == "timeout"
    assert verdict(r"\sqrt{2}+1", r"\boxed{1+\sqrt{2}}", "mathematics", SandboxConfig(timeout_s=60)).passed


def test_what_the_grader_cannot_check_does_not_count_against_the_model():
    """An entry that cannot be read back would make every answer wrong."""
    row = problem(
        problem_id="s/p",
        source="s",
        question="?",
        tests={"kind": "reference", "reference": "4", "verifier": "reasoning_gym:chain_sum"},
        metadata={"entry": "{'answer': np.int64(4)}"},
    )
    result = check(row, "Answer: 4", LIMITS)
    assert (result.verdict, result.passed) == ("grader_error", None)
