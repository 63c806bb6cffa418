"""Right programs that a sandbox easily gets wrong. To add one: a name and its code; all must pass.

FUNCTIONS define `double(x)`, which is to be `2 * x` for any number; PROGRAMS print the sum of the
numbers in their input.
"""

FUNCTIONS = {
    "a thread": (
        "import threading\n"
        "def double(x):\n"
        "    out = []\n"
        "    t = threading.Thread(target=lambda: out.append(2 * x))\n"
        "    t.start(); t.join()\n"
        "    return out[0]"
    ),
    "many threads": (
        "import threading\n"
        "def double(x):\n"
        "    out = []\n"
        "    ts = [threading.Thread(target=out.append, args=(x,)) for _ in range(32)]\n"
        "    [t.start() for t in ts]; [t.join() for t in ts]\n"
        "    return out[0] + out[31]"
    ),
    "a thread with a large stack": (
        "import sys, threading\n"
        "threading.stack_size(64 * 2**20)\n"
        "def double(x):\n"
        "    out = []\n"
        "    t = threading.Thread(target=lambda: out.append(2 * x)); t.start(); t.join()\n"
        "    return out[0]"
    ),
    "a pool of threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def double(x):\n"
        "    with ThreadPoolExecutor(16) as pool:\n"
        "        return sum(pool.map(lambda y: y, [x, x]))"
    ),
    "a lock of multiprocessing": (
        "import multiprocessing\nlock = multiprocessing.Lock()\ndef double(x):\n    with lock: return 2 * x"
    ),
    "a queue of multiprocessing": (
        "import multiprocessing as mp\n"
        "def work(q, x): q.put(2 * x)\n"
        "def double(x):\n"
        "    q = mp.Queue()\n"
        "    p = mp.Process(target=work, args=(q, x)); p.start()\n"
        "    r = q.get(); p.join()\n"
        "    return r"
    ),
    "a pool of processes": (
        "import multiprocessing as mp\n"
        "def twice(x): return 2 * x\n"
        "def double(x):\n"
        "    with mp.Pool(2) as pool: return pool.map(twice, [x])[0]"
    ),
    "a server of its own": (
        "import socket\n"
        "def double(x):\n"
        "    with socket.create_server(('localhost', 0)) as server:\n"
        "        with socket.create_connection(server.getsockname()) as client:\n"
        "            client.sendall(b'2')\n"
        "            return int(server.accept()[0].recv(1)) * x"
    ),
    "a shell": (
        "import subprocess\n"
        "def double(x):\n"
        "    said = subprocess.run('echo two; exit 3', shell=True, capture_output=True, text=True)\n"
        "    return 2 * x if (said.stdout, said.returncode) == ('two\\n', 3) else None"
    ),
    "a subprocess": (
        "import subprocess, sys\n"
        "def double(x):\n"
        "    return 2 * x if subprocess.run(['/usr/bin/true']).returncode == 0 else None"
    ),
    "asyncio": (
        "import asyncio\n"
        "async def work(x):\n"
        "    await asyncio.sleep(0)\n"
        "    return 2 * x\n"
        "def double(x): return asyncio.run(work(x))"
    ),
    "who am I": (
        "import pwd, os, getpass\n"
        "assert pwd.getpwuid(os.getuid()).pw_name == getpass.getuser()\n"
        "def double(x): return 2 * x"
    ),
    "which group": "import grp, os\ngrp.getgrgid(os.getgid())\ndef double(x): return 2 * x",
    "a home": (
        "import pathlib, os\n"
        "assert os.path.expanduser('~') == str(pathlib.Path.home()) == '/tmp'\n"
        "def double(x): return 2 * x"
    ),
    "deep recursion": (
        "import sys\n"
        "sys.setrecursionlimit(10**6)\n"
        "def down(n): return 0 if n == 0 else 1 + down(n - 1)\n"
        "def double(x): return 2 * x if down(50000) else 0"
    ),
    "deep recursion through a cache": (
        "import sys\n"
        "from functools import cache\n"
        "sys.setrecursionlimit(10**6)\n"
        "@cache\n"
        "def down(n): return 0 if n == 0 else 1 + down(n - 1)\n"
        "def double(x): return 2 * x if down(30000) else 0"
    ),
    "a class with the method": "class T:\n    def double(self, x): return 2 * x\ndouble = T().double",
    "a callable object": "class T:\n    def __call__(self, x): return 2 * x\ndouble = T()",
    "a lambda": "double = lambda x: 2 * x",
    "a decorated function": "from functools import lru_cache\n@lru_cache(None)\ndef double(x): return 2 * x",
    "a partial": "from functools import partial\nimport operator\ndouble = partial(operator.mul, 2)",
    "a class whose instance is a number": (
        "class double(float):\n    def __new__(cls, x): return float.__new__(cls, 2 * x)"
    ),
    "an IntEnum": (
        "import enum\nclass E(enum.IntEnum):\n    FOUR = 4\ndef double(x): return E.FOUR if x == 2 else 2 * x"
    ),
    "a fraction": "from fractions import Fraction\ndef double(x): return Fraction(4) if x == 2 else 2 * x",
    "a decimal": "from decimal import Decimal\ndef double(x): return Decimal(4) if x == 2 else 2 * x",
    "a complex number": "def double(x): return complex(4) if x == 2 else 2 * x",
    "much output": "def double(x):\n    print('x' * 2**24)\n    return 2 * x",
    "output to errors": (
        "import sys\ndef double(x):\n    sys.stderr.write('y' * 2**20); sys.stderr.flush()\n    return 2 * x"
    ),
    "odd output": "def double(x):\n    print('\\udcff', b'\\xff')\n    return 2 * x",
    "closed streams": "import sys\nsys.stdout.close()\ndef double(x): return 2 * x",
    "no input": "import sys\nassert sys.stdin.read() == ''\ndef double(x): return 2 * x",
    "files": (
        "import tempfile\n"
        "def double(x):\n"
        "    with tempfile.NamedTemporaryFile('w+') as f:\n"
        "        f.write('a'); f.seek(0)\n"
        "        return 2 * x if f.read() == 'a' else 0"
    ),
    "a database": (
        "import sqlite3\n"
        "def double(x):\n"
        "    return sqlite3.connect(':memory:').execute('select 1').fetchone()[0] * 2 * x"
    ),
    "signals": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\nsignal.alarm(1)\ndef double(x): return 2 * x"
    ),
    "an alarm's time-out": (
        "import signal, time\n"
        "def double(x):\n"
        "    signal.signal(signal.SIGALRM, lambda *a: 1 / 0)\n"
        "    signal.setitimer(signal.ITIMER_REAL, .05)\n"
        "    try: time.sleep(3)\n"
        "    except ZeroDivisionError: return 2 * x"
    ),
    "a module named like a helper": (
        "import random as judge, string as answer, operator as remote\ndef double(x): return 2 * x"
    ),
    "names of the tests": "wanted = cases = verdict = 0\ndef check(x): return 0\ndef double(x): return 2 * x",
    "no site module": "def double(x):\n    try: exit(0)\n    except SystemExit: return 2 * x",
    "its source's future": "from __future__ import annotations\ndef double(x: Undefined) -> Undefined: return 2 * x",
    "dataclasses": (
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Box:\n"
        "    x: int\n"
        "def double(x): return Box(2 * x).x"
    ),
    "pickles itself": ("import pickle\nclass A: pass\npickle.loads(pickle.dumps(A()))\ndef double(x): return 2 * x"),
    "ctypes": "import ctypes\ndef double(x): return 2 * x",
    "a large number": "def double(x): return 2 * x + 10**5000 - 10**5000 if x == 2 else 2 * x",
    "a monkey's builtins": "import builtins\nbuiltins.print = lambda *a: None\ndef double(x): return 2 * x",
    "a demo": "def double(x): return 2 * x\nif __name__ == '__main__':\n    print(double(int(input())))",
    "a non-breaking text": "s = 'é世界'\ndef double(x): return 2 * x",
    "time zones": "import zoneinfo, time\ntime.tzset()\ndef double(x): return 2 * x",
    "locale": "import locale\nlocale.setlocale(locale.LC_ALL, '')\ndef double(x): return 2 * x",
    "its own process": (
        "import os\nassert open('/proc/self/status').read()\nos.listdir('/proc/self/fd')\ndef double(x): return 2 * x"
    ),
    "memory it may have": "def double(x):\n    b = bytearray(64 * 2**20)\n    return 2 * x",
}

