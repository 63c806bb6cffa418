"""Limits for running untrusted code, wherever answers are checked."""

from dataclasses import dataclass

from z1ray.settings import check, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Limits of one run of untrusted code."""

    timeout_s: float = setting(10.0, "Wall-clock limit of one run, seconds.", above=0)
    total_timeout_s: float = setting(60.0, "Wall-clock limit over all inputs of one problem, seconds.", above=0)
    memory_mib: int = setting(
        1024,
        "Memory limit, MiB: of each process's addresses, and of all processes together. Python itself needs 64.",
        least=64,
    )
    require: bool = setting(
        True,
        "Refuse to run code where bubblewrap is missing or fails. If false, code then runs with weaker limits, "
        "able to read your files and to use the network: for demonstrations only.",
        role="operational",
    )
    packages: list[str] = setting(
        list,
        "Packages that code may import besides the standard library, those they need themselves included, "
        "e.g. [numpy]; or the absolute path of a folder of packages, all of which they then may import, e.g. "
        "[/opt/libraries/lib/python3.11/site-packages].",
    )

    def __post_init__(self) -> None:
        check(self, "sandbox")
