"""Removal of delimiters: code left alone, white space, repetition, cost."""

import random
import time

import pytest

from z1ray.curation.untag import untag

F = "```"
# (text, what is counted); the text stays byte for byte.
CODE = [
    # Fences and backticks.
    (f"{F}\n<think>\n</think>\n{F}", {"code <think>": 1, "code </think>": 1}),
    (f"{F}html title=x\n<answer>4</answer>\n{F}\n", {"code <answer>": 1, "code </answer>": 1}),
    (f"~~~\n[THINK]\n{F}\n<|im_end|>\n~~~", {"code [think]": 1, "code <|im_end|>": 1}),
    (f"````md\n{F}\n<think>\n{F}\n<think>\n````", {"code <think>": 2}),
    (f"1. Do:\n   {F}python\r\n   x = 1  # <think>\r\n   {F}\r\n", {"code <think>": 1}),
    (f"{F}jsx\n<Answer>\n  <answer>", {"code <answer>": 2}),  # cut
    ("Qwen3 opens with `<think>` and ends with ``</think>``.", {"code <think>": 1, "code </think>": 1}),
    ("Split at `<|im_start|>assistant`, `\u25c1think\u25b7`.", {"code <|im_start|>": 1, "code \u25c1think\u25b7": 1}),
    # String literals.
    ('s = "<answer>4</answer>"', {"code <answer>": 1, "code </answer>": 1}),
    ("text.split('</think>')[-1]", {"code </think>": 1}),
    ("re.sub(r'<think>.*?</think>', '', s)", {"code <think>": 1, "code </think>": 1}),
    ('stop = ["<|im_end|>", "<|endoftext|>"]', {"code <|im_end|>": 1, "code <|endoftext|>": 1}),
    # Generics, templates, turbofish, casts.
    ("for (auto x : vector<solution>{}) cout << x;", {"markup <solution>": 1}),
    ("std::map<int, vector<answer>> m;", {"markup <answer>": 1}),
    ("let v: Vec<Thought> = it.collect::<Thought>();", {"markup <thought>": 2}),
    ("let n = s.parse::<answer>()?;", {"markup <answer>": 1}),
    ("List<Answer> a = new ArrayList<Answer>();", {"markup <answer>": 2}),
    ("const f = <Thought>(x: Thought) => x;", {"markup <thought>": 1}),
    ("let a = <Answer>obj;", {"markup <answer>": 1}),
    ("public static <Solution> void run() {}", {"markup <solution>": 1}),
    ("template <reasoning> struct A;", {"markup <reasoning>": 1}),
    ("#include <answer>", {"markup <answer>": 1}),
    # Elements.
    ("return <Answer>{x}</Answer>;", {"markup <answer>": 1, "markup </answer>": 1}),
    ("return (\n    <Answer>\n      4\n    </Answer>\n  );", {"markup <answer>": 1, "markup </answer>": 1}),
    ("<Answer value={1} />", {"markup <answer>": 1}),
    ("<Solution/>", {"markup <solution/>": 1}),
    ("<solution id='1'>x</solution>", {"markup <solution>": 1, "markup </solution>": 1}),
    ("<quiz>\n<answer>4</answer>\n</quiz>", {"markup <answer>": 1, "markup </answer>": 1}),
    ("<quiz><question>q</question><answer>4</answer></quiz>", {"markup <answer>": 1, "markup </answer>": 1}),
    ("<response>\n  <status>ok</status>\n</response>", {"markup <response>": 1, "markup </response>": 1}),
    ('<?xml version="1.0"?>\n<response>ok</response>', {"markup <response>": 1, "markup </response>": 1}),
    ("<div>I think</div><br/><s>old</s> new", {}),
    # Regular expressions.
    ("/<think>[\\s\\S]*?<\\/think>/g", {"markup <think>": 1}),
    ("^<think>(.*?)</think>", {"markup <think>": 1, "markup </think>": 1}),
    ("(?P<answer>\\d+) and (?<thought>\\w+) \\k<thought>", {"markup <answer>": 1, "markup <thought>": 2}),
    ("<answer>\\s*x", {"markup <answer>": 1}),
    # Comparisons, shifts, pipes, placeholders, indices.
    ("if a<think and b>think: pass", {}),
    ("x = a <b> c; low < high > mid; y << 2 >> 1", {}),
    ("while low < answer > high", {"markup <answer>": 1}),
    ("1 <<think>> 2", {"markup <think>": 1}),
    ("f <| x |> g", {"unknown <|x|>": 1}),
    ("usage: solve --out <answer>", {"markup <answer>": 1}),
    ("a[THINK] = m[i][j]", {"unknown [think]": 1}),
    ("The analysis of assistantFinal and the assistant final.", {}),
    ("analysisResult = 4", {}),
    ("Here is my plan: think, then answer.", {}),
    ("{x | x > 0} and [INSTALL](url)", {}),
    ("<answer> ::= <digit>+", {"markup <answer>": 1}),
    ("the mean <|x|> of |x|", {"unknown <|x|>": 1}),
    ("assistantfinal = foo(assistantanalysis)", {}),
    # Literals over lines, documents of the shell, comments, indented code.
    ('p = """\n<think>\na\n</think>\n"""', {"code <think>": 1, "code </think>": 1}),
    ("const s = `\n<think>\n${x}\n</think>\n`;", {"code <think>": 1, "code </think>": 1}),
    ("cat <<EOF > f\n<think>a</think>\nEOF", {"code <think>": 1, "code </think>": 1}),
    ("// drop <think>...</think>", {"markup <think>": 1, "markup </think>": 1}),
    ("/// <response>Ok</response>", {"markup <response>": 1, "markup </response>": 1}),
    ("<!-- <answer>4</answer> -->", {"markup <answer>": 1, "markup </answer>": 1}),
    ("So:\n\n    <think>\n    a\n    </think>\n", {"markup <think>": 1, "markup </think>": 1}),
    ("<input>3</input>\n<output>4</output>", {"markup <output>": 1, "markup </output>": 1}),
    # Escaped.
    ("&lt;think&gt; a &lt;/think&gt;", {"unknown &lt;think&gt;": 1, "unknown &lt;/think&gt;": 1}),
    # In no family.
    ("<my_thoughts>a</my_thoughts>", {"unknown <my_thoughts>": 1, "unknown </my_thoughts>": 1}),
    # Nothing that resembles a delimiter: white space is not touched either.
    ("  plain\n\n\n\ntext  \r\n\n", {}),
    ("", {}),
]


