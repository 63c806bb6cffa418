"""Text, counts and offsets are the same in one piece and in any number of pieces."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers.decoders import DecodeStream

from z1ray.engine.tokens import newline_token_ids, text_token_ids, tokenizer
from z1ray.serving.window.transcript import CapBroken, OutputSpec, Transcript, measure
from z1ray.window import CODE_HINT, Accounting, Window

WINDOW = Window(3, (7, 8), 10)
THOUGHT, CUT, IN_HINT = [1, 1, 1], [1, 1, 1, 7, 8, 2, 2], [1, 1, 1, 7]
TEXTS = (
    "Let me think.\nFirst, 4 + 4 = 8.",
    "émoji 🙂🙃 und Grüße 日本語",
    "\n\n",
    "",
    "I overthought it, the final answer",
)


@pytest.mark.parametrize(
    ("token_ids", "expected"),
    [
        ([], Accounting(0, 0, 0, cut=False)),
        (THOUGHT, Accounting(3, 0, 0, cut=False)),
        (IN_HINT, Accounting(3, 1, 0, cut=True)),
        (CUT, Accounting(3, 2, 2, cut=True)),
    ],
)
def test_tokens_divide_into_thinking_hint_and_answer(token_ids: list[int], expected: Accounting) -> None:
    """The three counts add up to the run's length, also where a stop string ended it inside the hint."""
    assert measure(WINDOW, token_ids, ()) == expected


@pytest.mark.parametrize("token_ids", [[1, 1, 1, 1], [1, 1, 1, 7, 9], [1, 1, 7, 8, 2]])
def test_a_run_past_its_budget_without_the_hint_is_never_reported_as_cut(token_ids: list[int]) -> None:
    """An engine without the processor would otherwise look as if it enforced the cap."""
    with pytest.raises(CapBroken, match="thinking budget 3"):
        measure(WINDOW, token_ids, ())


def test_without_a_cap_everything_is_thinking() -> None:
    """Z1 averages uncut runs as thinking throughout; hint tokens in them are the model's own."""
    assert measure(Window(-1, (7, 8), None), CUT, ()) == Accounting(7, 0, 0, cut=False)


class Case:
    """A run of the real tokenizer, cut at ``budget``, with the text that vLLM's detokenizer makes of it."""

    def __init__(self, model: Path, thinking: str, answer: str, budget: int, grace_tokens: int = 0) -> None:
        name = str(model)
        self.hint = text_token_ids(name, CODE_HINT)
        written = [*text_token_ids(name, thinking)]
        window = Window(budget, self.hint, 10_000, grace_tokens)
        self.breaks = newline_token_ids(name)
        self.cut_at = window.hint_due(written, self.breaks)
        is_cut = self.cut_at is not None and len(written) > self.cut_at
        answer_ids = text_token_ids(name, answer)
        self.token_ids = [*written[: self.cut_at], *self.hint, *answer_ids] if is_cut else written
        self.thinking_ids = written[: self.cut_at] if is_cut else written
        self.is_cut, self.window = is_cut, window
        self.pieces = _detokenized(name, self.token_ids)
        self.decode = partial(tokenizer(name).decode, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def run(self, sizes: Sequence[int], answer_only: bool = False) -> tuple[str, Any]:
        """Feed the run in chunks of those many tokens (the rest in one) and return text and division."""
        run = Transcript(OutputSpec(self.window, self.breaks, self.decode, answer_only))
        passed, start = "", 0
        for size in [*sizes, len(self.pieces)]:
            chunk = slice(start, start + size)
            passed += run.add("".join(self.pieces[chunk]), self.token_ids[chunk])
            start += size
        rest, division = run.finish()
        return passed + rest, division


def _detokenized(model: str, token_ids: Sequence[int]) -> list[str]:
    """What each token adds to the text, in a stream that began with a prompt, as in the engine."""
    stream = DecodeStream(ids=list(text_token_ids(model, "user: hi\n")), skip_special_tokens=True)
    return [stream.step(tokenizer(model)._tokenizer, token) or "" for token in token_ids]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    thinking=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4).map(" ".join),
    answer=st.sampled_from(TEXTS),
    budget=st.integers(0, 40),
    grace=st.integers(0, 8),
    sizes=st.lists(st.integers(1, 7), max_size=12),
    answer_only=st.booleans(),
)
def test_in_pieces_and_whole_are_the_same(
    tiny_model: Path, thinking: str, answer: str, budget: int, grace: int, sizes: list[int], answer_only: bool
) -> None:
    """A stream's text equals the whole response's to the byte, wherever its chunks happen to end."""
    case = Case(tiny_model, thinking, answer, budget, grace)
    assert case.run(sizes, answer_only) == case.run([], answer_only)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(thinking=st.sampled_from(TEXTS[:2]), answer=st.sampled_from(TEXTS), budget=st.integers(0, 30))
