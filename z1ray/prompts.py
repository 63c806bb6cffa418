"""Chat messages for a problem, and the code block of an answer."""

import re

Message = dict[str, str]

_FENCED_BLOCK = re.compile(r"```[ \t]*(?:python|py|python3)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


def chat_messages(question: str, system_prompt: str | None) -> list[Message]:
    """The conversation that asks ``question``: an optional system turn, then the user's."""
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*system, {"role": "user", "content": question}]


def last_code_block(text: str) -> str | None:
    """The last fenced Python (or unlabelled) block of ``text``, open-ended if cut off; else None."""
    blocks = _FENCED_BLOCK.findall(text)
    return blocks[-1] if blocks else None
