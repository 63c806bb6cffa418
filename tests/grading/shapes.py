"""Shapes of finished answers: how models write a function that is right.

To add one: a name and the text. Each answers "Write `add(a, b)`"; the answer holds `a + b` and what
comes before it may hold the wrong `a - b`. Every text is tried twice: as it stands it passes, and
with `a + b` and `a - b` exchanged it must not, however right its drafts have become.
"""

F = "```"
GOOD = "def add(a, b):\n    return a + b\n"
BAD = "def add(a, b):\n    return a - b\n"
PLUS = "def plus(a, b):\n    return a + b\n"
USES_PLUS = "def add(a, b):\n    return plus(a, b)\n"


def block(code: str, info: str = "python") -> str:
    """A fenced block."""
    return f"{F}{info}\n{code.rstrip()}\n{F}\n"


def indented(text: str, prefix: str) -> str:
    """A text with something before each of its lines."""
    return "".join(f"{prefix}{line}\n" for line in text.splitlines())


INFO_STRINGS = {
    f"labelled {info!r}": f"Here it is:\n\n{block(GOOD, info)}\nDone."
    for info in (
        "",
        "python",
        " python",
        "python  ",
        "Python",
        "py",
        "python3",
        "pycon",
        "ipython",
        'python title="add.py"',
        "python {linenos=true}",
        "python showLineNumbers",
        "{python}",
        "{.python .numberLines}",
        "python:main.py",
        "python#L1-L2",
        "text",
        "plaintext",
        "code",
    )
}

FENCES = {
    "nothing but the block": block(GOOD),
    "tildes": f"~~~python\n{GOOD}~~~",
    "tildes around backticks": f"~~~markdown\n{block(GOOD)}~~~",
    "a long fence": f"{F}`python\n{GOOD}{F}`",
    "a long fence around a fence": f"{F}`markdown\nThe code:\n{block(GOOD)}{F}`",
    "a long fence closed by a short one": f"{F}`python\n{GOOD}{F}\nDone.",
    "a fence closed by a long one": f"{F}python\n{GOOD}{F}`\nDone.",
    "never closed": f"{F}python\n{GOOD}",
    "never closed, with prose after it": f"{F}python\n{GOOD}\nThis function adds its two arguments.",
    "no final newline": block(GOOD).rstrip("\n"),
    "closed at the end of a line of code": f"{F}python\n{GOOD.rstrip()}{F}\nDone.",
    "text after the closing fence": f"{F}python\n{GOOD}{F} And that is all.\n\nIt adds.",
    "text after the closing fence, and an example": f"{F}python\n{GOOD}{F} Use it so:\n{block('print(add(2, 3))')}",
    "opened after a sentence": f"The code is: {F}python\n{GOOD}{F}",
    "on one line": f"Use {F}add = lambda a, b: a + b{F} for that.",
    "the label on the next line": f"{F}\npython\n{GOOD}{F}",
    "code beside the label": f"{F}python def add(a, b):\n    return a + b\n{F}\nDone.",
    "two fences for one": f"{F}\n{block(GOOD)}{F}\nDone.",
    "a fence around a fence": f"{F}markdown\nThe code:\n{block(GOOD)}{F}\nDone.",
    "a fence that is missing between blocks": f"{F}python\n{BAD}That subtracts.\n{F}python\n{GOOD}{F}",
    "blank lines inside": f"{F}python\n\n\n{GOOD}\n\n{F}",
    "carriage returns": f"Here:\n{block(GOOD)}".replace("\n", "\r\n"),
    "carriage returns alone": f"Here:\n{block(GOOD)}".replace("\n", "\r"),
    "a byte order mark": f"\ufeff{block(GOOD)}",
    "tabs": block("def add(a, b):\n\treturn a + b\n"),
    "in a list": f"1. Do this:\n\n{indented(block(GOOD), '   ')}\n2. Done.",
    "on a list's marker": f"- {F}python\n{indented(GOOD + F, '  ')}- Done.",
    "in a list within a list": f"1. First\n   - then\n{indented(block(GOOD), '     ')}",
    "indented, its code not": f"   {F}python\n{GOOD}   {F}",
    "in a quote": f"They say:\n{indented(block(GOOD), '> ')}\nRight.",
    "in a quote without blanks": f"They say:\n{indented(block(GOOD), '>')}\nRight.",
    "in a quote within a quote": indented(block(GOOD), "> > "),
    "indented by tabs": indented(block(GOOD), "\t"),
}

