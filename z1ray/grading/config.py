"""Limits for running untrusted code, wherever answers are checked."""

from dataclasses import dataclass

from z1ray.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Limits of one run of untrusted code.

    Attributes:
        timeout_s: Wall-clock limit, seconds.
        memory_mib: Address-space limit, MiB.
    """

    timeout_s: float = 10.0
    memory_mib: int = 1024

    def __post_init__(self) -> None:
        if self.timeout_s <= 0:
            raise UserError("sandbox.timeout_s", self.timeout_s, "no code finishes in that time", "set it above 0")
        if self.memory_mib < 64:
            raise UserError("sandbox.memory_mib", self.memory_mib, "Python itself needs more", "set it to 64 or more")
