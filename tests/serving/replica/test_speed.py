"""The speed that deadlines rely on is the engine's own, for as many sequences as there are."""

import pytest

from z1ray.serving.replica.speed import Speed
from z1ray.window import Accounting


class Engine:
    """A clock, and sequences, that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.num_running, self.num_slots = 1, 20
        self.speed = Speed(self, lambda: self.now)

    def stream(self, token_s: float, num_chunks: int = 20, prompt: int = 10, start_s: float = 0.5) -> None:
        """One stream of chunks of 8 tokens after a first of 1."""
        with self.speed.timed(prompt) as timing:
            self.now += start_s
            timing.wrote(0, 1)
            for _ in range(num_chunks):
                self.now += 8 * token_s
                timing.wrote(0, 8)
            timing.finished(0, Accounting(8 * num_chunks + 1, 0, 0, cut=False))

    def token_s(self, num_more: int = 0) -> float:
        """What a request can expect."""
        pace = self.speed.pace(num_more)
        assert pace is not None
        return pace.token_s

    def start_s(self, prompt: int) -> float:
        """The seconds to the first token that a request can expect."""
        pace = self.speed.pace(0)
        assert pace is not None
        return pace.start_s(prompt)


@pytest.fixture
def engine() -> Engine:
    return Engine()


def test_nothing_is_known_before_anything_was_measured(engine: Engine) -> None:
    """No speed is no promise; a replica proves its cap, and so measures, before it takes requests."""
    assert engine.speed.pace(1) is None
    assert engine.speed.best(1) is None
    assert engine.speed.seconds_per_token() == {}


def test_each_number_of_sequences_has_its_own_speed(engine: Engine) -> None:
    """An engine with 16 sequences takes longer for each; what counts is the speed with twice as many."""
    for running, token_s in ((1, 0.01), (3, 0.02), (16, 0.08)):
        engine.num_running = running
        engine.stream(token_s)
    assert engine.speed.seconds_per_token() == pytest.approx({1: 0.01, 4: 0.02, 16: 0.08})
    for running, expected in ((1, 0.015), (2, 0.02 + 0.06 / 13), (8, 0.08), (16, 0.08 + 4 * 0.07 / 15)):
        engine.num_running = running - 1
        assert engine.token_s(num_more=1) == pytest.approx(expected), running


def test_it_follows_the_engine_and_forgets_in_time(engine: Engine) -> None:
    """An average over a day would keep promises of the morning."""
    engine.stream(0.01, num_chunks=200)
    engine.stream(0.05, num_chunks=3)
    assert 0.012 < engine.token_s() < 0.04
    engine.stream(0.05, num_chunks=100)
    assert engine.token_s() == pytest.approx(0.05, rel=0.02)


def test_first_tokens_are_timed_by_their_prompts(engine: Engine) -> None:
    """A longer prompt takes longer; one shorter than usual waits for the engine all the same."""
    engine.stream(0.01, prompt=100, start_s=0.5)
    assert [engine.start_s(tokens) for tokens in (1, 400)] == pytest.approx([0.005, 2.0])
    for prompt in (100, 300, 200, 500):
        engine.stream(0.01, prompt=prompt, start_s=0.4 + 0.001 * prompt)
    assert [engine.start_s(tokens) for tokens in (0, 1000)] == pytest.approx([0.4, 1.4])


def test_a_slow_observation_weighs_no_more_than_a_fast_one(engine: Engine) -> None:
    """An average over time would tell of the slow ones only: half of the tokens took a tenth of it."""
    with engine.speed.timed(10) as timing:
        timing.wrote(0, 1)
        for number in range(100):
            engine.now += 0.1 if number % 2 else 0.01
            timing.wrote(0, 1)
    assert engine.token_s() == pytest.approx(0.055, rel=0.05)


def test_an_answer_that_comes_whole_is_timed_by_its_longest_choice(engine: Engine) -> None:
    """Choices are written at the same time, so the longest took all of it, after the first token."""
    with engine.speed.timed(10) as timing:
        engine.now += 1.0
        timing.finished(0, Accounting(5, 2, 3, cut=True))
        timing.finished(1, Accounting(50, 20, 30, cut=True))
    assert engine.token_s() == pytest.approx(0.01)
    engine.speed.forget()
    engine.stream(0.01, num_chunks=1, start_s=0.5)
    engine.speed.add_tokens(0.01, 1)
    with engine.speed.timed(10) as timing:
        engine.now += 1.5
        timing.finished(0, Accounting(50, 20, 30, cut=True))
    assert engine.token_s() == pytest.approx(0.01)


def test_a_slow_moment_is_not_held_against_an_engine_for_ever(engine: Engine) -> None:
    """It would refuse every deadline by what it was once, and measure nothing new by that."""
    engine.stream(0.01)
    engine.stream(0.5, num_chunks=20)
    assert engine.speed.best(1) is None
    assert engine.token_s() > 0.3
    engine.now += 60
    best = engine.speed.best(1)
    assert best is not None
    assert best.token_s == pytest.approx(0.01)


def test_a_slow_crowd_that_has_gone_keeps_nobody_out(engine: Engine) -> None:
    """A crowd that has gone would be told of for ever: with fewer sequences nobody measures how slow it is now."""
    engine.num_running = 16
    engine.stream(0.5)
    engine.num_running = 7
    assert engine.speed.best(1) is None
    engine.now += 60
    engine.stream(0.01)
    best = engine.speed.best(1)
    assert best is not None
    assert best.token_s == pytest.approx(0.01)