def test_offsets_divide_the_text_where_the_tokens_divide(
    tiny_model: Path, thinking: str, answer: str, budget: int
) -> None:
    """Thinking, hint and answer are slices of the text; an offset by tokens or bytes would miss them."""
    case = Case(tiny_model, thinking, answer, budget)
    text, division = case.run([])
    if not case.is_cut:
        assert (text, division.hint_start, division.answer_start) == (thinking, None, 0)
        return
    assert text[: division.hint_start] == case.decode(case.thinking_ids).removesuffix("\ufffd")
    assert text[division.hint_start : division.answer_start] == CODE_HINT
    assert text[division.answer_start :] == answer
    assert case.run([], answer_only=True)[0] == answer


def test_a_cut_inside_a_character_leaves_no_broken_one(tiny_model: Path) -> None:
    """An emoji is several tokens; half of one, shown as a question mark, would reach every client."""
    text = "Smile: 🙃"
    num_tokens = len(text_token_ids(str(tiny_model), text))
    whole = Case(tiny_model, text, "ok", num_tokens - 1)
    assert whole.decode(whole.thinking_ids).endswith("\ufffd"), "the budget does not fall into the character"
    for sizes in ([], [1] * 40, [num_tokens]):
        passed, division = whole.run(sizes)
        assert passed == f"Smile: {CODE_HINT}ok"
        assert (division.hint_start, division.answer_start) == (7, 7 + len(CODE_HINT))


@pytest.fixture(scope="module")
def byte_fallback(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer like Llama 2's or Gemma's: a token per known character, and one per byte of any other."""
    import tokenizers
    from transformers import PreTrainedTokenizerFast

    names = [*(f"<0x{byte:02X}>" for byte in range(256)), *sorted({chr(code) for code in range(32, 127)} | {"\n"})]
    made = tokenizers.Tokenizer(
        tokenizers.models.BPE({name: index for index, name in enumerate(names)}, [], byte_fallback=True)
    )
    made.decoder = tokenizers.decoders.Sequence([tokenizers.decoders.ByteFallback(), tokenizers.decoders.Fuse()])
    folder = tmp_path_factory.mktemp("byte-fallback")
    fast = PreTrainedTokenizerFast(tokenizer_object=made)
    fast.chat_template = "{{ messages[0].content }}"
    fast.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("num_bytes", [1, 2, 3])
def test_every_byte_of_a_character_that_the_cut_fell_into_is_left_out(byte_fallback: Path, num_bytes: int) -> None:
    """Where each byte is a token, a cut leaves up to three signs for what was to be one character."""
    case = Case(byte_fallback, "Smile: 🙃 and so on", "ok 🙃", len("Smile: ") + num_bytes)
    assert case.decode(case.thinking_ids).endswith("\ufffd" * num_bytes)
    for sizes in ([], [1] * 200, [case.window.budget], [case.window.budget + 1]):
        passed, division = case.run(sizes)
        assert passed == f"Smile: {CODE_HINT}ok 🙃"
        assert (division.hint_start, division.answer_start) == (7, 7 + len(CODE_HINT))


def test_the_hint_is_found_where_it_was_forced(tiny_model: Path) -> None:
    """Models that were cut in training write the hint themselves, before the cut and after it."""
    thinking = f"Hm.{CODE_HINT}five?{CODE_HINT} and more words to think about"
    budget = len(text_token_ids(str(tiny_model), thinking)) - 3
    text, division = Case(tiny_model, thinking, f"six{CODE_HINT}seven", budget).run([])
    assert text[division.answer_start :] == f"six{CODE_HINT}seven"
    assert text[division.hint_start : division.answer_start] == CODE_HINT


def test_a_stop_string_inside_the_hint_leaves_no_answer(tiny_model: Path) -> None:
    """The engine takes the text from the stop string on away; the tokens it counted stay."""
    case = Case(tiny_model, "Let me think about it for long.", "x", 4)
    thinking = case.decode(case.thinking_ids)
    run = Transcript(OutputSpec(case.window, case.breaks, case.decode, answer_only=False))
    ended_at = case.window.budget + 3
    text = run.add(thinking + CODE_HINT[:2], case.token_ids[:ended_at])
    rest, division = run.finish()
    assert text + rest == thinking + CODE_HINT[:2]
    assert (division.hint_start, division.answer_start) == (len(thinking), len(thinking) + 2)
    assert (division.counts.hint_tokens, division.counts.answer_tokens) == (3, 0)


def test_with_answer_only_nothing_passes_before_the_hint_is_complete(tiny_model: Path) -> None:
    """Thinking that slipped through could not be taken back; a run that was not cut comes whole, at its end."""
    case = Case(tiny_model, "Let me think about it for long.", "four", 4)
    run = Transcript(OutputSpec(case.window, case.breaks, case.decode, answer_only=True))
    passed = [run.add(piece, [token]) for piece, token in zip(case.pieces, case.token_ids, strict=True)]
    assert passed[: 4 + len(case.hint)] == [""] * (4 + len(case.hint))
    assert "".join(passed) == "four"
    uncut = Case(tiny_model, "It is four.", "", 50)
    run = Transcript(OutputSpec(uncut.window, uncut.breaks, uncut.decode, answer_only=True))
    assert run.add("It is four.", uncut.token_ids) == ""
    assert run.finish()[0] == "It is four."
