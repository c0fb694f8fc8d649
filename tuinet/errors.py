"""The errors tuinet reports to people, and the exit codes a script can rely on."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130


class TuinetError(Exception):
    """Something a person can mend: what is wrong, where, and what to do about it.

    `message` says what is wrong and where; `hint`, if any, says what would be right.
    """

    exit_code = EXIT_WRONG_INPUT

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class RunFailedError(TuinetError):
    """The input was right, but the work could not be finished (a loss that is not finite, a full disk)."""

    exit_code = EXIT_FAILED
