"""Ways around the limits of memory, and into the kernel."""

import os

import pytest

from tests.grading.test_awkward import DOUBLE, verdict
from z1ray.grading import memory
from z1ray.grading.config import SandboxConfig
from z1ray.grading.sandbox import run

LIMITS = SandboxConfig(timeout_s=20, memory_mib=256)
_LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\ndef show(r): print(r, ctypes.get_errno())\n"


@pytest.mark.parametrize(
    "call",
    [
        *("libc.shmget(0, 2**20, 0o1600)", "libc.msgget(0, 0o1600)"),
        *("libc.syscall(319, b'x', 0)", "libc.memfd_create(b'x', 0)", "libc.syscall(447, 0)"),
        *("libc.unshare(0x10000000)", "libc.unshare(0x20000)", "libc.syscall(56, 0x10000011, 0, 0, 0, 0)"),
        *("libc.setns(0, 0)", "libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0)", "libc.ptrace(0, 0, 0, 0)"),
        *("libc.syscall(250, 0, 0, 0, 0, 0)", "libc.syscall(425, 1, 0)", "libc.syscall(321, 0, 0, 0)"),
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls of x86_64")
def test_system_calls_that_escape_a_limit_are_refused(call):
    """Shared memory, memfd and nested namespaces held three times the limit."""
    assert run(f"{_LIBC}show({call})", LIMITS).stdout == "-1 1\n"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls of x86_64")
def test_other_ways_into_the_kernel_are_closed():
    """The same calls by the x32 numbers, and clone3, whose flags a filter cannot see."""
    assert run(f"{_LIBC}show(libc.syscall(0x40000000 + 319, b'x', 0))", LIMITS).stdout == "-1 38\n"
    assert run(f"{_LIBC}show(libc.syscall(435, 0, 88))", LIMITS).stdout == "-1 38\n"
    assert (
        run(
            "import os, threading\nt = threading.Thread(target=print)\nt.start()\n"
            "os._exit(os.wait()[1] if os.fork() else 0)",
            LIMITS,
        ).status
        == "ok"
    )


def test_python_knows_it_has_no_memfd():
    """What Python itself offers is refused like the rest."""
    assert "PermissionError" in run("import os\nos.memfd_create('x')", LIMITS).stderr


_MANY = """
import mmap, os, time
held = []
for child in range(8):
    if os.fork() == 0:
        held = {memory}
        time.sleep(1)
        os._exit(0)
for child in range(8):
    os.wait()
def double(x): return 2 * x
"""


@pytest.mark.parametrize(
    "held", ["bytearray(160 * 2**20)", "mmap.mmap(-1, 160 * 2**20); held.write(b'x' * 160 * 2**20)"]
)
def test_processes_share_one_limit(held):
    """Eight processes within their own limits held eight times the memory."""
    code = _MANY.format(memory=held)
    assert verdict(DOUBLE, code, SandboxConfig(timeout_s=60, memory_mib=512)) == "memory"
    assert verdict(DOUBLE, code.replace("160", "8"), SandboxConfig(timeout_s=60, memory_mib=512)) == "passed"


def test_a_control_group_ends_what_exceeds_it():
    """Where the kernel can count all processes of a run together, it does."""
    with memory.group(2**30) as group:
        if group is None:
            pytest.skip("no control group can be made here")
    code = _MANY.format(memory="bytearray(160 * 2**20)")
    before = memory.num_kills(group)
    run(code, SandboxConfig(timeout_s=60, memory_mib=256))
    with memory.group(2**30) as again:
        assert again == group
        assert memory.num_kills(group) > before
