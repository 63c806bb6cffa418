"""The delimiters by which teachers set thinking, answers and turns apart: a family each.

A new teacher's delimiters become a row of ``FAMILIES`` and a case in ``tests/curation/test_untag.py``.
Every quantifier is bounded, so that a search over the table takes time linear in the text.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple


class Family(NamedTuple):
    """Delimiters of one shape.

    Args:
        name: Unique; the name of its group in the compiled table.
        pattern: Regular expression without groups that capture, except in ``ELEMENTS``.
        teachers: Who writes them.
    """

    name: str
    pattern: str
    teachers: str


# Families that look like XML and JSX elements; ``z1ray.curation.markup`` decides about each occurrence.
ELEMENTS = ("thinking", "answer")

_BAR = "[|\uff5c]"
_ROLE = (
    "(?:assistant|system|user|developer|tool|model|ai|human|chatbot"
    "|think|thinking|thought|reasoning|answer|solution|response|final)"
)
_ROLE_LEFT = r"(?=[ \t]{0,4}(?:\r?\n|\Z|<))"  # A role is one only where nothing but its line's end or a token follows.
_BEFORE_ROLE = r"im_start|start|begin|header_start|start_header_id|start_of_role|im_assistant|im_user|im_system"


def _element(names: str) -> str:
    """An opening or closing tag; blanks or an attribute may stand in it."""
    return rf"(?i:<[ \t]{{0,2}}/?[ \t]{{0,2}}(?:{names})(?:[ \t]{{1,3}}[\w:-]{{1,40}}=[^<>\n]{{0,200}}|[ \t]{{0,2}}/?)>)"


FAMILIES = (
    Family(
        "harmony_channel",
        rf"<\|(?:start|end)\|>(?:assistant)?(?=<\|channel\|>)|<\|channel\|>[^<\n]{{1,80}}(?=<\|)"
        rf"|<\|channel\|>(?:analysis|commentary|final){_ROLE_LEFT}|<\|constrain\|>\w{{1,20}}(?=<\|)"
        r"|(?:<\|start\|>assistant[ \t])?to=[\w.]{1,60}<\|message\|>",
        "gpt-oss (openai/harmony), Muse",
    ),
    Family(
        "harmony_decoded",
        # What is left of the tokens where a decoder skips the special ones.
        r"\A\s{0,8}(?:analysis|commentary)(?=(?:We|The|User|I|Let|Let's|Need|This|Okay|Ok|So|It|Given|You|To|Find)\b|\S[\s\S]*assistantfinal)"
        r"|(?<![A-Za-z0-9_])assistant(?:final|analysis|commentary)(?![a-z_(=.\[])"
        r"|(?<=[A-Za-z0-9])assistant(?:final|analysis|commentary)(?=[A-Z*#$\\\n]|\Z)",
        "gpt-oss decoded without special tokens",
    ),
    Family("kimi_k3", r"<\|(?:open|close)\|>[ \t]{0,2}\w{1,20}[ \t]{0,2}<\|sep\|>", "Kimi K3"),
    Family(
        "role",
        rf"(?i:<{_BAR}(?:{_BEFORE_ROLE}){_BAR}>{_ROLE}{_ROLE_LEFT})",
        "ChatML (QwQ, Qwen3, Phi, s1), Llama, Granite, Kimi K2, Solar",
    ),
    Family(
        "special_token",
        rf"<{_BAR}/?[\w\u2581-]{{1,60}}{_BAR}>",
        "ChatML, DeepSeek, Sky-T1, OpenThoughts, GLM, Cohere, Phi, Apertus, Hunyuan",
    ),
    Family(
        "gemma",
        rf"(?i:(?:<\|turn>|<start_of_turn>){_ROLE}{_ROLE_LEFT}|<\|channel>(?:thought|thinking|final){_ROLE_LEFT})"
        r"|<\|(?:channel|turn|think|tool|tool_call|tool_response)>|<(?:channel|turn|tool|tool_call|tool_response)\|>"
        r"|<(?:start|end)_of_turn>",
        "Gemma 2, 3 and 4",
    ),
    Family("seed", rf"</?seed:\w{{1,40}}>(?:{_ROLE}{_ROLE_LEFT})?", "Seed-OSS, with its budget notes"),
    Family("minimax", rf"</?mm:\w{{1,20}}>|\]~b\](?:{_ROLE}{_ROLE_LEFT})?|\]~!b\[|\[e~\[", "MiniMax M1, M2, M3"),
    Family("hunyuan", r"</?(?:think|answer):\w{1,40}>", "Hunyuan 3 and 4, whose tags end in the model's name"),
    Family("nemotron", rf"<(?:SPECIAL|extra_id)_\d{{1,3}}>(?:(?i:{_ROLE}){_ROLE_LEFT})?", "Nemotron H, Nano, Mini"),
    Family(
        "mistral",
        r"(?<!\w)\[(?:THINK|INST|SYSTEM_PROMPT|TOOL_CALLS)\](?!\()|\[/(?:THINK|INST|SYSTEM_PROMPT)\]",
        "Magistral, Mistral",
    ),
    Family("kimi", r"\u25c1[ \t]{0,2}/?\w{1,20}[ \t]{0,2}\u25b7", "Kimi 1.5, Kimi-VL"),
    Family("exaone", r"\[\|/?\w{1,40}\|\]", "EXAONE"),
    Family("ling", r"<role>(?:ASSISTANT|HUMAN|SYSTEM|OBSERVATION)</role>", "Ling, Ring"),
    Family(
        "granite",
        r"(?m:^[ \t]{0,4}\*{0,2}(?:Here is|Here's|Here\u2019s) my (?:thought process|response):\*{0,2})"
        r"|(?:(?<=\w[.!?])|(?<=\w[.!?] )|(?<=\w[.!?]  ))(?:Here is|Here's|Here\u2019s) my response:",
        "Granite 3.2",
    ),
    Family(
        "phi",
        r"\{(?:Thought|Solution) section\}"
        r"|(?m:^[ \t]{0,4}(?:#{1,4} |\*\*)?(?:Thought|Solution) section:?(?:\*\*)?:?(?=[ \t]{0,4}\r?$))",
        "Phi-4-reasoning, whose system prompt names the sections",
    ),
    # As a single token these are certain; as text only at the ends, since </s> is HTML and <eos> a word of the trade.
    Family("sentinel", r"\A\s{0,8}<(?:s|bos)>|<(?:/s|eos)>(?=\s{0,8}\Z)", "Llama 2, Mistral, Gemma"),
    Family("poolside", r"(?m:^</?assistant>(?=[ \t]{0,4}\r?$))", "Laguna"),
    Family(
        "thinking",
        _element(
            "think|thinking|thought|thoughts|thought_process|reasoning|reason|scratchpad|reflection|cot"
            "|inner_monologue|internal_monologue|longcat_think|antml:thinking"
        ),
        "QwQ, DeepSeek R1, Qwen3, Nemotron, EXAONE, Hunyuan, MiniMax, Phi, Marco-o1, Claude-style prompts",
    ),
    Family("answer", _element("answer|final_answer|solution|response|final_response"), "R1-style prompts, Hunyuan, ERNIE"),
)


def compile_table(families: Iterable[Family] = FAMILIES) -> re.Pattern[str]:
    """One expression that finds the delimiters of all families; ``lastgroup`` of a match names the family."""
    return re.compile("|".join(f"(?P<{family.name}>{family.pattern})" for family in families))


DELIMITER = compile_table()

# What resembles a delimiter to a reader, whether or not the table knows it.
_ABOUT = "think|thought|reason|reflect|answer|solution|response|analysis|conclusion|output|assistant"
LOOKALIKE = re.compile(
    rf"(?i:</?[\w:-]{{0,20}}(?:{_ABOUT})[\w:-]{{0,20}}[ \t]{{0,2}}/?>)"
    rf"|<{_BAR}[^<>\n|\uff5c]{{1,40}}{_BAR}>|\[/?[A-Z_]{{0,20}}(?:THINK|REASON|ANSWER|SOLUTION)[A-Z_]{{0,20}}\]"
)