PROGRAMS = {
    "input": "print(sum(map(int, input().split())))",
    "all of stdin": "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
    "lines of stdin": "import sys\nfor line in sys.stdin: print(sum(map(int, line.split())))",
    "bytes of stdin": "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))",
    "readline": "import sys\ninput = sys.stdin.readline\nprint(sum(map(int, input().split())))",
    "file 0": "print(sum(map(int, open(0).read().split())))",
    "/dev/stdin": "print(sum(map(int, open('/dev/stdin').read().split())))",
    "as much as there is": "import os\nprint(sum(map(int, os.read(0, os.fstat(0).st_size).split())))",
    "a map of stdin": "import mmap\nprint(sum(map(int, mmap.mmap(0, 0, prot=mmap.PROT_READ).read().split())))",
    "raw output": "import os\nos.write(1, str(sum(map(int, input().split()))).encode())",
    "buffered output": (
        "import io, os, sys\n"
        "out = io.StringIO()\n"
        "print(sum(map(int, input().split())), file=out)\n"
        "sys.stdout.write(out.getvalue())"
    ),
    "output at exit": "import atexit\ns = sum(map(int, input().split()))\natexit.register(lambda: print(s))",
    "output from a thread": (
        "import sys, threading\n"
        "sys.setrecursionlimit(10**6)\n"
        "threading.stack_size(2**26)\n"
        "def main(): print(sum(map(int, input().split())))\n"
        "threading.Thread(target=main).start()"
    ),
    "main": ("def main():\n    print(sum(map(int, input().split())))\nif __name__ == '__main__':\n    main()"),
    "exit": "print(sum(map(int, input().split())))\nexit()",
    "exit with 0": "import sys\nprint(sum(map(int, input().split())))\nsys.exit(0)",
    "quit at once": "import os\nprint(sum(map(int, input().split())), flush=True)\nos._exit(0)",
    "blank lines around": "print('\\n\\n', sum(map(int, input().split())), '\\n')",
    "noise to errors": "import sys\nprint('x' * 2**20, file=sys.stderr)\nprint(sum(map(int, input().split())))",
    "the end of input": (
        "s = 0\nwhile True:\n    try: s += sum(map(int, input().split()))\n    except EOFError: break\nprint(s)"
    ),
    "a main module": (
        "import sys\nassert sys.modules['__main__'].__dict__ is globals()\nprint(sum(map(int, input().split())))"
    ),
    "threads and locks": (
        "import multiprocessing as mp\n"
        "def work(q, n): q.put(sum(n))\n"
        "if __name__ == '__main__':\n"
        "    q = mp.Queue()\n"
        "    p = mp.Process(target=work, args=(q, list(map(int, input().split())))); p.start(); "
        "print(q.get()); p.join()"
    ),
}
