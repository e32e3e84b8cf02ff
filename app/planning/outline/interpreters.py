"""The languages of blocks that can run, or that a person runs, besides those of the shell that everybody has."""

from __future__ import annotations

# Programs that take a script as an argument, for the language of a block.
INTERPRETERS: dict[str, list[str]] = {
    "python": ["python3", "-c"],
    "python3": ["python3", "-c"],
    "py": ["python3", "-c"],
    "javascript": ["node", "-e"],
    "js": ["node", "-e"],
    "node": ["node", "-e"],
    "ruby": ["ruby", "-e"],
    "rb": ["ruby", "-e"],
    "perl": ["perl", "-e"],
    "php": ["php", "-r"],
    "lua": ["lua", "-e"],
    "r": ["Rscript", "-e"],
    "zsh": ["zsh", "-e", "-c"],
    "ksh": ["ksh", "-e", "-c"],
    "dash": ["dash", "-e", "-c"],
    "fish": ["fish", "-c"],
    "powershell": ["pwsh", "-Command"],
    "pwsh": ["pwsh", "-Command"],
    "ps1": ["pwsh", "-Command"],
}
# Shells whose blocks run only if they say so.
OTHER_SHELLS = frozenset(
    {"zsh", "ksh", "dash", "fish", "powershell", "pwsh", "ps1", "posh", "cmd", "bat", "batch", "dosbatch"}
)
