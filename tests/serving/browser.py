"""The playground in headless Chromium: what a visitor does, and what they see."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

Driver = webdriver.Chrome
PARTS = ("thinking", "hint", "answer")
# The text of each part of a pane, whitespace and all, and the numbers it shows.
Sight = tuple[dict[str, str], dict[str, int]]
_SIGHT = """
    const [pane, parts] = [document.querySelector(`[data-pane=${arguments[0]}]`), arguments[1]];
    const texts = (name) => parts.map((part) => pane.querySelector(`[data-${name}=${part}]`).textContent);
    const sight = () => [texts("part"), texts("count").map(Number)];"""


@contextmanager
def chromium() -> Iterator[Driver]:
    """A fresh browser with nothing stored; fails, naming the remedy, where none is installed."""
    paths = [shutil.which("chromium"), shutil.which("chromedriver")]
    assert all(paths), "the playground's tests need a browser: sudo apt-get install chromium chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = str(paths[0])
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(paths[1]))
    try:
        yield driver
    finally:
        driver.quit()


def find(driver: Driver, selector: str) -> WebElement:
    return driver.find_element(By.CSS_SELECTOR, selector)


def fill(driver: Driver, selector: str, text: str | int) -> None:
    """Replace what stands in a field, by typing."""
    field = find(driver, selector)
    field.clear()
    field.send_keys(str(text))


def wait_for(driver: Driver, condition: Callable[[Driver], Any]) -> Any:
    """Wait until a condition holds, long enough for a busy machine."""
    return WebDriverWait(driver, 240, poll_frequency=0.1).until(condition)


def open_page(driver: Driver, address: str, key: str = "") -> None:
    """Open the playground, give it a key, and wait until it knows the models."""
    driver.get(f"{address}/playground")
    if key:
        # Leaving the field is what makes the page try the key.
        fill(driver, "#key", f"{key}\t")
    wait_for(driver, lambda page: page.find_elements(By.CSS_SELECTOR, "#model option"))
    console(driver)  # what was said before there was a key


def ended(driver: Driver) -> bool:
    """Whether both runs are over."""
    return find(driver, "#send").is_enabled()


def sight(driver: Driver, pane: str) -> Sight:
    """What a pane shows at one moment.

    The page goes on drawing between two questions of the driver; within one it does not.
    """
    return _named(driver.execute_script(f"{_SIGHT} return sight();", pane, PARTS))


def keep_sights(driver: Driver, pane: str) -> None:
    """Have the page keep what a pane shows, each time it is drawn; a driver that asks again and again may miss it."""
    changes = "{subtree: true, childList: true, characterData: true}"
    keep = f"{_SIGHT} window.sights = []; new MutationObserver(() => sights.push(sight())).observe(pane, {changes});"
    driver.execute_script(keep, pane, PARTS)


def kept_sights(driver: Driver) -> list[Sight]:
    """What was kept since ``keep_sights``."""
    return [_named(each) for each in driver.execute_script("return window.sights")]


def _named(found: tuple[list[str], list[int]]) -> Sight:
    texts, numbers = found
    return dict(zip(PARTS, texts, strict=True)), dict(zip(PARTS, numbers, strict=True))


def parts(driver: Driver, pane: str) -> dict[str, str]:
    """The text of each part of a pane."""
    return sight(driver, pane)[0]


def counts(driver: Driver, pane: str) -> dict[str, int]:
    """The numbers a pane shows."""
    return sight(driver, pane)[1]


def error(driver: Driver, place: str) -> str:
    """The error shown in a pane or above the form; empty while there is none."""
    return find(driver, f"{place}.error").text


def console(driver: Driver) -> list[str]:
    """What the browser complained about since it was last asked."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]


def text_of(driver: Driver, selector: str) -> str:
    """An element's text as it is in the page, whitespace and all."""
    return str(find(driver, selector).get_property("textContent") or "")


def overflow(driver: Driver) -> int:
    """By how many pixels the page is wider than its window."""
    return int(driver.execute_script("return document.documentElement.scrollWidth - innerWidth"))


def photograph(driver: Driver, target: Path) -> None:
    """A picture of the whole page, as wide as a README shows it."""
    metrics = {"width": 1200, "height": 400, "deviceScaleFactor": 1.5, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    metrics["height"] = driver.execute_script("return document.documentElement.scrollHeight")
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    target.write_bytes(driver.get_screenshot_as_png())
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": False})
