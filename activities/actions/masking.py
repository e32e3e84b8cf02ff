"""Replaces secrets with `***` in whole texts and in streams, in every form that `secret_forms` lists."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import re2

from activities.actions.secret_forms import Form, Token, forms_of
from signoff.schemas.json_value import JsonValue

MASK = b"***"
# Number of matching tokens after which a place is checked closely, as the possible start of a form.
_LOOKED_AT = 12
# Bytes for a compiled pattern and its states, as a minimum and for each of its instructions. With less memory, RE2 drops states
# that it needs again, and is a thousand times slower. It actually uses a small part of this.
_MEMORY = 1 << 26
_MEMORY_EACH = 1024


class Masker:
    """Masks a set of secrets. All tasks of a worker share one masker, because its patterns take time to compile.

    The patterns use RE2, so masking takes linear time for any text.

    Args:
        values: the secrets; blank ones are ignored.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = list(dict.fromkeys(form for value in values for form in forms_of(value)))
        self._by_first: dict[int, list[Form]] = {}
        for form in forms:
            for first in _first_bytes(form):
                self._by_first.setdefault(first, []).append(form)
        self._longest = max((sum(max(map(len, token)) for token in form) for form in forms), default=0)
        self._whole = _compiled(forms, lambda form: b"".join(map(_pattern, form)))
        self._beginning = _compiled(forms, lambda form: _beginning(form[:_LOOKED_AT]))

    def text(self, value: str) -> str:
        """Mask every secret in a text."""
        if self._whole is None:
            return value
        return self.data(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def data(self, data: bytes, *, cut: bool = False) -> bytes:
        """Mask every secret in bytes. With `cut`, also mask the start of a secret that the end of `data` cuts off."""
        masked, rest = self.certain(data)
        return masked + (MASK if cut and rest else self._replaced(rest))

    def value(self, value: JsonValue) -> JsonValue:
        """Mask every secret in the texts, names and numbers of a JSON value."""
        if self._whole is None or value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self.value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        masked = self.text(str(value))
        return value if masked == str(value) else masked

    def certain(self, data: bytes) -> tuple[bytes, bytes]:
        """Split `data` into the final part, masked, and the rest, which may be the start of a secret.

        Append the next data to the rest. The rest is never longer than the longest form.
        """
        if self._whole is None:
            return data, b""
        parts: list[bytes] = []
        position, window = 0, len(data) - self._longest
        for match in itertools.chain(self._whole.finditer(data), [None]):
            start = match.start() if match else len(data)
            if start >= window:
                held = self._unfinished(data, max(position, window), start)
                if held is not None:
                    parts.append(data[position:held])
                    return b"".join(parts), data[held:]
            parts.append(data[position:start])
            if match is not None:
                parts.append(MASK)
                position = match.end()
        return b"".join(parts), b""

    def _replaced(self, data: bytes) -> bytes:
        return data if self._whole is None or not data else self._whole.sub(MASK, data)

    def _unfinished(self, data: bytes, first: int, last: int) -> int | None:
        """The first place between `first` and `last` where a form starts that the end of `data` cuts off."""
        while self._beginning is not None:
            match = self._beginning.search(data, first)
            if match is None or match.start() > last or match.start() == len(data):
                return None
            place = match.start()
            if any(_is_unfinished(form, data, place) for form in self._by_first.get(data[place], ())):
                return place
            first = place + 1
        return None


def _first_bytes(form: Form) -> set[int]:
    """The bytes with which a form may start. Its first token may be optional."""
    first: set[int] = set()
    for token in form:
        first |= {alternative[0] for alternative in token if alternative}
        if b"" not in token:
            break
    return first


def _is_unfinished(form: Form, data: bytes, place: int) -> bool:
    """Whether `data` ends in the middle of a form that starts at `place`."""
    end, places = len(data), {place}
    for token in form:
        following: set[int] = set()
        for at in places:
            for alternative in token:
                if data.startswith(alternative, at):
                    following.add(at + len(alternative))
                elif at + len(alternative) > end and alternative.startswith(data[at:end]):
                    return True
        if not following:
            return False
        places = following
    return False


def _compiled(forms: Sequence[Form], pattern_of: Callable[[Form], bytes]) -> re2.Pattern[bytes] | None:
    if not forms:
        return None
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.longest_match = True
    options.never_capture = True
    options.log_errors = False
    pattern = b"|".join(pattern_of(form) for form in forms)
    options.max_mem = _MEMORY
    while True:
        try:
            compiled = re2.compile(pattern, options)
        except re2.error:
            # The pattern needs more memory.
            options.max_mem *= 2
            continue
        needed = _MEMORY_EACH * compiled.programsize
        if needed <= options.max_mem:
            return compiled
        options.max_mem = needed


def _pattern(token: Token) -> bytes:
    """The RE2 pattern for one token."""
    if all(len(alternative) == 1 for alternative in token):
        return _literal(token[0]) if len(token) == 1 else b"[" + b"".join(map(_literal, token)) + b"]"
    choice = b"(?:" + b"|".join(_literal(alternative) for alternative in token if alternative) + b")"
    return choice + b"?" if b"" in token else choice


def _beginning(tokens: Form) -> bytes:
    """The RE2 pattern for these tokens, or for as many of them as fit before the end of the text."""
    pattern = b""
    for token in reversed(tokens):
        prefixes = {alternative[:size] for alternative in token for size in range(1, len(alternative))}
        cut = b"(?:" + b"|".join(map(_literal, sorted(prefixes))) + rb")\z" if prefixes else b""
        rest = b"|".join(part for part in (_pattern(token) + pattern, cut) if part)
        pattern = rb"(?:\z|" + rest + b")"
    # At least part of the first token must be present.
    return pattern.replace(rb"(?:\z|", b"(?:", 1)


def _literal(text: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in text)
