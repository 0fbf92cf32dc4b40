"""Run the command line as ``python -m mamori``."""

from mamori.cli.main import main

main()
