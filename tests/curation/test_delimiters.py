"""The table of delimiters: what each teacher writes. A new family is a row there and a case here."""

import pytest

from z1ray.curation import delimiters
from z1ray.curation.untag import untag

# Family: (name of the teacher's format, text, expected).
CASES = {
    "thinking": [
        ("QwQ", "<think>\nLet me see.\n</think>\n\nIt is 4.", "Let me see.\n\nIt is 4."),
        ("DeepSeek R1, opened by the template", "Let me see.\n</think>\n\nIt is 4.", "Let me see.\n\nIt is 4."),
        ("Qwen3 without thinking", "<think>\n\n</think>\n\nIt is 4.", "It is 4."),
        ("QwQ on one line", "<think>It is 2+2.</think>It is 4.", "It is 2+2.\n\nIt is 4."),
        ("Claude-style", "<thinking>\na\n</thinking>\nb", "a\nb"),
        ("R1-style", "<reasoning>why</reasoning> so", "why so"),
        ("EXAONE Deep", "<thought>\na\n</thought>\n\nb", "a\n\nb"),
        ("Marco-o1", "<Thought>\na\n</Thought>\nb", "a\nb"),
        ("LongCat", "<longcat_think>\na\n</longcat_think>\nb", "a\nb"),
        ("Reflection", "<thinking>a <reflection>no</reflection></thinking>b", "a no\n\nb"),
        ("self-closing", "<think/>b", "b"),
        ("blanks and case", "a <THINK> b < /think > c", "a b c"),
        ("line ends in tags", "<think\n>a</\nthink>\nb", "a\nb"),
        ("attributes", '<think type="deep" budget="3">\na\n</think>\nb', "a\nb"),
        ("bold", "**<think>**\na\n**</think>**\nb", "a\nb"),
        ("headings", "## <think>\na\n## </think>\nb", "a\nb"),
        ("glued to words", "So<think>A</think>b", "So A\n\nb"),
        ("glued to a list", "a</think>- b\n- c", "a\n\n- b\n- c"),
        ("byte order mark", "\ufeff<think>\na\n</think>\nb", "a\nb"),
    ],
    "answer": [
        ("R1-style", "a\n<answer>\n4\n</answer>", "a\n4"),
        ("R1-style in a sentence", "So it is <answer>4</answer>.", "So it is 4."),
        ("R1-style with LaTeX", "<answer>\\dfrac{1}{2}</answer>", "\\dfrac{1}{2}"),
        ("R1-style with a choice", "<answer>(C)</answer>", "(C)"),
        ("Hunyuan A13B", "<think>\na\n</think>\n<answer>\nb\n</answer>", "a\nb"),
        ("ERNIE 4.5", "<think>\na\n</think>\n\n<response>\nb\n</response>\n", "a\n\nb"),
        ("cut", "<think>a</think>\n<answer>\n4", "a\n4"),
        ("capitalised", "a\n<Answer>\n4\n</Answer>", "a\n4"),
        ("Reflection", "<thinking>a</thinking><output>b</output>", "a\n\nb"),
        ("Marco-o1", "<Thought>\na\n</Thought>\n<Output>\nb\n</Output>", "a\nb"),
        ("around code", "<answer>```python\nx = 1\n```</answer>", "```python\nx = 1\n```"),
    ],
    "special_token": [
        ("end of turn", "a<|im_end|>\n", "a"),
        ("DeepSeek", "<\uff5cAssistant\uff5c>a<\uff5cend\u2581of\u2581sentence\uff5c>", "a"),
        ("Sky-T1", "<|begin_of_thought|>\n\na\n\n<|end_of_thought|>\n\nb", "a\n\nb"),
        ("OpenThoughts", "a\n\n<|begin_of_solution|>\n\nb\n\n<|end_of_solution|>", "a\n\nb"),
        ("GLM 4.5V", "It is <|begin_of_box|>4<|end_of_box|>.", "It is 4."),
        ("Cohere", "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "a\n\nb"),
        ("Phi-4", "<|im_start|>assistant<|im_sep|>a<|im_end|>", "a"),
        ("Apertus", "<|inner_prefix|>a.<|inner_suffix|>B<|assistant_end|>", "a.\n\nB"),
        ("Inkling", "<|content_thinking|>a<|end_message|>\n<|content_text|>b", "a\nb"),
        ("GPT-2", "a<|endoftext|>", "a"),
    ],
    "role": [
        ("ChatML", "<|im_start|>assistant\na<|im_end|>", "a"),
        ("s1", "<|im_start|>think\na\n<|im_start|>answer\nAnswer: 4<|im_end|>", "a\nAnswer: 4"),
        ("s1, glued", "a<|im_start|>answer\nb", "a\nb"),
        ("Llama 3", "<|start_header_id|>assistant<|end_header_id|>\n\na<|eot_id|>", "a"),
        ("Llama 4", "<|header_start|>assistant<|header_end|>\n\na<|eot|>", "a"),
        ("Granite", "<|start_of_role|>assistant<|end_of_role|>a<|end_of_text|>", "a"),
        ("Kimi K2", "<|im_assistant|>assistant<|im_middle|>a<|im_end|>", "a"),
        ("Solar", "<|begin|>assistant<|think|>a<|end|><|begin|>assistant<|content|>b<|end|>", "a\n\nb"),
        ("s1, no line end", "a\n<|im_start|>answerAnswer: 4", "a\nAnswer: 4"),
        ("a word that is no role", "<|im_start|>think about it", "think about it"),
    ],
    "harmony_channel": [
        (
            "gpt-oss",
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
            "a\n\nb",
        ),
        (
            "gpt-oss with a tool",
            "<|start|>assistant<|channel|>commentary to=functions.run <|constrain|>json<|message|>{}<|call|>",
            "{}",
        ),
        (
            "gpt-oss with a tool's result",
            "{}<|call|><|start|>functions.f to=assistant<|channel|>commentary<|message|>4<|end|>",
            "{}\n\n4",
        ),
        ("gpt-oss, cut header", "a<|end|><|start|>assistant<|channel|>final\nb", "a\nb"),
        ("Muse", "<|start|>assistant to=self<|message|>a<|eom|><|start|>assistant<|message|>b<|eot|>", "a\n\nb"),
    ],
    "harmony_decoded": [
        ("gpt-oss", "analysisWe add.assistantfinalIt is 4.", "We add.\n\nIt is 4."),
        ("gpt-oss, no stop before", "analysisSo 4assistantfinal4", "So 4\n\n4"),
        ("gpt-oss, three messages", "analysisA.assistantcommentaryB.assistantfinal**C**", "A.\n\nB.\n\n**C**"),
        ("gpt-oss, cut", "analysisWe need to", "We need to"),
        ("gpt-oss, lower case", "analysisadd them.assistantfinal4", "add them.\n\n4"),
        ("gpt-oss, lower case answer", "analysisadd them.assistantfinalit is 4", "add them.\n\nit is 4"),
        ("gpt-oss, choice", "analysisA or C.assistantfinal(C)", "A or C.\n\n(C)"),
        ("gpt-oss, lines", "analysis\na\n\nassistantfinal\n\nb", "a\n\nb"),
        ("gpt-oss, tool", "analysisA b.assistantcommentary to=functions.f json{}assistantfinalOk", "A b.\n\n{}\n\nOk"),
    ],
    "kimi_k3": [("Kimi K3", "<|open|>think<|sep|>a<|close|>think<|sep|><|open|>response<|sep|>b", "a\n\nb")],
    "kimi": [("Kimi 1.5", "\u25c1think\u25b7a\n\u25c1/think\u25b7\n\nb", "a\n\nb")],
    "gemma": [
        ("Gemma 4", "<|turn>model\n<|channel>thought\na\n<channel|>b<turn|>", "a\nb"),
        ("Gemma 4, mode", "<|think|>\na<channel|>B", "a\n\nB"),
        ("Gemma 3", "<start_of_turn>model\na<end_of_turn>", "a"),
    ],
    "seed": [
        ("Seed-OSS", "<seed:bos>assistant\n<seed:think>a</seed:think>b<seed:eos>", "a\n\nb"),
        (
            "Seed-OSS, budget",
            "a\n<seed:cot_budget_reflect>I have used 9 tokens.</seed:cot_budget_reflect>\nb",
            "a\nI have used 9 tokens.\nb",
        ),
    ],
    "minimax": [
        ("MiniMax M2", "]~!b[]~b]ai\n<think>\na\n</think>\n\nb[e~[\n", "a\n\nb"),
        ("MiniMax M3", "<mm:think>a\n</mm:think>\nb", "a\nb"),
    ],
    "hunyuan": [("Hunyuan 3", "<think:opensource>a\n</think:opensource>\nb", "a\nb")],
    "nemotron": [
        ("Nemotron Nano 2", "<SPECIAL_11>Assistant\n<think>\na\n</think>\nb\n<SPECIAL_12>", "a\nb"),
        ("Nemotron Mini", "<extra_id_1>Assistant\nb", "b"),
    ],
    "mistral": [
        ("Magistral", "[THINK]a\n[/THINK]\n\nb", "a\n\nb"),
        ("Mistral", "[INST] question [/INST] b", "question b"),
        ("Llama 2", "[INST] <<SYS>>\na\n<</SYS>>\n\nb [/INST] c", "a\n\nb c"),
    ],
    "glm_prefix": [("GLM", "[gMASK]<sop><|assistant|>\n<think>a</think>\nb", "a\nb")],
    "apriel": [
        (
            "Apriel",
            "Here are my reasoning steps:\na\n[BEGIN FINAL RESPONSE]\nb\n[END FINAL RESPONSE]\n<|end|>",
            "a\nb",
        )
    ],
    "exaone": [("EXAONE", "[|assistant|]<thought>\na\n</thought>\nb[|endofturn|]", "a\nb")],
    "ling": [("Ring", "<role>ASSISTANT</role><think>\na\n</think>\nb", "a\nb")],
    "granite": [
        ("Granite 3.2", "Here is my thought process:\n\na\n\nHere is my response:\n\nb", "a\n\nb"),
        ("Granite 3.2, contracted", "Here's my thought process: a\nHere's my response: b", "a\nb"),
        ("Granite 3.2, one line", "Here is my thought process: Foo. Here is my response: Bar", "Foo. Bar"),
    ],
    "phi": [
        ("Phi-4-reasoning", "<think> {Thought section}\na </think> {Solution section}\nb", "a\nb"),
        ("Phi-4-reasoning, headings", "**Thought section:**\n\na\n\n### Solution section\n\nb", "a\n\nb"),
    ],
    "sentinel": [
        ("Mistral", "<s> a</s>", "a"),
        ("Gemma", "<bos>a<eos>\n", "a"),
        ("Zephyr", "<|user|>\na</s>\n<|assistant|>\nb</s>", "a\nb"),
    ],
    "poolside": [("Laguna", "<assistant>\na\n</assistant>\n", "a")],
}
ALL = [(family, *case) for family, cases in CASES.items() for case in cases]


@pytest.mark.parametrize(("text", "expected"), [case[2:] for case in ALL], ids=[f"{c[0]}: {c[1]}" for c in ALL])
def test_delimiters_go_and_content_stays(text, expected):
    """A delimiter left behind teaches the model to write it; content lost teaches it less."""
    result = untag(text)
    assert result.text == expected
    assert result.stayed == {}
    assert untag(result.text) == result


@pytest.mark.parametrize("family", delimiters.FAMILIES, ids=lambda family: family.name)
def test_every_family_is_needed(family, monkeypatch):
    """Leaving a family out must show in its cases, so that none gets lost."""
    left = tuple(other for other in delimiters.FAMILIES if other is not family)
    monkeypatch.setattr(delimiters, "FAMILIES", left)
    assert any(untag(text).text != expected for _, text, expected in CASES[family.name])


def test_lists_of_families_name_families():
    """A misspelled name would silently lose its special treatment."""
    names = [family.name for family in delimiters.FAMILIES]
    assert len(set(names)) == len(names)
    assert set(CASES) == set(names)
    assert {*delimiters.ELEMENTS, *delimiters.MESSAGES} <= set(names)
