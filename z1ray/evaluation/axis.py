"""The axis of tokens: linear or logarithmic, with a place for 0."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPAN = 8  # largest over smallest value: about a decade
_WIDE = 200  # of a wider span only the powers of ten have room
_TICKS = (1, 2, 5)
_MARGIN = 1.25


def scale(panels: Sequence["Axes"], values: Sequence[Sequence[float]]) -> None:
    """Scale the axes of panels that stand in a row: all of them logarithmic as soon as one has to be.

    Args:
        panels: The panels.
        values: What is drawn in each, in tokens.
    """
    logarithmic = any(map(spans_a_decade, values))
    for panel, some in zip(panels, values, strict=True):
        if logarithmic and max(some) > 0:
            _logarithmic(panel, some)
        panel.xaxis.set_major_formatter(lambda value, _: short(value))
        panel.tick_params(axis="x", labelsize="small")


def spans_a_decade(values: Sequence[float]) -> bool:
    """Whether values are better told apart on a logarithmic axis; 0, which has no place there, does not count."""
    positive = [value for value in values if value > 0]
    return bool(positive) and max(positive) >= _SPAN * min(positive)


def short(value: float) -> str:
    """A number of tokens as an axis shows it: 500, 2k, 1.5M."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def _logarithmic(panel: "Axes", values: Sequence[float]) -> None:
    """Ticks at 1, 2 and 5 times each power of ten; 0, if there is such a value, at the left of them all."""
    from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

    smallest, largest = min(value for value in values if value > 0), max(values)
    ticks = LogLocator(subs=_TICKS if largest < _WIDE * smallest else (1,)).tick_values(smallest, largest)
    shown = [tick for tick in ticks if smallest / _MARGIN <= tick <= largest * _MARGIN]
    if min(values) > 0:
        panel.set_xscale("log")
        panel.set_xlim(smallest / _MARGIN, largest * _MARGIN)
    else:
        # Linear from 0 to the smallest value, which stand a quarter of a decade apart.
        panel.set_xscale("symlog", linthresh=smallest / _MARGIN, linscale=0.25)
        panel.set_xlim(-0.2 * smallest, largest * _MARGIN)
        shown = [0.0, *shown]
    panel.xaxis.set_major_locator(FixedLocator(shown))
    panel.xaxis.set_minor_locator(NullLocator())
