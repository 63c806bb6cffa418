"""The picture shows both axes, and the paper's points only where they belong."""

import numpy as np
import pytest

from tests.evaluation.rows import graded
from z1ray.evaluation.axis import short
from z1ray.evaluation.curve import Point, curve
from z1ray.evaluation.plots import curve_figure
from z1ray.evaluation.published import published
from z1ray.plots import png, svg


def points(budgets: list[int], benchmark: str = "sums") -> list[Point]:
    rows = [
        graded(benchmark=benchmark, thinking_budget=budget, thinking_tokens=budget, problem_id=problem)
        for budget in budgets
        for problem in "ab"
    ]
    return curve(rows, 0.95)


def test_both_axes():
    """The same accuracy over what was thought, and over everything that was generated for it."""
    thinking, generated = curve_figure(points([8, 32])).axes
    assert np.array(thinking.lines[0].get_xdata()).tolist() == [8, 32]
    assert np.array(generated.lines[0].get_xdata()).tolist() == [2 * (8 + 5), 2 * (32 + 5)]


@pytest.mark.parametrize(
    ("tokens", "scale"),
    [([8, 32], "linear"), ([8, 80], "log"), ([0, 8, 80], "symlog"), ([0, 8], "linear"), ([0], "linear")],
)
def test_tokens_over_a_decade_are_drawn_on_a_logarithmic_axis(tokens, scale):
    """And a point without any thinking has its place at the left of it."""
    panel = curve_figure(points(tokens)).axes[0]
    assert panel.get_xscale() == scale
    assert panel.get_xlim()[0] <= min(tokens) <= max(tokens) <= panel.get_xlim()[1]
    if scale == "symlog":
        assert [label.get_text() for label in panel.get_xticklabels()] == ["0", "10", "20", "50"]


def test_panels_of_a_row_have_the_same_scale():
    """Two benchmarks side by side are read against each other."""
    both = [*points([8, 32]), *points([8, 800], "more")]
    assert [panel.get_xscale() for panel in curve_figure(both).axes[:2]] == ["log", "log"]


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (500, "500"), (2000, "2k"), (1.5e6, "1.5M"), (2e9, "2G")])
def test_short_numbers(value, text):
    assert short(value) == text


@pytest.mark.parametrize("label", ["gpqa_diamond", "GPQA", "math500", "MATH-500", "livecodebench"])
def test_the_papers_points_lie_under_its_benchmarks(label):
    """And say that they were read off a figure."""
    labels = curve_figure(points([512, 2048], label)).axes[0].get_legend_handles_labels()[1]
    assert [text for text in labels if "read off the paper's figure" in text] == [
        f"{model} (read off the paper's figure)" for model in ("Z1-7B", "R1-Distill-Qwen-7B")
    ]


def test_other_benchmarks_have_no_published_points():
    assert not published("chain_sum")


def test_files():
    """What the two kinds of file begin with."""
    figure = curve_figure(points([8, 32]))
    assert png(figure).startswith(b"\x89PNG")
    assert b"<svg" in svg(figure)
