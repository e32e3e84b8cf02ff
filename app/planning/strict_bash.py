"""How Signoff starts a script of bash that stops at the first failing line."""

STRICT_BASH = ("bash", "-eo", "pipefail", "-c")
