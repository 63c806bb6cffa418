"""Stop strings sleep until the hint is complete, in the detokenizer that vLLM really makes."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from z1ray.engine.args import extra_args, hint_watch
from z1ray.engine.tokens import newline_token_ids, text_token_ids, tokenizer
from z1ray.window import CODE_HINT, NO_CAP, Window


@pytest.fixture
def sleeping(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The model's folder, while stop strings sleep in this process."""
    from vllm.v1.engine.detokenizer import IncrementalDetokenizer

    from z1ray.upstream.vllm_stops import sleep_until

    before = IncrementalDetokenizer.__dict__["from_new_request"]
    monkeypatch.setattr(IncrementalDetokenizer, "from_new_request", before)  # put back afterwards
    sleep_until(partial(hint_watch, newline_token_ids(str(tiny_model))))
    return str(tiny_model)


def detokenized(model: str, window: Window, tokens: list[int], at_a_time: int, **params: Any) -> tuple[str, str | None]:
    """The text of a run, and the stop string that ended it; the tokens arrive in pieces."""
    from vllm import SamplingParams
    from vllm.v1.engine import EngineCoreRequest
    from vllm.v1.engine.detokenizer import IncrementalDetokenizer

    sampling = SamplingParams(extra_args=extra_args(window), **params)
    fields: dict[str, Any] = dict.fromkeys(EngineCoreRequest.__struct_fields__) | {
        "request_id": "r",
        "prompt_token_ids": [1],
    }
    request = EngineCoreRequest(**{**fields, "sampling_params": sampling})
    made = IncrementalDetokenizer.from_new_request(tokenizer(model), request)
    for start in range(0, len(tokens), at_a_time):
        stop = made.update(tokens[start : start + at_a_time], False)
        if stop is not None:
            return made.get_next_output_text(finished=True, delta=False), stop
    return made.get_next_output_text(finished=True, delta=False), None


@pytest.mark.parametrize("at_a_time", [1, 3, 100])
@pytest.mark.parametrize("grace", [0, 4])
def test_stop_strings_sleep_until_the_hint_is_complete(sleeping: str, grace: int, at_a_time: int) -> None:
    """The hint begins and ends with a blank line: as a stop string it left no answer to any cut run."""
    hint, thinking = text_token_ids(sleeping, CODE_HINT), text_token_ids(sleeping, "One\n\ntwo " + "three four " * 9)
    window = Window(5, hint, 100, grace)
    cut = window.hint_due(thinking, newline_token_ids(sleeping))
    assert cut is not None
    tokens = [*thinking[:cut], *hint, *text_token_ids(sleeping, "answer\n\nmore words")]
    text, stop = detokenized(sleeping, window, tokens, at_a_time, stop=["\n\n", "never"])
    assert stop == "\n\n"
    assert text.endswith(f"{CODE_HINT}answer")
    text, _ = detokenized(sleeping, window, tokens, at_a_time, stop=["\n\n"], include_stop_str_in_output=True)
    assert text.endswith(f"{CODE_HINT}answer\n\n")


def test_min_tokens_hold_beyond_the_hint(sleeping: str) -> None:
    """They count all of a run's tokens; a stop string among them ends nothing."""
    hint = text_token_ids(sleeping, CODE_HINT)
    answer = text_token_ids(sleeping, "one\n\ntwo\n\nthree")
    first = len(text_token_ids(sleeping, "one\n\n"))
    text, stop = detokenized(
        sleeping, Window(0, hint, 100), [*hint, *answer], 1, stop=["\n\n"], min_tokens=len(hint) + first
    )
    assert stop == "\n\n"
    assert text.endswith(f"{CODE_HINT}one\n\ntwo")


def test_a_run_that_ends_by_itself_is_whole(sleeping: str) -> None:
    """What it thought is its answer; cut short at its first blank line, that would be none."""
    tokens = list(text_token_ids(sleeping, "One\n\ntwo"))
    window = Window(50, text_token_ids(sleeping, CODE_HINT), 100)
    assert detokenized(sleeping, window, tokens, 1, stop=["\n\n"]) == ("One\n\ntwo", None)


def test_without_a_window_nothing_sleeps(sleeping: str) -> None:
    """-1 is the engine as it is."""
    tokens = list(text_token_ids(sleeping, "One\n\ntwo"))
    window = Window(NO_CAP, (1,), None)
    assert detokenized(sleeping, window, tokens, 1, stop=["\n\n"]) == ("One", "\n\n")
