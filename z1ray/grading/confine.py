"""First program inside the sandbox: gives up rights, sets limits, becomes the real program.

Standard library only; run as ``python -c <this text> uid memory cpu files processes program``.
A uid of -1 keeps the one there is. Limits set here hold for every process that follows.
"""

import os
import resource
import sys


def confine(uid: int, memory_bytes: int, cpu_s: int, file_bytes: int, num_processes: int, program: str) -> None:
    """Never returns: replaces this process by an isolated Python that runs ``program``."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NPROC: num_processes,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
    }
    for kind, asked in limits.items():
        hard = resource.getrlimit(kind)[1]
        limit = asked if hard == resource.RLIM_INFINITY else min(asked, hard)
        resource.setrlimit(kind, (limit, limit))
    if uid >= 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-B", "-X", "utf8", program])


if __name__ == "__main__":
    uid, memory, cpu, files, processes = (int(word) for word in sys.argv[1:6])
    confine(uid, memory, cpu, files, processes, sys.argv[6])
