"""Adjusting p-values for the number of tests in a family."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

Item = TypeVar("Item")


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: the chance of any false alarm in the family stays below the level.

    Source: Holm 1979, Scandinavian Journal of Statistics 6. The smallest of ``m`` is multiplied by ``m``, the
    next by ``m - 1`` and so on; none may become smaller than the one before it. The tests may depend on each other.
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def adjust(items: Sequence[Item], name: str, family: Callable[[Item], Hashable]) -> list[Item]:
    """Adjust the differences of items that belong to one family, for each family.

    Args:
        items: Dataclass instances.
        name: Their field with a ``Difference``, or None where nothing was tested.
        family: What the items of one family have in common.
    """
    families: dict[Hashable, list[int]] = {}
    for place, item in enumerate(items):
        if getattr(item, name) is not None:
            families.setdefault(family(item), []).append(place)
    found: list[Any] = list(items)
    for places in families.values():
        tests = [getattr(items[place], name) for place in places]
        for place, test, p_value in zip(places, tests, holm([test.p_value for test in tests]), strict=True):
            found[place] = replace(found[place], **{name: replace(test, p_adjusted=p_value, num_tests=len(tests))})
    return found
