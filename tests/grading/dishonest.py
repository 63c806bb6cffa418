"""Programs that try to pass without solving the problem: `double(x)` is to be `2 * x`, a sum is to be printed.

To add one: a name and its code. None may pass; what they get instead does not matter.
"""

FUNCTIONS = {
    "exits": "import sys\ndef double(x): sys.exit(0)",
    "exits at once": "import os; os._exit(0)",
    "kills everything": "import os\nos.kill(-1, 9)",
    "kills its parent": "import os\nos.kill(os.getppid(), 9)",
    "interrupts its parent": "import os, signal\nfor s in (1, 2, 10, 12, 14, 15, 19):\n    os.kill(os.getppid(), s)",
    "prints a verdict": "print('passed')\ndef double(x): print('passed')",
    "writes verdicts everywhere": (
        "import os\n"
        "for fd in range(256):\n"
        "    try: os.write(fd, b'started\\npassed\\nnonce passed\\n')\n"
        "    except OSError: pass"
    ),
    "replaces exec": "import builtins\nbuiltins.exec = lambda *a, **k: None\ndef double(x): return 0",
    "replaces compile": (
        "import builtins\nbuiltins.compile = lambda *a, **k: (lambda: 0).__code__\ndef double(x): return 0"
    ),
    "replaces isinstance and all": (
        "import builtins\nbuiltins.isinstance = builtins.all = lambda *a: True\ndef double(x): return 0"
    ),
    "replaces AssertionError": "import builtins\nbuiltins.AssertionError = StopIteration\ndef double(x): return 0",
    "patches json": (
        "import json\n"
        'json.dumps = lambda *a, **k: \'{"verdict": "passed"}\'\n'
        "json.loads = dict\n"
        "def double(x): return 0"
    ),
    "patches pickle": (
        "import _pickle, pickle, io\n"
        "for m in (_pickle, pickle):\n"
        "    m.dumps = m.loads = m.Pickler = m.Unpickler = None\n"
        "def double(x): return 0"
    ),
    "patches os.write": "import os\nos.write = lambda fd, data: len(data)\ndef double(x): return 0",
    "patches marshal and sys.exit": (
        "import marshal, sys\nmarshal.loads = lambda data: 'passed'\nsys.exit = None\ndef double(x): return 0"
    ),
    "reaches the runner through __main__": (
        "import sys\n"
        "main = sys.modules['__main__']\n"
        "for name in list(vars(main)):\n"
        "    setattr(main, name, lambda *a, **k: 'passed')\n"
        "def double(x): return 0"
    ),
    "replaces every function of the runner": (
        "import sys, types\n"
        "for name, m in list(sys.modules.items()):\n"
        "    if name.startswith('z1ray'):\n"
        "        for k, v in list(vars(m).items()):\n"
        "            if isinstance(v, types.FunctionType): setattr(m, k, lambda *a, **k: 'passed')\n"
        "def double(x): return 0"
    ),
    "an object equal to everything": (
        "class All:\n    def __eq__(self, other): return True\n    __hash__ = None\ndef double(x): return All()"
    ),
    "a number equal to everything": (
        "class All(int):\n    def __eq__(self, other): return True\n    __hash__ = None\ndef double(x): return All(7)"
    ),
    "a float that is always more": (
        "class All(float):\n"
        "    def __eq__(self, o): return True\n"
        "    __gt__ = __lt__ = __ge__ = __le__ = __eq__\n"
        "    __hash__ = None\n"
        "def double(x): return All(1.0)"
    ),
    "the function is a class equal to everything": (
        "class double:\n"
        "    def __init__(self, x): pass\n"
        "    def __eq__(self, o): return True\n"
        "    __gt__ = __eq__\n"
        "    __hash__ = None"
    ),
    "a metaclass equal to everything": (
        "class M(type):\n"
        "    def __eq__(self, o): return True\n"
        "    __gt__ = __eq__\n"
        "    __hash__ = type.__hash__\n"
        "class A(metaclass=M): pass\n"
        "def double(x): return A"
    ),
    "differences that are zero": (
        "class Z:\n"
        "    def __sub__(self, o): return 0\n"
        "    __rsub__ = __add__ = __sub__\n"
        "    def __abs__(self): return 0\n"
        "    def __gt__(self, o): return True\n"
        "def double(x): return Z()"
    ),
    "a mock": "from unittest.mock import MagicMock, ANY\ndef double(x): return ANY",
    "its own /proc/self/mem": (
        "import os\n"
        "with open('/proc/self/maps') as maps:\n"
        "    lines = [l.split()[0] for l in maps if ' rw' in l]\n"
        "with open('/proc/self/mem', 'r+b', 0) as mem:\n"
        "    for l in lines:\n"
        "        a, b = (int(x, 16) for x in l.split('-'))\n"
        "        try:\n"
        "            mem.seek(a); data = mem.read(b - a)\n"
        "            mem.seek(a); mem.write(data.replace(b'failed', b'passed'))\n"
        "        except (OSError, ValueError, OverflowError): pass\n"
        "def double(x): return 0"
    ),
    "the memory of all processes": (
        "import os\n"
        "for pid in [p for p in os.listdir('/proc') if p.isdigit()]:\n"
        "    if int(pid) == os.getpid(): continue\n"
        "    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'r+b', 0) as mem: mem.write(b'x')\n"
        "def double(x): return 2 * x"
    ),
    "the files of its parent": (
        "import os\n"
        "for fd in os.listdir(f'/proc/{os.getppid()}/fd'):\n"
        "    print(open(f'/proc/{os.getppid()}/fd/{fd}', 'rb').read())\n"
        "def double(x): return 2 * x"
    ),
    "ptrace": (
        "import ctypes, os\n"
        "assert ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0) == 0\n"
        "def double(x): return 2 * x"
    ),
    "frames": (
        "import sys\n"
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    frame.f_globals.update(dict.fromkeys(('verdict', 'passed'), 'passed'))\n"
        "    for k, v in list(frame.f_locals.items()):\n"
        "        if isinstance(v, list): v.clear()\n"
        "    frame = frame.f_back\n"
        "def double(x): return 0"
    ),
    "frames of the caller": (
        "import sys\n"
        "def double(x):\n"
        "    f = sys._getframe()\n"
        "    while f:\n"
        "        f.f_trace = lambda *a: None; f = f.f_back\n"
        "    return 0"
    ),
    "the collector's objects": (
        "import gc\n"
        "for o in gc.get_objects():\n"
        "    try:\n"
        "        if isinstance(o, list) and o and isinstance(o[0], str) and 'assert' in o[0]: o.clear()\n"
        "    except Exception: pass\n"
        "def double(x): return 0"
    ),
    "tracing": ("import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\ndef double(x): return 0"),
    "an exit handler": "import atexit, os\natexit.register(print, 'passed')\natexit.register(os._exit, 0)",
    "a thread that ends it all": (
        "import threading, time, os\nthreading.Thread(target=os._exit, args=(0,)).start(); time.sleep(5)"
    ),
    "asks the reader to stop": "def double(x): raise StopIteration",
    "raises an end of generation": "def double(x): raise GeneratorExit",
    "redefines the tests' helpers": "def isclose(*a): return True\nclass math: inf = 0\ndef double(x): return 0",
    "redefines builtins beside the function": (
        "def abs(x): return 0\ndef all(x): return True\nlen = abs\ndef double(x): return 0"
    ),
    "noise before right code": (
        "import os\n"
        "for fd in range(3, 9):\n"
        "    try: os.write(fd, b'x')\n"
        "    except OSError: pass\n"
        "def double(x): return 2 * x"
    ),
    "a huge message": (
        "import os\n"
        "for fd in range(3, 9):\n"
        "    try: os.write(fd, b'\\xff' * 64)\n"
        "    except OSError: pass\n"
        "def double(x): return 2 * x"
    ),
    "pickles with classes": (
        "import os, pickle\n"
        "class E:\n"
        "    def __reduce__(self): return (exec, (\"import os; os.write(1, b'passed')\",))\n"
        "d = pickle.dumps(('value', E()))\n"
        "for fd in range(3, 9):\n"
        "    try: os.write(fd, len(d).to_bytes(8, 'big') + d)\n"
        "    except OSError: pass\n"
        "def double(x): return 0"
    ),
    "answers before it is asked": (
        "import os, pickle\n"
        "d = pickle.dumps(('value', [4]))\n"
        "for fd in range(3, 9):\n"
        "    for _ in range(9):\n"
        "        try: os.write(fd, len(d).to_bytes(8, 'big') + d)\n"
        "        except OSError: break\n"
        "def double(x): return 0"
    ),
    "changes a reducer": (
        "import copyreg\n"
        "copyreg.pickle(int, lambda i: (eval, ('__import__(\"os\")._exit(0)',)))\n"
        "def double(x): return 0"
    ),
    "preloads a library": (
        "import os, sys\nos.execve(sys.executable, [sys.executable, '-c', 'print(\"passed\")'], {'PYTHONINSPECT': '1'})"
    ),
    "leaves a process behind": (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    while True:\n"
        "        os.write(1, b'passed\\n'); time.sleep(0.01)\n"
        "def double(x): return 0"
    ),
    "tampers with the compiled runner": (
        "import glob\n"
        "for f in glob.glob('/program/**/*', recursive=True):\n"
        "    open(f, 'wb')\n"
        "def double(x): return 2 * x"
    ),
}

