"""Overlap with benchmarks."""

import numpy as np
import pytest

from z1ray.curation.benchmark import Index, solutions
from z1ray.curation.decontaminate import FIELDS, QUESTION, REFERENCE, RESPONSE, WHOLE, Found, judge
from z1ray.curation.text.words import Words
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import INSTRUCTIONS, load_problems
from z1ray.records import problem

LONG = "Given a list of numbers, return the two whose sum is the largest."


def bench(name, question, **more):
    return problem(problem_id=f"bench/{name}", source="bench", question=question, **more)


BENCHMARK = [bench("long", LONG), bench("short", "Reverse a string!")]


def contaminated(
    questions, benchmark=BENCHMARK, ngram=8, *, responses=None, common=10, boilerplate=(), references=None
):
    """By training problem: the benchmark's problem, where they agree, and the words."""
    index = Index(benchmark, ngram, common, boilerplate)
    texts, parts = list(questions), []
    for field, found, own in (
        (QUESTION, index.find, texts),
        (WHOLE, index.find_questions, texts),
        (REFERENCE, index.find, references or [""] * len(texts)),
        (RESPONSE, index.find, responses or [""] * len(texts)),
    ):
        hits = found(Words(own, boilerplate if field != RESPONSE else ()))
        rows = hits.texts if field == RESPONSE else np.full(len(hits.texts), -1)
        parts.append((hits.texts, rows, hits.grams, np.full(len(hits.texts), field)))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    verdict = judge(Found(**dict(zip(("problems", "rows", "grams", "fields"), columns, strict=True))), index, common)

    def named(gram, field):
        return index.problem_ids[index.problem_of[gram]], FIELDS[field], index.texts([gram])[0]

    by_row = {int(row): named(gram, RESPONSE) for row, gram in zip(verdict.rows, verdict.row_grams, strict=True)}
    problems = zip(verdict.problems, verdict.problem_grams, verdict.problem_fields, strict=True)
    return by_row | {int(number): named(gram, field) for number, gram, field in problems}


def found(question, **more):
    return contaminated([question], **more).get(0)


def test_shared_words_in_a_row_count_whatever_their_spelling():
    """A copy with other case and punctuation is still a copy; the report says which words are shared."""
    name, where, words = found("Now: LIST of numbers; return the two, whose sum... else 0")
    assert (name, where, words) == ("bench/long", "question", "list of numbers return the two whose sum")


def test_one_word_fewer_does_not():
    """The threshold is what the configuration says, no less."""
    assert found("a list of numbers, return the two whose")
    assert found("list of numbers, return the two whose") is None


def test_a_whole_short_question_counts_where_it_is_most_of_the_other():
    """It has no run of that length and would never be found; within a longer question it says nothing."""
    assert found("Please reverse a string.")[1:] == ("whole question", "reverse a string")
    assert found("Read a file, reverse a string in each of its lines, and write the result to another file.") is None


def test_a_common_phrase_condemns_nothing():
    """A sentence like this stands in half of all programming problems."""
    benchmark = [bench("sort", "Sort a list."), bench("stack", "Write a function that takes a list of integers")]
    texts = [
        f"Write a function that takes a list of integers and does thing {n}. Sort a list first." for n in range(40)
    ]
    assert contaminated(texts, benchmark, 13) == {}
    responses = ["To sort a list, write a function that takes a list of integers."] * 40
    assert contaminated([f"Task {n}" for n in range(40)], benchmark, 13, responses=responses) == {}
    assert contaminated(["sort a list", *texts], benchmark, 13)[0][0] == "bench/sort"


def test_a_rare_phrase_counts_up_to_the_cap():
    """What only a few problems share with a benchmark is no common phrase."""
    texts = [f"{number} a list of numbers, return the two whose sum" for number in range(5)]
    assert len(contaminated(texts, common=5)) == 5
    assert contaminated(texts, common=4) == {}


def test_a_copy_counts_however_often_it_was_made():
    """A source that holds a benchmark problem eleven times must not get through for it."""
    copied = " ".join(f"word{number}" for number in range(40))
    texts = [f"Variant {number}: {copied}" for number in range(30)]
    assert len(contaminated(texts, [bench("copied", copied)], 13, common=3)) == 30


