"""Program inside the sandbox: reasoning_gym's own score of one answer.

Some of its tasks evaluate an answer as a Python or sympy expression, so they may see a
model's text only in here. Reads a job from stdin (``packages``, ``task``, ``entry``,
``answer``) and writes the score to stdout.
"""

import ast
import json
import sys


def main() -> None:
    """Score the job on stdin."""
    job = json.load(sys.stdin)
    sys.path[:0] = job["packages"]
    from reasoning_gym import create_dataset

    score = create_dataset(job["task"]).score_answer(job["answer"], ast.literal_eval(job["entry"]))
    print(f"score {score}")


if __name__ == "__main__":
    main()
