"""`marview`: a verb goes to the command line, anything else opens in the window."""

import multiprocessing
import os
import sys

from marview.threads import wait_passively

VERBS = frozenset(
    {"benchmark", "demo", "doctor", "evaluate", "mask", "methods", "reduce", "simulate", "sweep", "trace", "train"},
)
"""The command line's verbs, known here so that the window starts without loading the command line."""


def main() -> None:
    """Run the program."""
    multiprocessing.freeze_support()
    wait_passively(os.environ)
    arguments = sys.argv[1:]
    if arguments and (arguments[0] in VERBS or arguments[0].startswith("-")):
        from marview.cli import run

        sys.exit(run(arguments))
    from marview.commands.window import open_window

    sys.exit(open_window(arguments))


if __name__ == "__main__":
    main()