def test_a_template_of_the_benchmark_is_no_evidence():
    """Procedural benchmarks share their wording; only what is a problem's own identifies it."""
    frame = "Calculate the following and give the final answer as one number in the end"
    benchmark = [bench(str(n), f"{frame}: {n} + {n * 7}") for n in range(30)]
    assert found(f"{frame}: the volume of a cube", benchmark=benchmark, ngram=13) is None


def test_formulas_and_number_series_are_no_evidence():
    """``n * (n - 1) * (n - 2)`` and 1 to 9 stand in problems that have nothing in common; a question of
    nothing else is still known by them.
    """
    series = "1 2 3 4 5 6 7 8 9 10 11 12 13 14"
    benchmark = [bench("grid", f"Find the shortest path from corner to corner of this grid: {series}")]
    assert found(f"Sum up {series}", benchmark=benchmark, ngram=13) is None
    assert found(f"Sum up {series}", benchmark=[bench("series", series)], ngram=13)


def test_responses_and_reference_solutions_are_looked_at_on_both_sides():
    """A benchmark's solution learned by heart is contamination, too."""
    solution = "def solve(values): total = sum(values) ; return sorted(values)[: total // 2] or [min(values)]"
    tests = {"kind": "reference", "reference": solution, "verifier": "text"}
    benchmark = [bench("solved", "Do the secret thing.", tests=tests)]
    said = contaminated(["Another"], benchmark, 13, responses=[f"I think:\n{solution.upper()}\nDone."])
    assert said[0][:2] == ("bench/solved", "response")
    kept = contaminated(["Another"], benchmark, 13, references=[solution])
    assert kept[0][:2] == ("bench/solved", "reference solution")
    assert list(solutions(benchmark[0])) == [solution]
    brought = bench("x", "y", metadata={"canonical_solution": "return 1"})
    assert list(solutions(brought)) == ["return 1"]


@pytest.mark.parametrize(
    "question",
    [
        r"Find all $x$ with $\dfrac{1}{2}x^{2} \le 3 \cdot y$ and then add them up to one number",
        "Find all x with (1/2) x^2 <= 3*y and then add them up to one number",
        "FIND ALL x WITH ½x² ≤ 3·y and then add them up to one number",
    ],
)
def test_mathematics_is_compared_in_one_spelling(question):
    """The same formula in LaTeX, as code and in Unicode is the same problem."""
    benchmark = [bench("algebra", r"Find all $x$ with $\frac{1}{2} x^2 \leq 3 \times y$ and then add them up.")]
    assert found(question, benchmark=benchmark, ngram=13)


def test_our_own_instructions_do_not_count():
    """They stand in every question of a source, and would contaminate all of them."""
    instruction = "Write your answer in Python and nothing else please"
    rows = [bench("b", f"Sort these names of people by age now. {instruction}")]
    assert found(f"Add these numbers. {instruction}", benchmark=rows, ngram=6)
    assert found(f"Add these numbers. {instruction}", benchmark=rows, ngram=6, boilerplate=[instruction]) is None


def test_an_empty_benchmark_matches_nothing():
    """Nothing is contained in everything."""
    assert found("Reverse a string", benchmark=[bench("b", "?!")]) is None
    assert found("Reverse a string", benchmark=[]) is None
    assert found("?!", benchmark=BENCHMARK) is None


def test_training_source_is_clean_against_the_embedded_benchmark():
    """LeetCode and HumanEval share no 13 words; a copy of one problem among them is found."""
    humaneval = load_problems([SourceConfig(kind="humaneval")])
    questions = [row["question"] for row in load_problems([SourceConfig(kind="leetcode")])]
    copy = "Do this:\n" + humaneval[5]["question"].upper()
    hits = contaminated([*questions, copy], humaneval, 13, boilerplate=INSTRUCTIONS)
    assert {number: hit[0] for number, hit in hits.items()} == {len(questions): humaneval[5]["problem_id"]}
