"""Tests of many shapes, which call the answer's objects in another process: what a test sees of them."""

import pytest

from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.records import problem

# Name, the problem's setup, the answer, a case that holds, and one that does not.
SHAPES = {
    "in place": (
        "",
        "def f(rows):\n    rows.reverse()\n    rows[0].append(9)",
        "a = [[1], [2]]; assert f(a) is None and a == [[2, 9], [1]]",
        "a = [[1], [2]]; f(a); assert a == [[1], [2]]",
    ),
    "a dict and a set in place": (
        "",
        ("def f(d, s):\n    d['k'] = 1\n    s.clear()\n    return d"),
        "d, s = {}, {1}; assert f(d, s=s) is d and d == {'k': 1} and s == set()",
        "d, s = {}, {1}; f(d, s); assert s",
    ),
    "several values": (
        "",
        "def f(x): return x, [x]",
        "a, (b,) = f(1); assert a == b == 1",
        "a, b = f(1); assert a == b",
    ),
    "a generator": (
        "",
        "def f(n):\n    for i in range(n): yield i",
        "assert list(f(3)) == [0, 1, 2] and sum(f(4)) == 6 and next(iter(f(1))) == 0",
        "assert f(3) == [0, 1, 2]",
    ),
    "an iterator ends": (
        "",
        "def f(): return iter([1])",
        "i = f(); next(i); assert next(i, 'end') == 'end'",
        "i = f(); assert next(i) == 2",
    ),
    "an exception": (
        "",
        "def f(x):\n    if x < 0: raise ValueError('negative', x)\n    return x",
        ("try:\n    f(-1)\nexcept ValueError as e:\n    assert e.args == ('negative', -1)\nelse:\n    assert False"),
        "f(-1)",
    ),
    "an exception of its own": (
        "",
        "class Negative(ValueError): pass\ndef f(x): raise Negative('no')",
        (
            "try:\n"
            "    f(-1)\n"
            "except Negative as e:\n"
            "    assert isinstance(e, ValueError) and str(e) == 'no'\n"
            "else:\n"
            "    assert False"
        ),
        ("try:\n    f(-1)\nexcept KeyError:\n    pass"),
    ),
    "a class": (
        "",
        (
            "class f:\n"
            "    kind = 'stack'\n"
            "    def __init__(self): self.items = []\n"
            "    def push(self, x): self.items.append(x); return self\n"
            "    def __len__(self): return len(self.items)\n"
            "    def __getitem__(self, i): return self.items[i]\n"
            "    def __str__(self): return str(self.items)"
        ),
        (
            "s = f(); assert not len(s); s.push(1).push(2); assert len(s) == 2 and s[1] == 2 and str(s) == "
            "'[1, 2]' and s.items == [1, 2] and f.kind == 'stack' and isinstance(s, f) and not isinstance(1, "
            "f) and 2 in s"
        ),
        "s = f().push(1); assert 3 in s",
    ),
    "attributes are set": (
        "",
        "class f:\n    x = 1\n    def get(self): return self.x",
        "o = f(); o.x = 5; assert o.get() == 5",
        "o = f(); assert o.get() == 5",
    ),
    "its own equality": (
        "",
        (
            "class f:\n"
            "    def __init__(self, x): self.x = x\n"
            "    def __eq__(self, o): return isinstance(o, f) and self.x == o.x\n"
            "    def __hash__(self): return hash(self.x)\n"
            "    def __add__(self, o): return f(self.x + o.x)\n"
            "    def __lt__(self, o): return self.x < o.x\n"
            "    def __mul__(self, n): return f(self.x * n)"
        ),
        (
            "assert f(1) == f(1) and f(1) != f(2) and f(1) + f(2) == f(3) and f(2) * 2 == f(4) and "
            "len({f(1), f(1)}) == 1 and max([f(1), f(3), f(2)]) == f(3)"
        ),
        "assert f(1) == 1",
    ),
    "a dataclass": (
        "",
        ("from dataclasses import dataclass\n@dataclass(order=True)\nclass f:\n    x: int\n    y: int = 0"),
        "assert f(1) == f(1, 0) and f(1).x == 1 and f(1) < f(2) and repr(f(1)) == 'f(x=1, y=0)'",
        "assert f(1) == f(2)",
    ),
    "a named tuple": (
        "",
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(): return P(1, 2)",
        ("assert f() == (1, 2) and f().x == 1 and f()[1] == 2 and len(f()) == 2 and list(f()) == [1, 2]"),
        "assert f() == (1, 3)",
    ),
    "the problem's own class": (
        ("class Node:\n    def __init__(self, value, after=None): self.value, self.after = value, after"),
        (
            "def f(node):\n"
            "    before = None\n"
            "    while node: node.after, before, node = before, node, node.after\n"
            "    return before"
        ),
        (
            "n = f(Node(1, Node(2))); assert isinstance(n, Node) and n.value == 2 and n.after.value == 1 and "
            "n.after.after is None"
        ),
        "n = f(Node(1, Node(2))); assert n.value == 1",
    ),
    "the problem's own class, defined again": (
        "class Node:\n    def __init__(self, value): self.value = value",
        ("class Node:\n    def __init__(self, value): self.value = value\ndef f(node): return Node(node.value + 1)"),
        "assert f(Node(1)).value == 2",
        "assert f(Node(1)).value == 1",
    ),
    "a second class of the answer": (
        "",
        (
            "class Pair:\n"
            "    def __init__(self, a, b): self.a, self.b = a, b\n"
            "def f(pairs): return sum(p.a for p in pairs)"
        ),
        "assert f([Pair(1, 2), Pair(3, 4)]) == 4",
        "assert f([Pair(1, 2)]) == 2",
    ),
    "a function given": (
        "def square(x): return x * x",
        "def f(g, xs): return [g(x) for x in xs]",
        "assert f(lambda x: x + 1, [1]) == [2] and f(square, [3]) == [9] and f(str, [1]) == ['1']",
        "assert f(square, [3]) == [3]",
    ),
    "a function back": (
        "",
        "def f(n): return lambda x: x + n",
        "assert f(2)(3) == 5",
        "assert f(2)(3) == 6",
    ),
    "an object with methods given": (
        "class Api:\n    calls = 0\n    def guess(self, n): self.calls += 1; return n >= 7",
        "def f(api): return next(n for n in range(100) if api.guess(n))",
        "assert f(Api()) == 7",
        "assert f(Api()) == 8",
    ),
    "types of the library": (
        ("from collections import Counter, deque, defaultdict, OrderedDict\nfrom datetime import date, timedelta"),
        (
            "from collections import *\n"
            "from datetime import *\n"
            "def f(d): return Counter('aab'), deque([1]), defaultdict(list, k=[1]), d + timedelta(1), range(3)"
        ),
        (
            "c, q, d, day, r = f(date(2024, 2, 28)); assert c == Counter(a=2, b=1) and q == deque([1]) and "
            "d['x'] == [] and day == date(2024, 2, 29) and r == range(3) and c['z'] == 0"
        ),
        "assert f(date(2024, 2, 28))[0] == Counter()",
    ),
    "views of a dict": (
        "",
        "def f(d): return d.keys()",
        "assert f({1: 2}) == {1} and sorted(f({1: 2})) == [1]",
        "assert f({1: 2}) == {2}",
    ),
    "values that contain themselves": (
        "",
        ("def f():\n    a = [1]\n    a.append(a)\n    return a"),
        "a = f(); assert a[1] is a",
        "a = f(); assert a[0] == 2",
    ),
    "large values": (
        "",
        "def f(n): return list(range(n)), 7 ** 5000",
        "a, b = f(200000); assert a[-1] == 199999 and b == 7 ** 5000",
        "assert f(1)[1] == 7",
    ),
    "tolerance": (
        "import math",
        "def f(x): return x ** .5",
        "assert math.isclose(f(2), 1.41421356, rel_tol=1e-6)",
        "assert f(2) == 1.41421356",
    ),
    "a module that the answer imports": (
        "",
        "import math\ndef f(x): return math.pi * x",
        "assert abs(f(1) - math.pi) < 1e-9",
        "assert f(1) == 3",
    ),
    "truth": (
        "",
        "def f(x): return [0] if x else []",
        "assert f(1) and not f(0)",
        "assert f(0)",
    ),
    "a context": (
        "",
        (
            "class f:\n"
            "    def __enter__(self): self.open = True; return self\n"
            "    def __exit__(self, *e): self.open = False"
        ),
        "with f() as o:\n    assert o.open\nassert not o.open",
        "with f() as o:\n    assert not o.open",
    ),
    "state between cases": (
        "",
        "seen = []\ndef f(x): seen.append(x); return len(seen)",
        "assert f(1) == 1 and f(1) == 2",
        "assert f(1) == 2",
    ),
}


