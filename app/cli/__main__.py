"""`python -m app.cli` is `signoff`."""

from app.cli import main

main(prog_name="signoff")
