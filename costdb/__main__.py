"""`python -m costdb` is `costdb`."""

from costdb.cli.main import main

main()
