"""Comparing a final answer with a problem's reference, by the rule its tests name."""

from collections.abc import Callable
from typing import NamedTuple

from z1ray.errors import UserError
from z1ray.grading import running, tasks
from z1ray.grading.answers import integers, mathematics
from z1ray.grading.answers.extract import final_answer
from z1ray.grading.answers.judging import JudgeError, JudgeTimeout
from z1ray.grading.answers.letters import letter, reference_letter
from z1ray.grading.answers.phrasing import readings
from z1ray.grading.answers.words import is_words, same_text, truth
from z1ray.grading.config import SandboxConfig
from z1ray.records import Row


class Judged(NamedTuple):
    """What was answered and whether it is right.

    Attributes:
        verdict: ``passed``; ``failed``; ``no_answer`` if the text says none of the answers there are;
            ``timeout`` if the comparison took too long; ``grader_error`` if it could not be made.
        answer: The final answer; None if there is none.
    """

    verdict: str
    answer: str | None


def judge(problem: Row, text: str, config: SandboxConfig) -> Judged:
    """Check a text's final answer against the reference, by the rule in ``tests.verifier``.

    Rules are ``mathematics`` (symbolic), ``integer`` (0 to 999), ``number``, ``choice`` (a letter),
    ``yes_no``, ``text``, ``program`` (the reference is one; the answer is what it prints) and
    ``reasoning_gym:<task>``, that task's own scorer. Without one, or with ``exact``, the reference tells:
    a letter, yes or no, words, else mathematics.

    Raises:
        UserError: If the verifier is unknown, or the reference does not fit it.
    """
    reference, verifier = problem["tests"]["reference"], problem["tests"]["verifier"]
    try:
        if verifier is not None and verifier.startswith(tasks.PREFIX):
            return _as_judged(*tasks.passes(problem, text, config))
        name = _rule_for(reference) if verifier in {None, "exact"} else verifier
        if name not in _RULES:
            raise _unknown(problem, verifier)
        return _RULES[name](reference, text, config)
    except JudgeTimeout:
        return Judged("timeout", final_answer(text))
    except JudgeError:
        return Judged("grader_error", final_answer(text))


def _rule_for(reference: str) -> str:
    if reference_letter(reference) is not None:
        return "choice"
    if truth(reference) is not None and " " not in reference.strip():
        return "yes_no"
    return "text" if is_words(reference) else "mathematics"


def _unknown(problem: Row, verifier: str) -> UserError:
    return UserError(
        f"problem {problem['problem_id']!r}: tests.verifier",
        verifier,
        "unknown verifier",
        f"use {', '.join(_RULES)} or {tasks.PREFIX}<task>, or leave it out",
    )


def _as_judged(passed: bool, answer: str | None) -> Judged:
    return Judged("no_answer" if answer is None else "passed" if passed else "failed", answer)


def _mathematics(reference: str, text: str, config: SandboxConfig) -> Judged:
    answer = final_answer(text)
    return _as_judged(answer is not None and mathematics.equal(reference, answer, config), answer)


def _integer(reference: str, text: str, _: SandboxConfig) -> Judged:
    answer, wanted = final_answer(text), integers.integer(reference)
    if wanted is None:
        raise UserError("tests.reference", reference, "it is no integer from 0 to 999", "use the verifier `number`")
    return _as_judged(answer is not None and integers.integer(answer) == wanted, answer)


def _number(reference: str, text: str, _: SandboxConfig) -> Judged:
    answer = final_answer(text)
    gold = mathematics.latex(reference)
    given = [mathematics.latex(reading) for reading in readings(answer or "")]
    return _as_judged(any(mathematics.same_number(gold, one) for one in given), answer)


def _choice(reference: str, text: str, _: SandboxConfig) -> Judged:
    wanted, answer = reference_letter(reference), letter(text)
    if wanted is None:
        raise UserError("tests.reference", reference, "it is no letter", "use the verifier `text`")
    return _as_judged(answer == wanted, answer)


def _yes_no(reference: str, text: str, _: SandboxConfig) -> Judged:
    answer, said = final_answer(text), truth(final_answer(text))
    return _as_judged(said is not None and said == truth(reference), None if said is None else answer)


def _text(reference: str, text: str, _: SandboxConfig) -> Judged:
    answer = final_answer(text)
    return _as_judged(answer is not None and same_text(reference, answer), answer)


def _program(reference: str, text: str, config: SandboxConfig) -> Judged:
    answer = final_answer(text)
    if answer is None:
        return Judged("no_answer", None)
    return Judged(running.prints(reference, answer, config), answer)


_RULES: dict[str, Callable[[str, str, SandboxConfig], Judged]] = {
    "mathematics": _mathematics,
    "integer": _integer,
    "number": _number,
    "choice": _choice,
    "yes_no": _yes_no,
    "text": _text,
    "program": _program,
}