MARKUP = {
    "headings": f"## Approach\n\nAdd them.\n\n### Code\n\n{block(GOOD)}\n## Complexity\n\nO(1)",
    "bold words": f"**Solution:**\n\n{block(GOOD)}\n**Explanation:** it *adds*.",
    "a file name": f"`add.py`:\n\n{block(GOOD)}\nRun it with `python add.py`.",
    "answer tags": f"<answer>\n{block(GOOD)}</answer>",
    "details": f"<details>\n<summary>Code</summary>\n\n{block(GOOD)}\n</details>",
    "HTML": f"The code:\n<pre><code>\n{GOOD}</code></pre>\nDone.",
    "HTML with a language": f'<pre><code class="language-python">\n{GOOD}</code></pre>',
    "HTML on the code's lines": f'<pre><code class="language-python">{GOOD.rstrip()}</code></pre>\n<p>Done.</p>',
    "tags of code models": f"[PYTHON]\n{GOOD}[/PYTHON]",
    "code tags": f"<code>\n{GOOD}</code>\nDone.",
    "LaTeX listing": f"\\begin{{lstlisting}}[language=Python]\n{GOOD}\\end{{lstlisting}}",
    "LaTeX formulas around": f"We need \\(a + b\\), that is\n\\[ a + b = c \\]\n{block(GOOD)}$O(1)$ time.",
    "a box around": f"\\boxed{{\n{block(GOOD)}}}",
    "a rule before and after": f"---\n{block(GOOD)}---\n",
    "a table before": f"| a | b | c |\n|---|---|---|\n| 2 | 3 | 5 |\n\n{block(GOOD)}",
}

BARE = {
    "no fences": GOOD,
    "no fences, prose around": f"The function is\n\n{GOOD}\nwhich adds.",
    "no fences, prose right around": f"The function:\n{GOOD}It adds a and b.",
    "no fences, a label": f"python\n{GOOD}",
    "no fences, a heading": f"# Solution\n\n{GOOD}\n# Explanation\n\nIt adds.",
    "no fences, indented": f"The function is\n\n{indented(GOOD, '    ')}\nwhich adds.",
    "no fences, imports": f"Sure!\n\nimport math\nfrom typing import Any\n\n\n{GOOD}\nHope this helps!",
    "no fences, an example": f"{GOOD}\nExample:\nadd(2, 3) returns 5.",
    "no fences, a class": f"class Solution:\n{indented('def add(self, a, b):', '    ')}        return a + b\n",
    "no fences, a draft before": f"Perhaps\n\n{BAD}\nNo, that subtracts. So\n\n{GOOD}",
    "an empty block before": f"{F}python\n{F}\n{GOOD}",
    "a transcript": block(">>> def add(a, b):\n...     return a + b\n...\n>>> add(2, 3)\n5\n"),
    "a transcript without fences": ">>> def add(a, b):\n...     return a + b\n...\n>>> add(2, 3)\n5\n",
    "a transcript of a notebook": block(
        "In [1]: def add(a, b):\n   ...:     return a + b\n   ...:\n\nIn [2]: add(2, 3)\nOut[2]: 5\n"
    ),
    "magics of a notebook": block(f"%matplotlib inline\n!pip install nothing\n{GOOD}"),
    "one line of code in backticks": "Use `add = lambda a, b: a + b` for that.",
}

AFTER = {
    "an output block": f"{block(GOOD)}Output:\n{block('5', 'text')}So it works.",
    "an unlabelled output block": f"{block(GOOD)}prints\n{block('5', '')}So it works, as shown.",
    "output in words": f"{block(GOOD)}prints\n{block('the sum is 5', '')}",
    "output as JSON": f"{block(GOOD)}\n" + block('{"sum": 5}', "json"),
    "a command": f"{block(GOOD)}Run it:\n{block('python add.py', 'bash')}",
    "an unlabelled command": f"{block(GOOD)}Run it:\n{block('$ pip install nothing', '')}",
    "usage": f"{block(GOOD)}Use it:\n{block('print(add(2, 3))')}",
    "usage that keeps its result": f"{block(GOOD)}Use it:\n" + block("result = add(2, 3)\nprint(result)  # 5"),
    "usage in the block": block(f"{GOOD}\n# Example\nprint(add(2, 3))  # 5\n"),
    "usage that fails": f"{block(GOOD)}But not:\n{block('add(2)  # TypeError')}",
    "a transcript of its use": f"{block(GOOD)}Then\n" + block(">>> add(2, 3)\n5"),
    "assertions": f"{block(GOOD)}Tests:\n" + block("assert add(2, 3) == 5\nassert add(0, 0) == 0"),
    "a test function": f"{block(GOOD)}\n" + block("def test_add():\n    assert add(2, 3) == 5"),
    "a test that imports it": f"{block(GOOD)}\n" + block("from add import add\n\nassert add(2, 3) == 5"),
    "a test class": f"{block(GOOD)}Tests:\n"
    + block(
        "import unittest\n\n\nclass TestAdd(unittest.TestCase):\n    def test(self):\n"
        "        self.assertEqual(add(2, 3), 5)\n\n\nif __name__ == '__main__':\n    unittest.main()\n"
    ),
    "the same in another language": f"{block(GOOD)}\n{block('const add = (a, b) => a + b;', 'javascript')}",
    "its signature": f"{block(GOOD)}It keeps the signature\n" + block("def add(a, b):\n    ..."),
    "its first line": f"{block(GOOD)}Here\n{block('def add(a, b):')}is the signature.",
    "its line": f"{block(GOOD)}The line\n{block('return a + b')}does the work.",
    "a second function": f"{block(GOOD)}To subtract:\n" + block("def sub(a, b):\n    return a * b"),
    "another task": f"{block(GOOD)}\nQuestion: multiply.\n" + block("def mul(a, b):\n    return a * b"),
    "inline code": f"{block(GOOD)}`add(2, 3)` returns `5`, and `def add` begins it.",
    "a block cut by the limit": f"{block(GOOD)}Tests:\n{F}python\nassert add(2, 3) == 5\nassert add(",
    "a longer version cut by the limit": f"{block(GOOD)}With checks:\n{F}python\ndef add(a, b):\n    if not isinst",
}

