"""The time to find a program grows with the length of the text, whatever the text is made of."""

import time

import pytest

from tests.grading.shapes import BAD, GOOD, F, block
from tests.grading.test_extraction import ADD, BODY, PROGRAM
from z1ray.grading.extraction import find_program
from z1ray.window import CODE_HINT

SMALL, FACTOR = 2**12, 4
# Quadratic time would be 16 times as much; noise of a busy machine stays below twice.
MOST = 2.5 * FACTOR
HALF_A_MEGABYTE = 2**19

# A text is one of these over and over.
REPEATED = {
    "fences": f"{F}\n",
    "labelled fences": f"{F}python\n",
    "tildes": "~~~\n",
    "fences in a list": f"- {F}python\n",
    "quoted blocks": f"> {F}python\n> x\n",
    "quotes": ">",
    "quoted fences": f"{'> ' * 8}{F}\n",
    "blocks": block(GOOD),
    "broken blocks": block("def add(a, b)\n  return"),
    "blocks never closed": f"{F}python\nx = '''\n",
    "fences in strings": f'{F}python\nx = """\n{F}\n',
    "magics": f"{F}python\n%x\n{GOOD}",
    "blocks that need more": block("def add(a, b):\n    return f(a)\n"),
    "blocks that fill": block("x[0] = f(y)\n"),
    "backticks": "`",
    "spans": "`a = f(b)` ",
    "uneven spans": "`` ` ",
    "spans of three": "```x``` \n",
    "blanks": " ",
    "tabs": "\t",
    "newlines": "\n",
    "carriage returns": "\r",
    "byte order marks": "\ufeff\n",
    "words": "The sum of a and b is c. ",
    "lines of words": "The sum of a and b is c.\n",
    "parentheses": "(",
    "open parentheses": "(\n",
    "open strings": "x = '''\n",
    "quotes of strings": '"""\n',
    "open functions": "def add(a, b):\n",
    "functions": f"{GOOD}\n",
    "decorators": "@x\n",
    "open conditions": "if x:\n",
    "statements": "x = f(1)\n",
    "statements on a line": "x = f(1); ",
    "bodies": "    return a\n",
    "annotations": "a: b\n",
    "imports of all": "from os import *\n",
    "transcripts": ">>> x = f(1)\n",
    "broken transcripts": ">>> x = (\n",
    "HTML": "<pre><code>x = f(1)</code></pre>\n",
    "tags": "<pre>",
    "open tags": "<pre <pre ",
    "closing tags": "</code>",
    "hints": CODE_HINT,
    "hints and blocks": f"{CODE_HINT}{F}python\n{BAD}",
    "programs": block("print(f(input()))\n"),
}


def repeated(piece, length):
    return (piece * (length // len(piece) + 1))[:length]


def steps(length, line):
    """Lines that are indented ever deeper."""
    return "\n".join(" " * depth + line for depth in range(int((2 * length) ** 0.5)))


def chain(length):
    """Blocks that each need the next."""
    blocks = [block(f"def f{number}(a):\n    return f{number + 1}(a)\n") for number in range(length // 60)]
    return "".join(blocks) + block("def add(a, b):\n    return f0(a)\n")


def needed(length, end):
    """A function that needs as many names as there are statements before it."""
    names = [f"x{number}" for number in range(length // 20)]
    return "".join(f"{name} = f(1){end}" for name in names) + "\n" + block(f"def add(a, b):\n    return {names}\n")


GROWN = {name: lambda length, piece=piece: repeated(piece, length) for name, piece in REPEATED.items()} | {
    "deeper conditions": lambda length: steps(length, "if x:"),
    "deeper words": lambda length: steps(length, "so be it"),
    "longer fences": lambda length: "\n".join("`" * number for number in range(3, int((2 * length) ** 0.5))),
    "a chain of helpers": chain,
    "many names": lambda length: needed(length, "\n").replace("'", ""),
    "many names on a line": lambda length: needed(length, "; ").replace("'", ""),
}
LARGE = ["fences", "labelled fences", "backticks", "blanks", "quotes", "quoted blocks", "blocks never closed"]


def seconds(text):
    """Processor time of this thread to read a text, for each kind of problem."""
    start = time.thread_time()
    for row in (ADD, BODY, PROGRAM):
        find_program(row, text)
    return time.thread_time() - start


@pytest.mark.parametrize("made", GROWN.values(), ids=GROWN.keys())
def test_four_times_the_text_takes_about_four_times_as_long(made):
    """One text of a million would hold up a stage; that of an answer in a loop is made of such things."""
    small, large = made(SMALL), made(FACTOR * SMALL)
    # The best of a few tries: what else the machine does takes time, it gives none.
    for _ in range(5):
        if seconds(large) <= MOST * seconds(small) + 0.05:
            return
    pytest.fail("it grows faster than the text")


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_half_a_megabyte_is_read(name):
    """Longer than any answer; what is quadratic with a small factor would not end here."""
    assert seconds(GROWN[name](HALF_A_MEGABYTE)) < 60
