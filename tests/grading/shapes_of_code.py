"""Shapes of the code itself, of runs cut by the window, and of answers to other kinds of problem.

As in ``shapes``: a name and a text that passes, and that must not with `a + b` and `a - b` exchanged.
"""

from tests.grading.shapes import BAD, GOOD, PLUS, USES_PLUS, F, block, indented
from z1ray.window import CODE_HINT, MATH_HINT

CODE = {
    "type hints": block("def add(a: int, b: int) -> int:\n    return a + b\n"),
    "type hints with an import": block(
        "from typing import Optional\n\ndef add(a: int, b: Optional[int] = None) -> int:\n    return a + b\n"
    ),
    "type hints whose import stands before": block("from typing import List, Optional\n")
    + block("def add(a: int, b: Optional[int], more: List[int] = []) -> int:\n    return a + b\n"),
    "type hints of the future": f"{block('import math')}"
    + block("from __future__ import annotations\n\n\ndef add(a: Number, b: Number) -> Number:\n    return a + b\n"),
    "a generic function": block(
        "from typing import TypeVar\n\nT = TypeVar('T')\n\ndef add(a: T, b: T) -> T:\n    return a + b\n"
    ),
    "a coroutine function": block("async def add(a, b):\n    return a + b\n"),
    "a coroutine function that waits": block(
        "import asyncio\n\n\nasync def add(a, b):\n    await asyncio.sleep(0)\n    return a + b\n"
    ),
    "a decorator": block(f"from functools import lru_cache\n\n\n@lru_cache(maxsize=None)\n{GOOD}"),
    "a decorator of its own": block(
        f"def plain(f):\n    def call(*args):\n        return f(*args)\n    return call\n\n\n@plain\n{GOOD}"
    ),
    "a decorator from a block before": block("def plain(f):\n    return f") + block(f"@plain\n{GOOD}"),
    "a lambda": block("add = lambda a, b: a + b\n"),
    "an annotated lambda": block("from typing import Callable\nadd: Callable[[int, int], int] = lambda a, b: a + b\n"),
    "a name bound to another function": block(f"{PLUS}\nadd = plus\n"),
    "a partial": block(
        "from functools import partial\n\ndef f(c, a, b):\n    return a + b\n\nadd = partial(f, None)\n"
    ),
    "a callable object": block("class Add:\n    def __call__(self, a, b):\n        return a + b\n\n\nadd = Add()\n"),
    "a factory": block("def make():\n    def inner(a, b):\n        return a + b\n    return inner\n\nadd = make()\n"),
    "in a condition": block(f"import sys\n\nif sys.version_info >= (3,):\n{indented(GOOD, '    ')}"),
    "in a try": block(f"try:\n    import no_such_module\nexcept ImportError:\n{indented(GOOD, '    ')}"),
    "a main guard": block(f"{GOOD}\n\nif __name__ == '__main__':\n    print(add(2, 3))\n"),
    "a main function that asks": block(
        f"{GOOD}\n\ndef main():\n    print(add(*map(int, input())))\n\n\nif __name__ == '__main__':\n    main()\n"
    ),
    "a generator inside": block("def add(a, b):\n    def both():\n        yield a + b\n    return next(both())\n"),
    "a walrus and a match": block(
        "def add(a, b):\n    match (c := a + b):\n        case int():\n            return c\n"
    ),
    "a doctest": block('def add(a, b):\n    """Add.\n\n    >>> add(2, 3)\n    5\n    """\n    return a + b\n'),
    "a docstring with a fence": block(
        f'def add(a, b):\n    """Adds.\n\n    {F}\n    add(2, 3)\n    {F}\n    """\n    return a + b\n'
    )
    + "Done.",
    "a docstring with a labelled fence": block(
        f"def add(a, b):\n    '''Adds.\n\n    {F}python\n    add(2, 3)\n    {F}\n    '''\n    return a + b\n"
    )
    + "Done.",
    "a docstring with a fence at the margin": block(
        f'def add(a, b):\n    """\n{F}\nadd(2, 3)\n{F}\n"""\n    return a + b\n'
    ),
    "a fence in a string": block(f'TEXT = """\n{F}python\nx = 1\n{F}\n"""\n\n\n{GOOD}'),
    "a fence in a comment": block(f"# {F}\n{GOOD}# {F}\n"),
    "prose as a comment": block(f"# Let's add: we can't forget b.\n{GOOD}"),
    "prose as a string": block(f'"""It isn\'t hard."""\n{GOOD}'),
    "other scripts": "函数如下:\n" + block("def add(a, b):\n    # 求和 π\n    return a + b") + "完成。",
    "a method": block("class Solution:\n    def add(self, a, b):\n        return a + b\n"),
    "a static method": block("class Solution:\n    @staticmethod\n    def add(a, b):\n        return a + b\n"),
    "a method of another class": block("class Calculator:\n    def add(self, a, b):\n        return a + b\n"),
    "a method of another name": block("class Solution:\n    def addTwo(self, a, b):\n        return a + b\n"),
    "a method and its use": block(
        "class Solution:\n    def add(self, a, b):\n        return a + b\n\n\nprint(Solution().add(2, 3))\n"
    ),
}

