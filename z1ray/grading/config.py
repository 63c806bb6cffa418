"""Limits for running untrusted code, wherever answers are checked."""

from dataclasses import dataclass, field

from z1ray.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Limits of one run of untrusted code.

    Attributes:
        timeout_s: Wall-clock limit of one run, seconds.
        total_timeout_s: Wall-clock limit over all inputs of one problem, seconds.
        memory_mib: Memory limit, MiB: of each process's addresses, and of all processes together.
        require: Refuse to run code where bubblewrap is missing or fails. False runs it with weaker
            limits there, able to read your files and use the network: for demonstrations only.
        packages: Packages that code may import besides the standard library, by the names they are
            imported by, their own dependencies included; e.g. ``[numpy]``.
    """

    timeout_s: float = 10.0
    total_timeout_s: float = 60.0
    memory_mib: int = 1024
    require: bool = True
    packages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("timeout_s", "total_timeout_s"):
            if getattr(self, name) <= 0:
                raise UserError(
                    f"sandbox.{name}", getattr(self, name), "no code finishes in that time", "set it above 0"
                )
        if self.memory_mib < 64:
            raise UserError("sandbox.memory_mib", self.memory_mib, "Python itself needs more", "set it to 64 or more")
