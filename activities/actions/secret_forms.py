"""The forms in which tools commonly print a secret: as it is, escaped, in base64 and in hexadecimal.

A form is a sequence of tokens. A token is a choice of byte strings. An empty byte string makes the token optional.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

Token = tuple[bytes, ...]
Form = tuple[Token, ...]

# A shorter value is masked only as text: in base64 or hexadecimal, it would match by chance.
MIN_ENCODED = 8
# A line of a secret with at least this length is masked separately.
MIN_LINE = 8
# The letter escapes of C, JSON and `$'…'`.
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a", "\x1b": "e"}
# Other representations of a character: in HTML, in forms, in the quotes of shells and of CSV, and for joined lines.
_ALSO = {
    '"': (b"&quot;", b'""'),
    "&": (b"&amp;",),
    "<": (b"&lt;",),
    ">": (b"&gt;",),
    "'": (b"&apos;", b"'\\''", b"'\"'\"'", b"''"),
    " ": (b"+",),
    "\\": (b"\\" * 4, b"\\" * 8),
    "\n": (b"", b" ", b", ", b",", b"\r\n", b"\\r\\n", b"\r", b"%0D%0A", b"%0d%0a", b"%20", b"+"),
}
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE64_ALSO = {"+": ("-", "%2B", "%2b"), "/": ("_", "%2F", "%2f", "\\/")}
# Between two base64 characters: the line breaks of `base64`, `openssl` and mail, also indented and in JSON.
_BASE64_BREAK = (b"", b"\n", b"\r\n", b"\\n", b"\\r\\n", b" ", b"\n ", b"\n  ", b"\n    ")
# Between two hexadecimal bytes: the separators of xxd, od, openssl, Python and C.
_HEX_BREAK = (b"", b" ", b":", b"-", b"\n", b"\n ", b"\\x", b", 0x", b",0x", b",", b", ", b"%")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def forms_of(value: str) -> Iterator[Form]:
    """Every form of a secret, and of each of its lines that is long enough. A blank value has no forms.

    Spaces and line breaks around it are ignored. A line of fewer than `MIN_LINE` characters has forms only together with the
    lines around it: alone, it would match by chance.
    """
    for text in _pieces(value.strip()):
        long = len(text) >= MIN_ENCODED
        yield _text(text, any_case=long)
        if long:
            data = text.encode("utf-8", "surrogateescape")
            yield _hex(data)
            for shift in range(3):
                yield _base64(data, shift)


def _pieces(whole: str) -> Iterator[str]:
    """The long lines of a secret. Short lines are joined to the long line before them, or the first ones to the line after.

    Together, the pieces cover the whole secret in every encoding, except for the line breaks between them.
    """
    pieces: list[list[str]] = []
    for line in _LINE_BREAK.split(whole):
        if pieces and (len(line.strip()) < MIN_LINE or all(len(one.strip()) < MIN_LINE for one in pieces[-1])):
            pieces[-1].append(line)
        else:
            pieces.append([line])
    for piece in pieces:
        lines = [line.strip() for line in piece]
        texts = ["\n".join(piece).strip(), *(line for line in lines if len(line) >= MIN_LINE)]
        yield from dict.fromkeys(text for text in texts if text)


def _text(text: str, *, any_case: bool) -> Form:
    """The text form: each character as it is or escaped. `any_case` also matches other letter case, as in host names."""
    tokens: list[Token] = []
    for char in _LINE_BREAK.sub("\n", text):
        if char.isascii() and char.isalnum():
            both = {char, char.lower(), char.upper()} if any_case else {char}
            tokens.append(tuple(sorted(each.encode() for each in both)))
        else:
            tokens.append(_escaped(char))
    return tuple(tokens)


@cache
def _escaped(char: str) -> Token:
    """A token for a character that some syntax escapes: URLs, JSON, HTML, C, or the quotes of shells."""
    raw = char.encode("utf-8", "surrogateescape")
    found = {raw, *_ALSO.get(char, ()), *_by_number(char, raw)}
    if char in _LETTERS:
        letter = _LETTERS[char].encode()
        found |= {b"\\" + letter, b"\\\\" + letter, b"\\\\\\\\" + letter, b"'$'\\" + letter + b"''"}
    elif char.isascii() and char.isprintable():
        # Once per layer: JSON in JSON, or JSON in a shell's quotes.
        found |= {b"\\" * count + raw for count in (1, 2, 3, 7)}
    return tuple(sorted(found))


def _by_number(char: str, raw: bytes) -> Iterator[bytes]:
    """Escapes that contain the number of a character, or of each of its bytes."""
    for digits in ("%02X", "%02x"):
        # A percent sign that is encoded twice is %25.
        yield from (
            b"".join(f"{sign}{digits % byte}".encode() for byte in raw) for sign in ("%", "%25", "\\x", "\\\\x")
        )
    octal = b"".join(b"\\%03o" % byte for byte in raw)
    yield from (octal, b"'$'" + octal + b"''")
    units = char.encode("utf-16-be", "surrogatepass")
    pairs = [units[index : index + 2].hex() for index in range(0, len(units), 2)]
    for escape in ("\\u", "\\\\u", "%u"):
        yield "".join(escape + pair for pair in pairs).encode()
        yield "".join(escape + pair.upper() for pair in pairs).encode()
    code = ord(char)
    if code < 256:
        # Python and JavaScript write a character of Latin-1 that cannot be printed by its number, not by its bytes.
        yield from (b"\\x%02x" % code, b"\\x%02X" % code, b"\\\\x%02x" % code, b"\\\\x%02X" % code)
    yield from (b"\\U%08x" % code, b"\\U%08X" % code, b"&#%d;" % code, b"&#x%x;" % code, b"&#x%X;" % code)


def _hex(data: bytes) -> Form:
    tokens: list[Token] = []
    for byte in data:
        tokens += [_hex_of(byte), _HEX_BREAK]
    return tuple(tokens[:-1])


@cache
def _hex_of(byte: int) -> Token:
    return tuple(sorted({b"%02x" % byte, b"%02X" % byte}))


def _base64(data: bytes, shift: int) -> Form:
    """The base64 form after `shift` other bytes. Bits that its first and last character share with other data may vary.

    A shared first character is optional, because it may already be masked as the last character of another secret.
    """
    first, last = 8 * shift, 8 * (shift + len(data))
    bits = int.from_bytes(data, "big")
    tokens: list[Token] = []
    for start in range(first - first % 6, last, 6):
        known = range(max(start, first), min(start + 6, last))
        value = sum((bits >> (last - 1 - bit) & 1) << (start + 5 - bit) for bit in known)
        mask = sum(1 << (start + 5 - bit) for bit in known)
        chars = _base64_of(value, mask)
        if start < first:
            tokens.append((b"", *(char + line_break for char in chars for line_break in (b"", b"\n", b"\r\n"))))
        else:
            tokens += [chars, _BASE64_BREAK]
    return tuple(tokens[:-1])


@cache
def _base64_of(value: int, mask: int) -> Token:
    """The characters whose bits in `mask` equal those of `value`."""
    chars = [char for number, char in enumerate(_BASE64) if number & mask == value]
    return tuple(sorted({each.encode() for char in chars for each in (char, *_BASE64_ALSO.get(char, ()))}))
