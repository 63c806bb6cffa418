"""What a published layout tells z1ray: its columns, how they are read, and the problem they make."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.tables import read_records
from z1ray.records import Row

Make = Callable[[Record, SourceConfig], Row]


class Layout(NamedTuple):
    """One published layout.

    Attributes:
        make: The Problem row of a record; raises UserError if it makes none.
        read: The records of a source.
    """

    make: Make
    read: Callable[[SourceConfig], Iterable[Record]]


def of_table(fields: Fields, make: Make) -> Layout:
    """The layout of a table of which every row is a problem."""
    return Layout(make, partial(read_records, fields=fields))
