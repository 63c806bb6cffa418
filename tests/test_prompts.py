"""Chat messages and code blocks."""

import pytest

from z1ray.prompts import chat_messages, last_code_block


def test_system_turn_only_where_there_is_one():
    """An empty system turn would replace the template's own default."""
    assert [message["role"] for message in chat_messages("q", "be brief")] == ["system", "user"]
    assert [message["role"] for message in chat_messages("q", "")] == ["user"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\n```python\nx = 1\n```\nb", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```py\nx = 1\n```", "x = 1\n"),
        ("```Python3\nx = 1\n```", "x = 1\n"),
        ("```python\nx = 1\n```\n```python\ny = 2\n```", "y = 2\n"),
        ("```python\nx = 1", "x = 1"),
        ("no code", None),
        ("```json\n{}\n```", None),
    ],
)
def test_last_python_block_counts(text, code):
    """Models correct themselves: the last block is the answer, even if cut off."""
    assert last_code_block(text) == code