@pytest.mark.parametrize(("text", "stayed"), CODE)
def test_code_is_left_alone_and_counted(text, stayed):
    """Angle brackets are everyday code; what looks like a delimiter and stays has to show in the manifest."""
    assert untag(text) == (text, stayed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"<think>\nUse {F}\ncode\n</think>\n\nSo {F}x{F}", f"Use {F}\ncode\n\nSo {F}x{F}"),
        (f"<think>\n{F}python\nx\n</think>\n\nSo:\n{F}python\ny\n{F}", f"{F}python\nx\n\nSo:\n{F}python\ny\n{F}"),
        (f"<think>\n{F}\nx\n</think>\n\nSo:\n{F}\ny\n{F}\nDone", f"{F}\nx\n\nSo:\n{F}\ny\n{F}\nDone"),
        (f"<answer>\n{F}python\nx\n</answer>", f"{F}python\nx"),
        (f"{F}\nx\n{F}</think>\n<answer>{F}\ny = '<think>'\n{F}</answer>", f"{F}\nx\n{F}\n{F}\ny = '<think>'\n{F}"),
        ('<think>\nx = """a\n</think>\n\ny = """b"""', 'x = """a\n\ny = """b"""'),
        ("<think>\ncat <<EOF\na\n</think>\n\nSo:\nEOF", "cat <<EOF\na\n\nSo:\nEOF"),
        ("    <think>\na\n    </think>\nb", "a\nb"),
        ("vector<thought> v;\n</thought>\nx", "vector<thought> v;\nx"),
    ],
)
def test_thinking_cut_in_code_still_ends(text, expected):
    """A run cut inside a block leaves it open; the delimiters after it are none of its code."""
    assert untag(text).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\n\n</think>\n\n\nb", "a\n\nb"),
        ("a\n</think>\n<answer>\n\nb", "a\n\nb"),
        ("a\r\n</think>\r\n\r\nb", "a\r\n\r\nb"),
        ("<think></think>", ""),
        ("\n<think>\n\na\n\n\n\nb\n\n</think>\n", "a\n\n\n\nb"),
        ("<think>\nif x:\n\n</think>\n    y", "if x:\n\n    y"),
        ("<think>a</think>b", "a\n\nb"),
        ("<think>a</think>.", "a."),
        ("<think>\n    x = 1\n    y = 2\n</think>\nb", "    x = 1\n    y = 2\nb"),
        ("</think>\n\tx = 1", "\tx = 1"),
        (f"a</think>{F}python\nx\n{F}</think>b", f"a\n\n{F}python\nx\n{F}\n\nb"),
        (f"So <answer>{F}python\nx\n{F}</answer>", f"So\n\n{F}python\nx\n{F}"),
    ],
)
def test_no_hole_is_left(text, expected):
    """Where a delimiter stood on its own there is one empty line at most; other white space is the teacher's."""
    assert untag(text).text == expected


