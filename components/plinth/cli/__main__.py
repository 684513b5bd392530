"""``python -m plinth.cli``."""

from plinth.cli import main

main()