CUT = {
    "in a block": f"{F}python\n{BAD}# or{CODE_HINT}{block(GOOD)}",
    "in a block, then a fence that closes it": f"{F}python\ndef add(a, b):\n    # now{CODE_HINT}{F}\n{block(GOOD)}",
    "in a line": f"{F}python\ndef add(a, b):\n    return a - {CODE_HINT}{block(GOOD)}It adds.",
    "in a docstring": f'{F}python\ndef add(a, b):\n    """Adds {CODE_HINT}{block(GOOD)}',
    "in a fence": f"Let me write it.\n``{CODE_HINT}{block(GOOD)}",
    "in a block within a list": f"1. Try\n   {F}python\n   def add(a,{CODE_HINT}{block(GOOD)}",
    "in a quote": f"> {F}python\n> def add({CODE_HINT}{block(GOOD)}",
    "after a block": f"{block(BAD)}hmm{CODE_HINT}{block(GOOD)}",
    "in prose": f"We take a and b, and{CODE_HINT}{block(GOOD)}",
    "at the start": f"{CODE_HINT}{block(GOOD)}",
    "by the hint for mathematics": f"{F}python\ndef add({MATH_HINT}{block(GOOD)}",
    "by the hint for mathematics, in a box": f"We get $a - b${MATH_HINT}\\boxed{{\n{block(GOOD)}}}",
    "without the hint's blank lines": f"{F}python\n{BAD} {CODE_HINT.strip()}\n{block(GOOD)}",
    "the hint twice": f"{F}python\n{BAD}{CODE_HINT}Let me think.{CODE_HINT}{block(GOOD)}",
    "code without fences": f"Let me see{CODE_HINT}{GOOD}",
    "code without fences, then a fence": f"{F}python\n{BAD}{CODE_HINT}{GOOD}{F}\nIt adds.",
    "code without fences, then prose": f"{F}python\n{BAD}{CODE_HINT}{GOOD}\nThat adds a and b.",
    "a label without a fence": f"{F}\ndef add({CODE_HINT}python\n{GOOD}{F}",
    "an unlabelled block": f"{F}python\ndef add({CODE_HINT}{block(GOOD, '')}",
    "prose before the block": f"{F}python\ndef add({CODE_HINT}The function below adds.\n\n{block(GOOD)}",
    "a fence, prose and a block": f"{F}python\ndef add({CODE_HINT}{F}\nSo the answer is\n{block(GOOD)}Done.",
    "an example after the block": f"{F}python\ndef add({CODE_HINT}{block(GOOD)}{block('add(2, 3)  # 5')}",
    "output after the block": f"{F}python\ndef add({CODE_HINT}{block(GOOD)}prints\n{block('5', '')}",
    "an answer that is never closed": f"{F}python\ndef add({CODE_HINT}{F}python\n{GOOD}",
    "a draft after the hint": f"hm{CODE_HINT}{block(BAD)}No:\n{block(GOOD)}",
    "a helper after the hint": f"{block(BAD)}{CODE_HINT}{block(PLUS)}{block(USES_PLUS)}",
    "at the limit, after the function": f"{F}python\n{GOOD}\n\ndef main():\n    print(add(2,",
    "at the limit, in a test": f"{CODE_HINT}{block(GOOD)}{F}python\ndef test():\n    assert add(",
}

