"""Entry point of the `marview` program: run a command, or open the given paths in the window."""

import os
import sys
from collections.abc import Sequence

from marview.verbs import VERBS

COMPLETION = "_MARVIEW_COMPLETE"
"""Environment variable with which a shell requests completions."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program.

    Args:
        arguments: command-line arguments; `sys.argv[1:]` by default.
    """
    from marview.children import CHILD, run_child, trust_no_current_folder

    trust_no_current_folder()  # before anything else is imported
    from multiprocessing import freeze_support

    from marview.threads import wait_passively

    freeze_support()
    wait_passively(os.environ)
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] == [CHILD]:
        run_child(arguments[1:])
        return
    if COMPLETION in os.environ or (arguments and (arguments[0] in VERBS or arguments[0].startswith("-"))):
        from marview.cli import run

        sys.exit(run(arguments))
    from marview.commands.window import open_window

    sys.exit(open_window(arguments))


if __name__ == "__main__":
    main()
