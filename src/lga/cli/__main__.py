"""`python -m lga.cli` is `lga`."""

from lga.cli.main import main

main()
