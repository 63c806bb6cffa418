"""Integers from 0 to 999 (AIME).

Source: the rules of the American Invitational Mathematics Examination (MAA): every answer is an
integer from 000 to 999, leading zeros included. So nothing but an integer is right, whatever an
expression would be worth.
"""

import re

from z1ray.grading.answers.phrasing import readings, without_unit
from z1ray.grading.answers.quantity import value

_MAX = 999


def integer(answer: str) -> int | None:
    """The integer from 0 to 999 that an answer says, alone, with a unit or as the end of an equation; else None."""
    for reading in readings(answer):
        said = without_unit(re.split(r"=|\\equiv", reading)[-1].strip(" $"))
        if re.search(r"frac|/|\^|%|[eE]", said):
            continue
        size = value(said)
        if size is not None and size.denominator == 1 and 0 <= size <= _MAX:
            return int(size)
    return None
