"""Scripts that generate parts of the project, and scripts that check them."""
