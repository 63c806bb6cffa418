"""Chat messages."""

from z1ray.prompts import chat_messages


def test_system_turn_only_where_there_is_one():
    """An empty system turn would replace the template's own default."""
    assert [message["role"] for message in chat_messages("q", "be brief")] == ["system", "user"]
    assert [message["role"] for message in chat_messages("q", "")] == ["user"]