METHOD = {
    "a class": block("class Solution:\n    def addTwo(self, a, b):\n        return a + b\n"),
    "a class with hints": block(
        "from typing import List\nclass Solution:\n    def addTwo(self, a: int, b: int):\n        return a + b\n"
    ),
    "a class without fences": "class Solution:\n    def addTwo(self, a, b):\n        return a + b\n",
    "a function": block("def addTwo(a, b):\n    return a + b\n"),
    "a function of another spelling": block("def add_two(a, b):\n    return a + b\n"),
    "a function of another name": block("def solve(a, b):\n    return a + b\n"),
    "a function that takes self": block("def addTwo(self, a, b):\n    return a + b\n"),
    "a lambda": block("addTwo = lambda a, b: a + b\n"),
    "functions that call each other": block(f"{PLUS}\n\ndef addTwo(a, b):\n    return plus(a, b)\n"),
    "a class and a helper before it": block(PLUS)
    + block("class Solution:\n    def addTwo(self, a, b):\n        return plus(a, b)\n"),
    "a class and its use": block("class Solution:\n    def addTwo(self, a, b):\n        return a + b\n")
    + block("s = Solution()\nprint(s.addTwo(2, 3))\n"),
    "the given class, then the answer": block("class Solution:\n    def addTwo(self, a, b):\n        pass\n")
    + block("class Solution:\n    def addTwo(self, a, b):\n        return a + b\n"),
    "cut in the class": f"{F}python\nclass Solution:\n    def addTwo({CODE_HINT}"
    + block("class Solution:\n    def addTwo(self, a, b):\n        return a + b\n"),
}

READ = "a, b = map(int, input().split())\n"
PRINT = f"{READ}print(a + b)\n"
PROGRAM = {
    "a program": block(PRINT),
    "a program without fences": f"The program is\n\n{PRINT}\nwhich adds.",
    "a program that reads all": block("import sys\n\na, b = map(int, sys.stdin.read().split())\nprint(a + b)\n"),
    "a program that opens its input": block("a, b = map(int, open(0).read().split())\nprint(a + b)\n"),
    "a main function": block(f"def main():\n{indented(PRINT, '    ')}\n\nif __name__ == '__main__':\n    main()\n"),
    "a main function called elsewhere": block(f"def main():\n{indented(PRINT, '    ')}") + block("main()\n"),
    "a function and the reading apart": f"{block(GOOD)}Then\n" + block(f"{READ}print(add(a, b))"),
    "a class and the reading": block(
        f"class Solution:\n    def add(self, a, b):\n        return a + b\n\n\n{READ}print(Solution().add(a, b))\n"
    ),
    "a command after it": f"{block(PRINT)}Try:\n" + block("$ echo 2 3 | python add.py\n5", ""),
    "input and output after it": f"{block(PRINT)}Input:\n{block('2 3', '')}Output:\n{block('5', '')}",
    "input before it": f"Input:\n{block('2 3', '')}Program:\n{block(PRINT)}",
    "its function's use after it": block(f"{GOOD}\n\n{READ}print(add(a, b))") + block("print(add(1, 1))"),
    "an example with its input written in": block(PRINT)
    + block(f"import io, sys\n\nsys.stdin = io.StringIO('2 3')\n{READ}print(a * b)\n"),
    "a test after it": block(f"def solve():\n{indented(PRINT, '    ')}\n\nsolve()\n")
    + block("def test():\n    assert 2 * 3 == 6\n\n\ntest()\n"),
    "a draft before it": block(f"{READ}print(a - b)") + f"No:\n{block(PRINT)}",
    "a cut in a block": f"{F}python\n{READ}print(a{CODE_HINT}{block(PRINT)}",
    "a cut, then code without fences": f"{F}python\n{READ}print(a{CODE_HINT}{PRINT}{F}",
}

BODY = {
    "the body": block("    return a + b\n"),
    "the body without its indentation": block("return a + b\n"),
    "the body without fences": "    return a + b\n",
    "the body without fences, then prose": "    return a + b\n\nThis adds the two numbers.",
    "the body without fences, then another function": "    return a + b\n\n\ndef sub(a, b):\n    return a * b\n",
    "the whole function": block(GOOD),
    "the function without its import": block("def add(a: Any, b: Any) -> Any:\n    return a + b\n"),
    "the function with a helper of the prompt": block("def add(a, b):\n    return same(a + b)\n"),
    "the body with a helper of the prompt": block("    return same(a + b)\n"),
    "the whole prompt": block(f"from typing import Any\n\n\ndef same(x):\n    return x\n\n\n{GOOD}"),
    "a method of a class": block("class Solution:\n    def add(self, a: Any, b: Any) -> Any:\n        return a + b\n"),
    "a cut, then the body": f"{F}python\n    total = {CODE_HINT}    return a + b\n",
    "a cut, then the body in a block": f"{F}python\n    total = {CODE_HINT}{block('    return a + b')}",
}
