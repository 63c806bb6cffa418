"""The playground against the real endpoint, in a real browser.

``PLAYGROUND_SCREENSHOT=tests/serving/playground.png`` has the comparison's end
photographed for the README (``make screenshot``).
"""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.serving.browser import (
    PARTS,
    Driver,
    chromium,
    console,
    counts,
    ended,
    error,
    fill,
    find,
    keep_sights,
    kept_sights,
    open_page,
    overflow,
    parts,
    photograph,
    text_of,
    wait_for,
)
from tests.serving.conftest import MODEL, Served

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

PROMPT = "Explain step by step how binary search works, with an example."
BUDGETS = {"A": 24, "B": 72}


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with chromium() as driver:
        yield driver


def address(served: Served) -> str:
    return str(served.manifest["address"]).removesuffix("/v1")


def compare(driver: Driver, budgets: dict[str, int]) -> None:
    """Type the prompt and a budget per pane, and send."""
    fill(driver, "#prompt", PROMPT)
    for pane, budget in budgets.items():
        fill(driver, f"[data-pane={pane}] [type=number]", budget)
    find(driver, "#send").click()


def asked(served: Served, budget: int) -> Any:
    """The same run as one whole response."""
    answer = served.api.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": PROMPT}],
        temperature=0,
        extra_body={"thinking_budget": budget, "hint": "code"},
    )
    return answer.choices[0]


def test_two_budgets_stream_side_by_side_and_end_with_the_api_s_own_numbers(driver: Driver, served: Served) -> None:
    """The page is what people judge the window by: it must show what the API returns, as it comes, and nothing else."""
    open_page(driver, address(served), served.key)
    keep_sights(driver, "A")
    compare(driver, BUDGETS)
    wait_for(driver, ended)
    sights = [("".join(texts.values()), numbers) for texts, numbers in kept_sights(driver)]
    texts = [text for text, _ in sights]
    assert len(set(texts) - {""}) >= 2, "the text did not grow while it streamed"
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert all(numbers["thinking"] <= BUDGETS["A"] for _, numbers in sights)
    for pane, budget in BUDGETS.items():
        shown, choice = parts(driver, pane), asked(served, budget)
        assert "".join(shown.values()) == choice.message.content
        assert shown["hint"] == served.config.window.hints["code"]
        assert all(shown.values())
        assert counts(driver, pane) == {part: choice.thinking[f"{part}_tokens"] for part in PARTS}
        assert text_of(driver, f"[data-pane={pane}] [data-of]") == f" of {budget}"
    assert console(driver) == []
    if target := os.environ.get("PLAYGROUND_SCREENSHOT"):
        photograph(driver, Path(target))


def test_the_three_parts_differ_in_colour_and_bear_their_names(driver: Driver, served: Served) -> None:
    """Colour alone would not tell them apart for everyone, and without it the page has no point."""
    open_page(driver, address(served), served.key)
    compare(driver, {"A": 8, "B": 0})
    wait_for(driver, ended)
    style = "return getComputedStyle(document.querySelector(`[data-pane=A] .part.${arguments[0]}`)).backgroundColor"
    label = "return document.querySelector(`[data-pane=A] .part.${arguments[0]}`).dataset.label"
    assert len({driver.execute_script(style, part) for part in PARTS}) == 3
    assert [driver.execute_script(label, part) for part in PARTS] == ["Thinking", "Hint", "Answer"]
    # With no thinking at all, the text begins with the hint.
    assert parts(driver, "B")["thinking"] == ""
    assert counts(driver, "B")["thinking"] == 0


def test_a_phone_shows_it_all_without_scrolling_sideways(driver: Driver, served: Served) -> None:
    """Half of a comparison off the screen is none."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        open_page(driver, address(served), served.key)
        compare(driver, {"A": 8, "B": 12})
        wait_for(driver, ended)
        assert overflow(driver) == 0
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_page_opens_without_a_key_but_asks_for_one(served: Served) -> None:
    """A visitor without a key must learn what is missing, and the key must not outlive the tab."""
    with chromium() as stranger:
        stranger.get(f"{address(served)}/playground")
        wait_for(stranger, lambda page: "asks for an API key" in error(page, "#notice"))
        fill(stranger, "#key", "no-such-key\t")
        wait_for(stranger, lambda page: "was not accepted" in error(page, "#notice"))
        fill(stranger, "#key", f"{served.key}\t")
        wait_for(stranger, lambda page: error(page, "#notice") == "")
        assert find(stranger, "#model").get_property("value") == MODEL
        assert stranger.execute_script("return Object.values(sessionStorage)") == [served.key]
        assert stranger.execute_script("return localStorage.length + document.cookie.length") == 0


def test_a_wrong_key_is_told_where_the_answer_would_be(driver: Driver, served: Served) -> None:
    """A key that is withdrawn while the page is open must not look like a silent model."""
    open_page(driver, address(served), served.key)
    fill(driver, "#key", "no-such-key\t")
    compare(driver, {"A": 8})
    wait_for(driver, lambda page: ended(page) and error(page, "[data-pane=A] "))
    assert error(driver, "[data-pane=A] ").startswith("The API key was not accepted")
    assert parts(driver, "A") == dict.fromkeys(PARTS, "")


def test_a_refused_budget_shows_the_api_s_message_beside_the_run_that_was_not(driver: Driver, served: Served) -> None:
    """The server's own words name the maximum; a page that clamped the number would hide that it was asked for more."""
    over = served.config.window.max_budget + 1
    with pytest.raises(openai.BadRequestError) as refused:
        asked(served, over)
    open_page(driver, address(served), served.key)
    compare(driver, {"A": over, "B": 8})
    wait_for(driver, ended)
    shown = error(driver, "[data-pane=A] ")
    assert shown == f"The request was refused (thinking_budget)\n{refused.value.body['message']}"  # type: ignore[index,call-overload]
    assert parts(driver, "B")["answer"]
