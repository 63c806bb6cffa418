"""Graded rows for tests of what is made of them."""

from typing import Any

from z1ray.records import Row


def graded(**given: Any) -> Row:
    """A row of an answered and graded evaluation: cut after 8 tokens, a hint of 2, an answer of 3 that is right."""
    row = {
        "model": "m",
        "benchmark": "b",
        "method": "x",
        "problem_id": "p",
        "thinking_budget": 8,
        "sample": 0,
        "text": "t",
        "thinking_tokens": 8,
        "hint_tokens": 2,
        "answer_tokens": 3,
        "cut": True,
        "finish_reason": "stop",
        "answer": "7",
        "correct": True,
        "verdict": "passed",
        "sandbox": None,
        **given,
    }
    name = f"{row['model']}#{row['problem_id']}#{row['thinking_budget']}#{row['sample']}"
    return {"row_id": name, **row}
