"""What the miniature is pretrained on: right, in three manners, and without what evaluation asks."""

import random
import re

import pytest

from z1ray.config import load
from z1ray.miniature.encoding import batches, encode
from z1ray.miniature.held_out import held_out_terms, terms_of
from z1ray.miniature.lessons import MANNERS, Lesson, check, draw, running_totals, sum_question
from z1ray.miniature.tokenizer import END, train_tokenizer
from z1ray.models.miniature import SHIPPED
from z1ray.problems.load import load_problems
from z1ray.problems.programs import split_of
from z1ray.training.data.tokenize import IGNORE_INDEX
from z1ray.window import CODE_HINT

BENCHMARKS = load("conf/miniature.yaml").evaluate.benchmarks
NUM_LESSONS = 3000


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    rng, held_out = random.Random(0), held_out_terms(BENCHMARKS)
    return [draw(rng, held_out) for _ in range(NUM_LESSONS)]


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(SHIPPED)


def asked_terms(question: str) -> tuple[int, ...]:
    """The terms of a program or a sum in a question, read from its text alone."""
    if "```" not in question:
        return terms_of(question)
    lines = question.partition("```python\n")[2].partition("\nprint")[0].splitlines()
    return tuple(int(line.split()[-1]) * (-1 if "-=" in line else 1) for line in lines)


def test_a_long_answer_keeps_a_running_total():
    assert running_totals("n", [3, -5, 4]) == "n = 3\nn = 3 - 5 = -2\nn = -2 + 4 = 2\n"
    assert check([3, -5, 4]) == "Check: 2 - 4 = -2\n"
    assert check([3, -5]) == "Check: -2 + 5 = 3\n"


def test_every_lesson_is_right(lessons):
    """Each line of it, and the answer, worked out again."""
    for lesson in lessons:
        assert lesson.answer == f"Answer: {sum(asked_terms(lesson.question))}"
        for sum_, result in re.findall(r"= (.+) = (-?\d+)$", lesson.steps, re.MULTILINE):
            assert eval(sum_) == int(result)


def test_manners_come_in_their_shares(lessons):
    for manner, share in MANNERS.items():
        assert abs(sum(lesson.manner == manner for lesson in lessons) / NUM_LESSONS - share) < 0.05
    assert all((lesson.manner == "short") == (lesson.steps == "") for lesson in lessons)


def test_nothing_that_is_evaluated_is_taught(lessons):
    """Neither the questions that are asked, nor any other program of the test split."""
    evaluated = {row["question"] for row in load_problems(BENCHMARKS)}
    assert len(evaluated) > 600
    assert not evaluated & {lesson.question for lesson in lessons}
    programs = [
        lesson.question.split("```")[1].removeprefix("python\n").strip() for lesson in lessons if "`" in lesson.question
    ]
    assert {split_of(text) for text in programs} == {"train"}


def test_nothing_that_is_evaluated_is_fine_tuned_on():
    config = load("conf/miniature.yaml")
    trained = {row["question"] for row in load_problems(config.generate.problems)}
    assert not trained & {row["question"] for row in load_problems(BENCHMARKS)}


def test_a_sum_is_asked_as_reasoning_gym_asks_it():
    """But that it may subtract 0, which no lesson does."""
    questions = [row["question"] for row in load_problems([one for one in BENCHMARKS if one.task == "chain_sum"])]
    taught = [question for question in questions if "- 0" not in question]
    assert len(taught) > len(questions) / 2
    assert taught == [sum_question(terms_of(question)) for question in taught]


@pytest.mark.parametrize("manner", ["short", "long", "cut"])
def test_what_is_learnt_is_what_the_model_writes(tokenizer, manner):
    steps = "" if manner == "short" else running_totals("x", [3, 4])
    lesson = Lesson(manner, "What is it?", steps, "Answer: 7")
    encoded = encode(tokenizer, lesson, random.Random(1))
    given = [id_ for id_, label in zip(*encoded, strict=True) if label == IGNORE_INDEX]
    learnt = [label for label in encoded.labels if label != IGNORE_INDEX]
    assert given + learnt == encoded.input_ids
    assert tokenizer.decode(learnt) == ("" if manner == "cut" else steps) + "Answer: 7" + END
    prompt, hint, nothing = tokenizer.decode(given).partition(CODE_HINT)
    assert prompt.startswith(f"<|im_start|>system\n{lesson.system_prompt}{END}\n")
    assert (hint, nothing) == (CODE_HINT if manner == "cut" else "", "")


def test_the_hint_is_the_same_tokens_wherever_it_stands(tokenizer):
    """The window forces the hint's own tokens, so the cut lessons must end in the same."""
    lesson = Lesson("cut", "What is it?", running_totals("x", [3, 4]), "Answer: 7")
    hint = tokenizer.encode(CODE_HINT)
    for seed in range(20):
        ids, labels = encode(tokenizer, lesson, random.Random(seed))
        start = labels.count(IGNORE_INDEX)
        assert ids[start - len(hint) : start] == hint


def test_batches_are_of_like_length_and_follow_their_seed(tokenizer):
    taken = [next(batches(tokenizer, 8, "0/0", frozenset())) for _ in range(2)]
    assert taken[0] == taken[1]
    ids, labels = taken[0]
    assert len(ids) == len(labels) == 8
    assert len({len(row) for row in ids + labels}) == 1
    assert taken[0] != next(batches(tokenizer, 8, "0/1", frozenset()))


def test_the_tokenizer_splits_digits_and_gives_back_every_text():
    rng = random.Random(0)
    lessons = [draw(rng, frozenset()) for _ in range(300)]
    tokenizer = train_tokenizer(f"{lesson.question}{lesson.steps}{lesson.answer}" for lesson in lessons)
    text = f"total = 12 - 345\n{CODE_HINT}Grüße 👋"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert [tokenizer.decode([id_]) for id_ in tokenizer.encode("1234")] == list("1234")
