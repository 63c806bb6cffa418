"""A run's page in headless Chromium: its figures and texts are seen, and nothing a model wrote runs."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.serving.browser import Driver, chromium, console, find, overflow, text_of
from tests.trajectories.made import quarantined, trajectory, write_run
from z1ray import artifacts
from z1ray.engine.config import EngineConfig
from z1ray.launch import guarded
from z1ray.problems.config import SourceConfig
from z1ray.records import Row
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig
from z1ray.trajectories.progress.runs import record_run
from z1ray.trajectories.view import show as view
from z1ray.trajectories.view.manifest import summarize
from z1ray.trajectories.view.page import write_page

LENGTHS = {"short": [3, 40, 41, 90, 120], "long": [700, 1500, 1800, 6000, 30_000]}
OVER = "prompt too long: 9000 tokens are over the context"
CONFIG = GenerateConfig(
    teachers={"tiny": TeacherConfig(model="tiny-teacher", engine=EngineConfig(device="gpu"))},
    problems=[SourceConfig(kind="leetcode")],
    modes={"short": ModeConfig(max_tokens=150), "long": ModeConfig(max_tokens=30_000)},
)


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server a hostile page could call, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def hostile(address: str) -> str:
    return (
        f"\n</pre><script src={address}/script.js></script><script>document.title='owned'</script>"
        f"<img src='{address}/image.png' onerror=\"document.title='owned'\">"
        f"<style>body {{ background: url({address}/style.png) }}</style>\n\tif a < b && c > d:"
    )


def finished_rows() -> list[Row]:
    return [
        trajectory(f"p/{mode}-{n}", mode, num_tokens=n, finish_reason="length" if n == 30_000 else "stop")
        for mode, lengths in LENGTHS.items()
        for n in lengths
    ]


@pytest.fixture(scope="module")
def visit(tmp_path_factory) -> Iterator[tuple[Driver, str, list[str], Path]]:
    """The page of a finished run, open: the browser, its hostile text, what was asked for, the folder."""
    output = tmp_path_factory.mktemp("page") / "my <run>" / "trajectories"
    with listener() as (address, asked), chromium() as driver:
        text = hostile(address)
        rows = [*finished_rows(), trajectory("p/evil", "short", text=text, num_tokens=2)]
        bad = [quarantined("p/over", OVER), quarantined("p/empty", "question is empty", "long")]
        artifacts.begin(output, CONFIG)
        with record_run(output, 0) as run, run.engines("tiny", CONFIG.teachers["tiny"].engine):
            write_run(output, rows + bad)
        artifacts.finish(output, time.time(), **summarize(output, CONFIG))
        driver.get(write_page(output).as_uri())
        yield driver, text, asked, output


def contrast(driver: Driver, selector: str, style: str) -> float:
    """WCAG contrast of an element's colour against the page's ground."""
    code = """
    const luminance = colour => {
      const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const pair = [getComputedStyle(document.querySelector(arguments[0]))[arguments[1]],
                  getComputedStyle(document.body).backgroundColor].map(luminance).sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
    """
    return float(driver.execute_script(code, selector, style))


def test_each_mode_has_a_histogram_of_all_its_lengths(visit):
    """The first thing asked of a run is how long its answers are; a bar's height must be its count."""
    driver = visit[0]
    code = """return [...document.querySelectorAll('figure')].map(figure => [
      figure.querySelector('b').textContent,
      [...figure.querySelectorAll('rect')].map(r => [r.textContent, r.getBoundingClientRect().height])])"""
    figures = dict(driver.execute_script(code))
    assert set(figures) == {"short", "long"}
    for mode, num in (("short", 6), ("long", 5)):
        bars = [(int(title.rsplit(": ")[1].replace(",", "")), height) for title, height in figures[mode]]
        assert sum(count for count, _ in bars) == num
        unit = max(height for _, height in bars) / max(count for count, _ in bars)
        assert unit > 10, "the bars are not to be seen"
        assert all(abs(height - count * unit) < 1 for count, height in bars)


def test_the_figures_are_the_manifest_s(visit):
    """Counts, finish reasons, quarantined with reasons, tokens, versions and settings are what people quote."""
    driver, _, _, output = visit
    assert find(driver, "h1").text == "my <run>/trajectories"
    modes = find(driver, "#modes").text
    assert "long 6 1 error 1, length 1, stop 4 85 40,000 1,800 30,000 30,000 30,000" in modes
    reasons = find(driver, "#quarantined").text
    assert "prompt too long 1" in reasons
    assert "question is empty 1" in reasons
    facts = find(driver, "#facts").text
    speed = artifacts.manifest(output)["cost"]["tokens_per_gpu_second"]
    assert speed > 0
    assert "trajectories 13\nquarantined 2\nprompt tokens 187\ntokens 40,296" in facts
    assert f"tokens per gpu second {speed:,}" in facts
    assert text_of(driver, "#config") == (output / "config.yaml").read_text()
    assert "pyarrow" in find(driver, "#versions").text


def test_chosen_trajectories_open_with_prompt_and_text(visit):
    """The longest, the shortest and the failed are where a run's trouble shows."""
    driver = visit[0]
    longest = find(driver, "#longest details")
    assert "p/long-30000#long#0" in longest.text
    assert "The answer to p/long-30000" not in longest.text
    longest.find_element("css selector", "summary").click()
    for text in ("Think long.", "Solve p/long-30000.", "The answer to p/long-30000, long.", "max_tokens 150, seed 7"):
        assert text in longest.text
    assert OVER in text_of(driver, "#failed")
    assert len(driver.find_elements("css selector", "#random details")) == 6


def test_what_a_model_wrote_is_text_and_runs_nothing(visit):
    """The page is opened by people with access to much; a trajectory must not act in their name."""
    driver, text, asked, _ = visit
    find(driver, "#shortest summary").click()
    assert text_of(driver, "#shortest .text") == text
    assert "document.title='owned'" in find(driver, "#shortest .text").text
    assert driver.title == "z1ray: my <run>/trajectories"
    assert driver.execute_script("return document.querySelectorAll('script, img, link, iframe').length") == 0
    assert driver.execute_script("return performance.getEntriesByType('resource').map(e => e.name)") == []
    assert asked == []
    assert console(driver) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_by_day_and_by_night(visit, scheme):
    """The page follows the system's colours; text needs a contrast of 4.5, bars of 3."""
    driver = visit[0]
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    dark = driver.execute_script("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    assert contrast(driver, "body", "color") > 4.5
    assert contrast(driver, ".tick", "fill") > 4.5
    assert contrast(driver, "rect", "fill") > 3


def test_a_phone_shows_it_without_scrolling_sideways(visit):
    """A long id or table must not make the whole page wide."""
    driver = visit[0]
    metrics = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert overflow(driver) <= 0
        # A table that does not fit scrolls; squeezed names would stand letter below letter.
        assert find(driver, "#modes tr:last-child td").size["height"] < 40
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def status_of_html(run: Path) -> int:
    """What the launcher ends with when it is asked for the page."""
    args = view.parser(None).parse_args([str(run), "--html"])
    return guarded(lambda: view.show(args))


def test_the_command_writes_the_page_of_a_run_that_is_not_finished(tmp_path, capsys):
    """Whoever watches a run for a day wants its histograms before it ends; the page says that it has not."""
    run = tmp_path / "trajectories"
    artifacts.begin(run, CONFIG)
    write_run(run, finished_rows())
    (run / "data" / "part-9.parquet").write_bytes(b"PAR1 and the rest is on its way")
    assert status_of_html(run) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    page = (run / "report.html").read_text()
    assert "not finished" in page
    assert page.count("<figure>") == 2
    assert not list(run.glob("*.partial"))


def test_a_folder_in_which_no_run_began_is_refused(tmp_path, capsys):
    """Rows alone do not say what was asked; a page of them would be half empty."""
    assert status_of_html(write_run(tmp_path, finished_rows())) == 2
    assert "there is no config.yaml" in capsys.readouterr().err