def verdict(setup, code, *cases):
    tests = {"kind": "python", "setup": setup, "cases": list(cases)}
    row = problem(problem_id="s/p", source="s", question="?", tests=tests, entry_point="f")
    return check(row, f"```python\n{code}\n```", SandboxConfig()).verdict


@pytest.mark.parametrize("name", SHAPES)
def test_a_case_sees_what_it_would_see_in_one_process(name):
    """Right answers pass whatever their shape, and the same cases can fail."""
    setup, code, right, wrong = SHAPES[name]
    assert verdict(setup, code, right) == "passed"
    assert verdict(setup, code, wrong) in {"failed", "error"}


@pytest.mark.parametrize(
    "setup", ["", "class Node:\n    def __init__(self, v): self.v = v\n    def same(self, o): return self.v == o.v"]
)
def test_an_answer_cannot_give_the_problems_objects_methods_of_its_own(setup):
    """The tests' class decides what its instances do, wherever they come from."""
    case = "assert f().same(Node(3))" if setup else "assert f() == 3"
    code = "def f():\n    try: n = Node(1)\n    except NameError: return 1\n    n.same = lambda o: True\n    return n"
    assert verdict(setup, code, case) != "passed"


def test_the_tests_helpers_are_not_the_answers():
    """LeetCode's helpers are in the setup; an answer that defines them anew gains nothing."""
    setup = "def run_f(kind, x): return kind().f(x)\ndef assert_f(result, wanted): assert result == wanted"
    lying = "def run_f(*a): return 4\ndef assert_f(*a): pass\nclass f:\n    def f(self, x): return 0"
    case = "def _case():\n    assert_f(run_f(f, 2), 4)\n\n_case()"
    assert verdict(setup, lying, case) == "failed"
    assert verdict(setup, lying.replace("return 0", "return 2 * x"), case) == "passed"


def test_broken_tests_are_no_fault_of_the_answer():
    """A case that does not compile would count against every right answer."""
    assert verdict("", "def f(): pass", "assert (") == "grader_error"
    assert verdict("import nowhere", "def f(): pass", "f()") == "grader_error"
