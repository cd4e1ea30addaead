"""`python -m kmq` is the command `kmq`."""

from kmq.cli import main

main()
