"""Program inside the sandbox: reasoning_gym's own best score for the readings of one answer.

Some of its tasks evaluate an answer as a Python or sympy expression, so they may see a
model's text only in here. Reads a job from stdin (``packages``, ``task``, ``entry``,
``answers``) and writes the score to stdout.
"""

import ast
import json
import sys


def main() -> None:
    """Score the job on stdin."""
    job = json.load(sys.stdin)
    sys.path[:0] = job["packages"]
    from reasoning_gym import create_dataset

    dataset, entry = create_dataset(job["task"]), ast.literal_eval(job["entry"])
    print("score 0")
    for answer in job["answers"]:
        try:
            score = float(dataset.score_answer(answer, entry))
        except Exception:  # noqa: BLE001 (whatever an expression raises, it is not the answer)
            continue
        print(f"score {score}")


if __name__ == "__main__":
    main()
