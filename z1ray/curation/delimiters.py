"""The delimiters by which teachers set thinking, answers and turns apart: a family each.

A new teacher's delimiters become a row of ``FAMILIES`` and a case in ``tests/curation/test_untag.py``.
Every quantifier is bounded, so that a search over the table takes time linear in the text.
"""

import re
from functools import lru_cache
from typing import NamedTuple


class Family(NamedTuple):
    """Delimiters of one shape.

    Args:
        name: Unique; the name of its group in the compiled table.
        marks: Lower-case strings, one of which is in any text with such a delimiter; looked for first, as that is fast.
        pattern: Regular expression without groups that capture.
        teachers: Who writes them.
    """

    name: str
    marks: tuple[str, ...]
    pattern: str
    teachers: str


# Families that look like XML and JSX elements; ``z1ray.curation.markup`` decides about each occurrence.
ELEMENTS = ("thinking", "answer")
# Families that end one message and begin the next; what they part are two paragraphs.
MESSAGES = ("harmony_channel", "harmony_decoded", "kimi_k3", "role", "gemma", "granite", "exaone", "ling", "apriel")

_BAR = "[|\uff5c]"
_ROLE = (
    "(?:assistant|system|user|developer|tool|model|ai|human|chatbot"
    "|think|thinking|thought|reasoning|answer|solution|response|final)"
)
# A role is one only where its line's end, a token or a glued beginning of the message follows.
_ROLE_LEFT = r"(?=[ \t]{0,4}(?:\r?\n|\Z|<)|(?-i:[A-Z0-9*#$\\]))"
_BEFORE_ROLE = r"im_start|start|begin|header_start|start_header_id|start_of_role|im_assistant|im_user|im_system"


def _element(names: str) -> str:
    """An opening or closing tag; blanks or an attribute may stand in it."""
    return rf"(?i:<\s{{0,2}}/?\s{{0,2}}(?:{names})(?:\s{{1,3}}[\w:-]{{1,40}}=[^<>\n]{{0,200}}|\s{{0,2}}/?\s?)>)"


