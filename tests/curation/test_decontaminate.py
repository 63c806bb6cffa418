"""Overlap with benchmarks."""

from z1ray.curation.decontaminate import find_contaminated
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import INSTRUCTIONS, load_problems

BENCHMARK = [
    {"problem_id": "bench/long", "question": "Given a list of numbers, return the two whose sum is the largest."},
    {"problem_id": "bench/short", "question": "Reverse a string!"},
]


def found(question, ngram=8, boilerplate=()):
    return find_contaminated({"p": question}, BENCHMARK, ngram, boilerplate).get("p")


def test_shared_words_in_a_row_count_whatever_their_spelling():
    """A copy with other case and punctuation is still a copy."""
    assert found("Now: LIST of numbers; return the two, whose sum... else 0") == "bench/long"


def test_one_word_fewer_does_not():
    """The threshold is what the configuration says, no less."""
    assert found("a list of numbers, return the two whose") == "bench/long"
    assert found("list of numbers, return the two whose") is None


def test_short_benchmark_questions_count_whole():
    """They have no run of that length, and would never be found."""
    assert found("How do you reverse a string in C?") == "bench/short"
    assert found("How do you reverse a long string?") is None


def test_our_own_instructions_do_not_count():
    """They stand in every question of a source, and would contaminate all of them."""
    instruction = "Write your answer in Python and nothing else please"
    rows = [{"problem_id": "b", "question": f"Sort these names. {instruction}"}]
    assert find_contaminated({"p": f"Add these numbers. {instruction}"}, rows, 6) == {"p": "b"}
    assert find_contaminated({"p": f"Add these numbers. {instruction}"}, rows, 6, [instruction]) == {}


def test_empty_benchmark_question_matches_nothing():
    """Nothing is contained in everything."""
    assert find_contaminated({"p": "Reverse a string"}, [{"problem_id": "b", "question": "?!"}], 5) == {}


def test_training_source_is_clean_against_the_embedded_benchmark():
    """LeetCode and HumanEval share no 13 words; a copy of one problem among them is found."""
    humaneval = load_problems([SourceConfig(kind="humaneval")])
    questions = {row["problem_id"]: row["question"] for row in load_problems([SourceConfig(kind="leetcode")])}
    questions["copy"] = "Do this:\n" + humaneval[5]["question"].upper()
    assert find_contaminated(questions, humaneval, 13, INSTRUCTIONS) == {"copy": humaneval[5]["problem_id"]}