def test_a_delimiter_inside_a_fence_of_backticks_ends_nothing():
    """Removing a delimiter for the look at a line may make a fence that the text does not have."""
    assert untag(f"{F}</think>`x\n<think>").text == f"{F}\n\n`x\n<think>"
    assert untag(f"{F}<think>{F}").text == f"{F}<think>{F}"


NESTED = ["<th<think>ink>a", "<|im_<|im_end|>end|>a", "</thi</thi</think>nk>nk>a", "<think><think>a"]


@pytest.mark.parametrize("text", NESTED)
def test_joined_halves_are_removed_too(text):
    """Removing a delimiter must not leave another behind."""
    assert untag(text).text == "a"


def test_no_nesting_is_too_deep():
    """Neither the cost nor what is left may depend on how often halves are nested in halves."""
    text = "</thi" * 5000 + "</think>" + "nk>" * 5000
    result = untag(text)
    assert "</think>" not in result.text
    assert untag(result.text) == result


def test_doing_it_twice_changes_nothing():
    """A row curated again must stay the same, whatever the teacher mixed."""
    scraps = [
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "<|im_start|>",
        "assistant",
        "analysis",
        "final",
        "\n",
        " ",
    ]
    scraps += [
        F,
        "`",
        '"',
        "a",
        "B",
        ".",
        "<",
        ">",
        "<th",
        "ink>",
        "[THINK]",
        "<p>",
        "Here is my response:",
        "python",
        "</s>",
    ]
    for seed in range(1500):
        draw = random.Random(seed)
        text = "".join(draw.choices(scraps, k=draw.randint(2, 25)))
        once = untag(text)
        assert untag(once.text) == once, text


@pytest.mark.parametrize(
    "unit",
    [
        "< ", "<", "<|", "[", "{", "`", '"', f"{F}a\n", "\n", "<think>", "<answer> ", "a<think>A", "'a <think>",
        f"{F}\n</think>\n", "<|channel|>", "<think x=", "</think> a ", "Here is my ", "analysis", "<answer></answer>x ",
    ],
)  # fmt: skip
def test_cost_is_linear(unit):
    """One hostile row must not hold up a stage: eight times the text may cost 24 times the work, never 64."""

    def seconds(length: int) -> float:
        text = "<think" + (unit * length)[:length]
        started = time.process_time()
        untag(text)
        return time.process_time() - started

    seconds(20_000)
    assert min(seconds(160_000) for _ in range(2)) < 24 * max(min(seconds(20_000) for _ in range(2)), 0.002)
