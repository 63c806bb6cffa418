"""Fixtures shared by the suite: models, and one small real Ray cluster."""

import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.models import two_layers
from tests.scheduling import ByGroup, longest_first
from z1ray.connect import SERVE_ENV
from z1ray.models import embedded, miniature

RUNS = Path(__file__).parent.parent / "runs"

# Nothing in the suite may reach for a hub, and every Ray process of it shares one token.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("DS_ACCELERATOR", "cpu")
os.environ.update(SERVE_ENV)
# Serve's lines, several per request, go to its log files; copied to this process's screen they cost it half a core.
os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "0")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    """Divide the tests among pytest-xdist's processes by group, in the order of ``longest_first``."""
    config.option.loadscopereorder = False
    return ByGroup(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long groups first."""
    longest_first(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why a test was run again, which a pass would hide."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"run again: {report.nodeid}")
        terminalreporter.line(report.longreprtext)


@pytest.fixture(autouse=True)
def lines_start_afresh() -> None:
    """What one test set up for z1ray's lines must not hide another's log records."""
    log = logging.getLogger("z1ray")
    log.handlers, log.propagate = [], True


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The embedded model, converted once per checkout."""
    folder = RUNS / "models" / embedded.NAME
    embedded.prepare(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two random layers behind SmolLM2's tokenizer: every real code path, in seconds."""
    return two_layers(embedded.load_tokenizer(), tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def quick_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same behind the miniature's 419 tokens, for tests that have engines write much.

    To draw one of 49,152 with a request's own seed takes a CPU longer than the layers do.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(miniature.SHIPPED)
    return two_layers(tokenizer, tmp_path_factory.mktemp("models") / "quick")


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """A Ray cluster of this process: twelve logical CPUs, no dashboard."""
    import ray

    # Processes tell their metrics every second, not every ten: tests wait for them.
    often = {"metrics_report_interval_ms": 1000}
    ray.init(
        address="local",
        num_cpus=12,
        include_dashboard=False,
        object_store_memory=500_000_000,
        _system_config=often,
    )
    yield
    ray.shutdown()
