"""Removing the delimiter tags that set thinking apart from the answer; the content stays.

Z1's training data has none (arXiv 2504.00810, section on data): a model trained on it
shifts between thinking and answering by itself.
"""

import re

_THINKING = "think|thinking|thought|thoughts|reasoning|scratchpad"
_ANSWER = "answer|solution"
_ROLES = f"{_THINKING}|{_ANSWER}|system|user|assistant|tool"
_TAG = "|".join(
    [
        # <|im_start|>think, where the role stands alone; <|im_end|>, <|begin_of_thought|>, <|endoftext|> ...
        rf"<\|im_start\|>(?:{_ROLES})(?=\s*(?:\n|\Z))",
        r"<\|\w+\|>",
        # The same with DeepSeek's wide bars and blocks for spaces.
        r"<\uff5c[\w\u2581]+\uff5c>",
        # <think>, </think>, < / Think >, <seed:think>
        rf"<\s*/?\s*(?:\w+:)?(?:{_THINKING})\s*/?\s*>",
        # <answer> and </answer>, but not the type in list<answer>
        rf"</(?:{_ANSWER})>|(?<!\w)<(?:{_ANSWER})>",
    ]
)
# A tag alone on its line takes the line with it.
_TAGS = re.compile(rf"^[ \t]*(?:{_TAG})[ \t]*(?:\n|\Z)|{_TAG}", re.IGNORECASE | re.MULTILINE)


def untag(text: str) -> str:
    """The text without delimiter tags and without space around it.

    Repeats until none is left, as removing one tag may join the halves of another.
    """
    while True:
        removed = _TAGS.sub("", text).strip()
        if removed == text:
            return removed
        text = removed


def has_tags(text: str) -> bool:
    """Whether the text holds a delimiter tag."""
    return _TAGS.search(text) is not None