PROGRAMS = {
    "exits": "import sys; sys.exit(0)",
    "prints every number": "for n in range(100): print(n)",
    "reads the wanted output": (
        "import os\n"
        "for fd in range(3, 64):\n"
        "    try:\n"
        "        data = os.pread(fd, 4096, 0) or os.read(fd, 4096)\n"
        "        os.write(1, data)\n"
        "    except OSError: pass"
    ),
    "looks into its parent": (
        "import os, re\n"
        "p = os.getppid()\n"
        "for l in open(f'/proc/{p}/maps'):\n"
        "    pass\n"
        "open(f'/proc/{p}/mem', 'rb')\n"
        "print(sum(map(int, input().split())))"
    ),
    "reads its parent's input": (
        "import os\nprint(open(f'/proc/{os.getppid()}/fd/0').read())\nprint(sum(map(int, input().split())))"
    ),
    "waits for the wanted output in its memory": (
        "import gc, sys\nprint(*[o for o in gc.get_objects() if isinstance(o, str) and o.isdigit()], sep='\\n')"
    ),
    "kills the judge": "import os\nos.kill(os.getppid(), 9)",
    "a verdict on every file": (
        "import os\nfor fd in range(64):\n    try: os.write(fd, b'started\\npassed\\n')\n    except OSError: pass"
    ),
    "nothing": "",
    "an infinity": "print('inf')",
    "not a number": "print('nan')",
}
