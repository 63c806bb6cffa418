"""The page of all problems and answers, in a real browser, reached as a reader reaches it: from the report's curve."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.evaluation.rows import graded
from tests.serving.browser import Driver, chromium, console, fill, find, text_of, wait_for
from z1ray import artifacts
from z1ray.evaluation.answers_page import shorten
from z1ray.evaluation.report import write_report
from z1ray.records import EVALUATION_ROW, write_rows

EVIL = "</script><script>document.title = 'taken over'</script>"
NUM = 3000
SOLVED = 2


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 problems at two budgets; the larger solves two of them, and every text is hostile."""
    rows = [
        graded(
            problem_id=f"p{n:04d}",
            thinking_budget=budget,
            thinking_tokens=max(0, budget - n),
            correct=budget == 32 and n < SOLVED,
            text=f"{EVIL} {budget} {n}",
        )
        for budget in (8, 32)
        for n in range(NUM)
    ]
    folder = tmp_path_factory.mktemp("run")
    artifacts.begin(folder / "evaluation", {"of": "a test"})
    write_rows(rows, folder / "evaluation" / "rows.parquet", EVALUATION_ROW)
    artifacts.finish(folder / "evaluation", time.time())
    write_report(folder, 0.95)
    return folder


def problems(driver: Driver) -> list[str]:
    """The rows that are drawn."""
    rows: list[str] = driver.execute_script(
        "return [...document.querySelectorAll('tr.problem')]"
        ".map(row => [...row.children].map(cell => [...cell.childNodes].map(n => n.textContent).join(' ')).join(' | '))"
    )
    return rows


def texts(driver: Driver) -> list[str]:
    """The answers that are open side by side, once both have come."""
    wait_for(driver, lambda page: len(page.find_elements(By.CSS_SELECTOR, "tr.detail pre.text")) == 2)
    return [each.text for each in driver.find_elements(By.CSS_SELECTOR, "tr.detail pre")]


def click_heading(driver: Driver, name: str) -> None:
    (button,) = [each for each in driver.find_elements(By.CSS_SELECTOR, "th button") if each.text.split()[0] == name]
    button.click()


def test_one_click_from_a_point_of_the_curve_to_its_answers(driver: Driver, run: Path) -> None:
    """The point's first, beside those of the model's largest other budget, with verdict and extraction."""
    driver.get((run / "report.html").as_uri())
    find(driver, "figure svg a").click()
    driver.switch_to.window(driver.window_handles[-1])
    assert texts(driver) == ["7", f"{EVIL} 8 0", "7", f"{EVIL} 32 0"]
    assert driver.current_url == f"{(run / 'answers.html').as_uri()}#point=0&with=1&problem=p0000"
    assert [each.text for each in driver.find_elements(By.CSS_SELECTOR, "tr.detail strong")] == ["wrong", "correct"]
    assert driver.title == "z1ray: problems and answers"
    assert not console(driver)


def test_a_table_of_thousands_of_problems(driver: Driver, run: Path) -> None:
    """Sorted by a click, the other way round by a second one; drawn as far as one looks; found by name."""
    driver.get(f"{(run / 'answers.html').as_uri()}?fresh#point=1")
    texts(driver)
    assert problems(driver)[:3] == ["p0000 | 0 8 | 1 32", "p0001 | 0 7 | 1 31", "p0002 | 0 6 | 0 30"]
    click_heading(driver, "32")
    click_heading(driver, "32")
    assert [row[:5] for row in problems(driver)[:3]] == ["p0000", "p0001", "p0002"]
    click_heading(driver, "problem")
    click_heading(driver, "problem")
    assert problems(driver)[0].startswith(f"p{NUM - 1}")
    assert len(problems(driver)) < 500
    driver.execute_script("const e = document.getElementById('wide'); e.scrollTop = e.scrollHeight")
    wait_for(driver, lambda page: len(problems(page)) > 100)
    fill(driver, "#find", "p2998")
    assert problems(driver) == ["p2998 | 0 0 | 0 0"]
    assert text_of(driver, "#count") == "1 of 3,000 problems."
    driver.find_elements(By.CSS_SELECTOR, "td.cell")[0].click()
    assert texts(driver)[1] == f"{EVIL} 8 2998"
    assert "problem=p2998" in driver.current_url
    assert not console(driver)


def test_a_long_text_keeps_its_ends():
    """A page with whole answers of a large run would be gigabytes; what was left out is told."""
    short = shorten("a" * 50_000 + "the answer")
    assert len(short) < 6200
    assert short.endswith("the answer")
    assert "44,010 characters left out" in short
    assert shorten("as it is") == "as it is"
