"""Removal of delimiter tags."""

import pytest

from z1ray.curation.untag import has_tags, untag


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nLet me see.\n</think>\n\nIt is 4.", "Let me see.\n\nIt is 4."),
        ("<think>a</think>b", "ab"),
        ("a <THINK> b < /think > c", "a  b  c"),
        ("<|im_start|>think\nfirst\n<|im_start|>answer\nAnswer: 4<|im_end|>", "first\nAnswer: 4"),
        ("<|im_start|>think about it", "think about it"),
        ("<|begin_of_thought|>\n\na\n\n<|end_of_thought|>\n\nb", "a\n\n\nb"),
        ("<\uff5cend\u2581of\u2581sentence\uff5c>done", "done"),
        ("<answer>4</answer>", "4"),
        ("<reasoning>why</reasoning>", "why"),
        ("plain text\n", "plain text"),
        ("<think></think>", ""),
    ],
)
def test_tags_go_and_content_stays(text, expected):
    """A tag left behind teaches the model to write it; content lost teaches it less."""
    assert untag(text) == expected
    assert not has_tags(untag(text))


@pytest.mark.parametrize(
    "text",
    [
        "for (auto x : vector<solution>{}) cout << x;",
        "if a<think and b>think: pass",
        "f <| x |> g",
        "<div>I think</div>",
        "List<Answer> a;",
        "x = a <b> c",
    ],
)
def test_code_is_left_alone(text):
    """Angle brackets are everyday code."""
    assert untag(text) == text


@pytest.mark.parametrize(
    "text", ["<th<think>ink>a", "<|im_<|im_end|>end|>a", "</thi</thi</think>nk>nk>a", "<think><think>a"]
)
def test_joined_halves_are_removed_too(text):
    """Removing a tag must not leave another behind; doing it twice must change nothing."""
    assert untag(text) == "a"
    assert untag(untag(text)) == untag(text)
