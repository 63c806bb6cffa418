"""The page of all answers, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.evaluation.rows import graded
from tests.serving.browser import Driver, chromium, console, find
from z1ray.evaluation.answers_page import answers_page, link, shorten
from z1ray.evaluation.curve import curve

EVIL = "</script><script>document.title = 'taken over'</script>"


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three problems at two budgets; the larger solves two of them, and one answer is hostile."""
    rows = [
        graded(
            problem_id=f"p{n}",
            thinking_budget=budget,
            thinking_tokens=budget - n,
            correct=budget == 32 and n < 2,
            text=f"{EVIL} {budget} {n}",
        )
        for budget in (8, 32)
        for n in range(3)
    ]
    path = tmp_path_factory.mktemp("answers") / "answers.html"
    path.write_text(answers_page(curve(rows, 0.95), rows))
    return path


def problems(driver: Driver) -> list[str]:
    return [row.text for row in driver.find_elements(By.CSS_SELECTOR, "tr.problem")]


def test_one_click_from_a_point_to_its_answers(driver, page):
    """The point comes first, the model's largest other budget second; a problem opens to both texts."""
    driver.get(f"{page.as_uri()}{link(0).removeprefix(page.name)}")
    assert problems(driver) == ["p0 0 8 1 32", "p1 0 7 1 31", "p2 0 6 0 30"]
    find(driver, "tr.problem").click()
    texts = [each.text for each in driver.find_elements(By.CSS_SELECTOR, "tr.detail pre")]
    assert texts == ["7", f"{EVIL} 8 0", "7", f"{EVIL} 32 0"]
    assert driver.title == "z1ray: answers"
    assert not console(driver)


def test_headings_sort(driver, page):
    """By thinking tokens, and the other way round with a second click."""
    driver.get(f"{page.as_uri()}#point=1")
    driver.refresh()
    heading = driver.find_elements(By.CSS_SELECTOR, "th button")[2]
    heading.click()
    assert [row[:2] for row in problems(driver)] == ["p2", "p1", "p0"]
    heading.click()
    assert [row[:2] for row in problems(driver)] == ["p0", "p1", "p2"]


def test_a_long_text_keeps_its_ends():
    """A page with whole answers of a large run would be gigabytes; what was left out is told."""
    short = shorten("a" * 50_000 + "the answer")
    assert len(short) < 6200
    assert short.endswith("the answer")
    assert "44,010 characters left out" in short
    assert shorten("as it is") == "as it is"
