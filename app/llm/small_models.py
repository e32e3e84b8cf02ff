"""Which models are too small for the whole plan language."""

from __future__ import annotations

import re

from app.settings import Settings

# Models with fewer parameters lose themselves in the whole plan language and in long instructions.
_ENOUGH_PARAMETERS = 4e9
_SIZE = re.compile(r"(?<![a-z0-9.])(?:e)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
# Families whose models are small, and whose usual names do not give their size.
_SMALL_FAMILIES = ("smollm", "tinyllama", "tinydolphin", "phi-2", "phi:", "moondream", "functiongemma", "gpt2")


def is_small(settings: Settings, name: str) -> bool:
    """Whether a model is small: as `[models."provider:name"]` says, else by its name, which often gives its size.

    Args:
        settings: the settings.
        name: `provider:name`.
    """
    entry = settings.models.get(name)
    if entry is not None and entry.small is not None:
        return entry.small
    words = name.partition(":")[2].lower()
    sizes = [float(size) * (1e9 if unit == "b" else 1e6) for size, unit in _SIZE.findall(words)]
    if sizes:
        return max(sizes) < _ENOUGH_PARAMETERS
    return any(family in f"{words}:" for family in _SMALL_FAMILIES)
