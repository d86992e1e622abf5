"""Entry point of the frozen program."""

from marview.__main__ import main

main()