BEFORE = {
    "a draft": f"{block(BAD)}That subtracts. Better:\n{block(GOOD)}",
    "an unlabelled draft": f"{block(BAD, '')}That subtracts. Better:\n{block(GOOD)}",
    "a draft, the answer unlabelled": f"{block(BAD)}That subtracts. Better:\n{block(GOOD, 'py')}",
    "a draft that is never closed": f"{F}python\n{BAD}Wait, that subtracts.\n{block(GOOD)}",
    "a draft in the same block": block(f"{BAD}\n\n# Wait, that subtracts.\n{GOOD}"),
    "a draft without fences": f"{BAD}\nThat subtracts. Better:\n{block(GOOD)}",
    "three drafts": f"{block(BAD) * 3}{block(GOOD)}",
    "two solutions": f"Short:\n{block('add = lambda a, b: a - b')}Clear:\n{block(GOOD)}",
    "broken code": block("def add(a, b)\n    return a - b") + f"A colon is missing.\n{block(GOOD)}",
    "its signature first": "Given\n" + block("def add(a, b):\n    pass") + f"we write\n{block(GOOD)}",
    "another language": f"{block('int add(int a, int b) { return a - b; }', 'cpp')}In Python:\n{block(GOOD)}",
    "steps": f"First\n{block('total = a - b')}then\n{block('return total')}Together:\n{block(GOOD)}",
    "pseudocode": f"{block('function add(a, b): give a - b', '')}In Python:\n{block(GOOD)}",
    "a helper": f"{block(PLUS)}and\n{block(USES_PLUS)}",
    "a helper, unlabelled": f"{block(PLUS, '')}and\n{block(USES_PLUS)}",
    "a helper after it": f"{block(USES_PLUS)}where\n{block(PLUS)}",
    "a helper without fences": f"{PLUS}\nSo:\n\n{block(USES_PLUS)}",
    "a helper of a helper": f"{block(PLUS)}"
    + block("def more(a, b):\n    return plus(a, b)")
    + block("def add(a, b):\n    return more(a, b)\n"),
    "a helper beside a draft": block(f"{PLUS}\n\ndef add(a, b):\n    return a * b\n") + f"Better:\n{block(USES_PLUS)}",
    "a table that is filled": block("TABLE = {}\nfor i in range(10):\n    TABLE[i] = i\n")
    + block("def add(a, b):\n    return a + b if TABLE[a] == a else None\n"),
    "a list that grows": block("seen = []\nseen.append(2)\n")
    + block("def add(a, b):\n    return a + b if seen[0] == 2 else 0\n"),
    "an import that is tried": block("try:\n    import no_such as nothing\nexcept ImportError:\n    nothing = None\n")
    + block("def add(a, b):\n    return a + b if nothing is None else 0\n"),
    "thinking that ends": f"<think>\n{block(BAD)}That subtracts.\n</think>\n\n{block(GOOD)}",
    "thinking that ends in a block": f"<think>\n{F}python\ndef add(\n</think>\n\n{block(GOOD)}",
    "a constant": f"{block('ZERO = 0')}" + block("def add(a, b):\n    return a + b + ZERO"),
    "an import": f"{block('import operator')}" + block("def add(a, b):\n    return operator.abs(a + b)"),
    "an import of all": f"{block('from operator import *')}" + block("def add(a, b):\n    return pos(a + b)"),
    "a class it uses": block("class Pair:\n    def __init__(self, a, b):\n        self.sum = a + b")
    + block("def add(a, b):\n    return Pair(a, b).sum\n"),
}
