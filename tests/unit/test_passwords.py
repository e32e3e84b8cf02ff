"""What it costs to guess a password. The apps of other tests hash passwords cheaply."""

from __future__ import annotations

from tests.cheap_passwords import PRODUCT_HASHER


def test_each_guess_costs_time_and_64_mib_of_memory() -> None:
    assert PRODUCT_HASHER().hash("correct horse battery").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