FAMILIES = (
    Family(
        "harmony_channel",
        ("<|",),
        rf"<\|(?:start|end)\|>(?:assistant|[\w.]{{1,60}} to=assistant)?(?=<\|channel\|>)"
        rf"|<\|channel\|>[^<\n]{{1,80}}(?=<\|)"
        rf"|<\|channel\|>(?:analysis|commentary|final){_ROLE_LEFT}|<\|constrain\|>\w{{1,20}}(?=<\|)"
        r"|(?:<\|start\|>assistant[ \t])?to=[\w.]{1,60}<\|message\|>",
        "gpt-oss (openai/harmony), Muse",
    ),
    Family(
        "harmony_decoded",
        ("assistantfinal", "assistantanalysis", "assistantcommentary", "analysis", "commentary"),
        # What is left of the tokens where a decoder skips the special ones.
        r"\A\s{0,8}(?:analysis|commentary)(?=(?:We|The|They|User|I|Let|Need|This|That|There|Okay|Ok|Alright|Hmm|So|It"
        r"|Given|You|To|Find|First|Problem|Question|Compute|Consider|Must|Just|What|How)\b"
        r"|(?:\S|[ \t]{0,4}\r?\n)[\s\S]*assistantfinal)"
        r"|(?<![A-Za-z0-9_$\"'])assistant(?:analysis|commentary) to=[\w.]{1,60}(?: ?(?:code|json))?(?![ \t]?<\|)"
        r"|(?<![A-Za-z0-9_$\"'])assistant(?:analysis|commentary) to=[\w.]{1,60}"
        r"|(?<=[.!?\u2026\u3002])assistant(?:final|analysis|commentary)(?! ?=)"
        r"|(?<![A-Za-z0-9_$\"'(])assistant(?:final|analysis|commentary)(?![a-z_(=.\[;,)\"']| [=a-z])"
        r"|(?<=[A-Za-z0-9])assistant(?:final|analysis|commentary)(?=[A-Z0-9*#$\\\n]|\Z)",
        "gpt-oss decoded without special tokens",
    ),
    Family("kimi_k3", ("<|sep|>",), r"<\|(?:open|close)\|>[ \t]{0,2}\w{1,20}[ \t]{0,2}<\|sep\|>", "Kimi K3"),
    Family(
        "role",
        ("<|", "<\uff5c"),
        rf"(?i:<{_BAR}(?:{_BEFORE_ROLE}){_BAR}>{_ROLE}{_ROLE_LEFT})",
        "ChatML (QwQ, Qwen3, Phi, s1), Llama, Granite, Kimi K2, Solar",
    ),
    Family(
        "special_token",
        ("<|", "<\uff5c"),
        rf"<{_BAR}/?[\w\u2581-]{{3,60}}{_BAR}>",  # <|x|> is also mathematics
        "ChatML, DeepSeek, Sky-T1, OpenThoughts, GLM, Cohere, Phi, Apertus, Hunyuan",
    ),
    Family(
        "gemma",
        ("<|", "|>", "_of_turn>"),
        rf"(?i:(?:<\|turn>|<start_of_turn>){_ROLE}{_ROLE_LEFT}|<\|channel>(?:thought|thinking|final){_ROLE_LEFT})"
        r"|<\|(?:channel|turn|think|tool|tool_call|tool_response)>|<(?:channel|turn|tool|tool_call|tool_response)\|>"
        r"|<(?:start|end)_of_turn>",
        "Gemma 2, 3 and 4",
    ),
    Family("seed", ("seed:",), rf"</?seed:\w{{1,40}}>(?:{_ROLE}{_ROLE_LEFT})?", "Seed-OSS, with its budget notes"),
    Family(
        "minimax",
        ("mm:", "]~", "[e~["),
        rf"</?mm:\w{{1,20}}>|\]~b\](?:{_ROLE}{_ROLE_LEFT})?|\]~!b\[|\[e~\[",
        "MiniMax M1, M2, M3",
    ),
    Family(
        "hunyuan",
        ("think:", "answer:"),
        r"</?(?:think|answer):\w{1,40}>",
        "Hunyuan 3 and 4, whose tags end in the model's name",
    ),
    Family(
        "nemotron",
        ("<special_", "<extra_id_"),
        rf"<(?:SPECIAL|extra_id)_\d{{1,3}}>(?:(?i:{_ROLE}){_ROLE_LEFT})?",
        "Nemotron H, Nano, Mini",
    ),
    Family(
        "mistral",
        ("think]", "inst]", "system_prompt]", "tool_calls]", "sys>>"),
        r"(?<!\w)\[(?:THINK|INST|SYSTEM_PROMPT|TOOL_CALLS)\](?!\()|\[/(?:THINK|INST|SYSTEM_PROMPT)\]|<</?SYS>>",
        "Magistral, Mistral, Llama 2",
    ),
    Family("glm_prefix", ("[gmask]",), r"\[gMASK\](?:<sop>)?", "GLM"),
    Family(
        "apriel",
        ("final response]", "here are my reasoning steps:"),
        r"\[(?:BEGIN|END) FINAL RESPONSE\]|(?m:^[ \t]{0,4}Here are my reasoning steps:(?=[ \t]{0,4}\r?$))",
        "Apriel",
    ),
    Family("kimi", ("\u25c1",), r"\u25c1[ \t]{0,2}/?\w{1,20}[ \t]{0,2}\u25b7", "Kimi 1.5, Kimi-VL"),
    Family("exaone", ("[|",), r"\[\|/?\w{1,40}\|\]", "EXAONE"),
    Family("ling", ("<role>",), r"<role>(?:ASSISTANT|HUMAN|SYSTEM|OBSERVATION)</role>", "Ling, Ring"),
    Family(
        "granite",
        ("my thought process:", "my response:"),
        r"(?m:^[ \t]{0,4}\*{0,2}(?:Here is|Here's|Here\u2019s) my (?:thought process|response):\*{0,2})"
        r"|(?:(?<=\w[.!?])|(?<=\w[.!?] )|(?<=\w[.!?]  ))(?:Here is|Here's|Here\u2019s) my response:",
        "Granite 3.2",
    ),
    Family(
        "phi",
        ("thought section", "solution section"),
        r"\{(?:Thought|Solution) section\}"
        r"|(?m:^[ \t]{0,4}(?:#{1,4} |\*\*)?(?:Thought|Solution) section:?(?:\*\*)?:?(?=[ \t]{0,4}\r?$))",
        "Phi-4-reasoning, whose system prompt names the sections",
    ),
    # Certain as token numbers only; as text, </s> is also HTML and <eos> a word of the trade.
    Family(
        "sentinel",
        ("<s>", "<bos>", "</s>", "<eos>"),
        r"\A\s{0,8}<(?:s|bos)>(?![^<]*</s>\s{0,8}\S)|<(?:/s|eos)>(?=\s{0,8}(?:\Z|<\||<s>|\[INST\]))",
        "Llama 2, Mistral, Gemma",
    ),
    Family("poolside", ("assistant>",), r"(?m:^</?assistant>(?=[ \t]{0,4}\r?$))", "Laguna"),
    Family(
        "thinking",
        ("think", "thought", "reason", "scratchpad", "reflection", "cot", "monologue"),
        _element(
            "think|thinking|thought|thoughts|thought_process|reasoning|scratchpad|reflection|cot"
            "|inner_monologue|internal_monologue|longcat_think|antml:thinking"
        ),
        "QwQ, DeepSeek R1, Qwen3, Nemotron, EXAONE, Hunyuan, MiniMax, Phi, Marco-o1, Claude-style prompts",
    ),
    Family(
        "answer",
        ("answer", "solution", "response", "output", "conclusion", "final"),
        _element("answer|final_answer|solution|response|final_response|output|conclusion|final"),
        "R1-style prompts, Hunyuan, ERNIE, Reflection, Marco-o1",
    ),
)


def table_for(text: str) -> re.Pattern[str] | None:
    """One expression for the families that ``text`` may hold, or None where it can hold none.

    ``lastgroup`` of a match names the family.
    """
    lower = text.lower()
    families = tuple(family for family in FAMILIES if any(mark in lower for mark in family.marks))
    return _compile(families) if families else None


@lru_cache(maxsize=256)
def _compile(families: tuple[Family, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{family.name}>{family.pattern})" for family in families))


# What resembles a delimiter to a reader, whether or not the table knows it.
_ABOUT = "think|thought|reflect|reason|rumination|answer|solution|response|analysis|conclusion|output|assistant"
LOOKALIKE = re.compile(
    rf"(?i:(?:<|&lt;|\\<|\uff1c)/?[\w:-]{{0,20}}(?:{_ABOUT})[\w:-]{{0,20}}[ \t]{{0,2}}/?(?:>|&gt;|\\>|\uff1e))"
    rf"|<{_BAR}[^<>\n|\uff5c]{{1,40}}{_BAR}>|\[/?[A-Z_]{{0,20}}(?:THINK|REASON|ANSWER|SOLUTION)[A-Z_]{{0,20}}\]"
)
