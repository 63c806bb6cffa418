"""Chat messages for a problem."""

Message = dict[str, str]


def chat_messages(question: str, system_prompt: str | None) -> list[Message]:
    """The conversation that asks ``question``: an optional system turn, then the user's."""
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*system, {"role": "user", "content": question}]
