"""The one exception for mistakes a user can correct."""


class UserError(ValueError):
    """A user's mistake, told as field, value, problem and remedy.

    Launchers print it on one screen without a traceback and exit with 2.

    Args:
        field: What is wrong, by its configuration key or column name.
        value: The offending value, as the user would recognise it.
        problem: What is wrong with it.
        remedy: What to do about it.
    """

    def __init__(self, field: str, value: object, problem: str, remedy: str) -> None:
        # All four reach ValueError.args, so the error survives pickling between Ray processes.
        super().__init__(field, value, problem, remedy)
        self.field, self.value, self.problem, self.remedy = field, value, problem, remedy

    def __str__(self) -> str:
        return f"{self.field} = {self.value!r}\n  problem: {self.problem}\n  remedy:  {self.remedy}"
