"""The one error that bad input raises: a sentence for the person at the terminal."""


class BuildError(Exception):
    """Something the caller gave us, or this machine, cannot be used. The text says what happened and what to do next.

    The command line prints it and ends with exit code 2; nothing else in this package prints a traceback for bad input.
    """
