"""Secrets in what tools print: every form that a tool makes by itself is masked, wherever the output is cut into pieces."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import settings as property_settings
from hypothesis import strategies as st

from activities.actions.attempt_log import AttemptLog
from activities.actions.masking import Masker
from activities.actions.secret_forms import MIN_LINE

PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQ3VdkXn3u0Y8hT6V
Qw==
-----END PRIVATE KEY-----
"""
EXAMPLES = [
    "p w&s/q+é=x7",
    'it\'s "so" $ecret\\ `ok`',
    "T0p-s3cret_T0ken.~",
    PEM,
    "ab\ncd\nef\ngh",
    "日本語の秘密です",
    "a😀b😀c😀d😀",
    "soft\xad hard\xa0 narrow\u202f end",
]

Encoder = Callable[[str], str]


def _base64(text: str, before: int, after: int) -> str:
    return base64.b64encode(b"\x00" * before + text.encode() + b"\xff" * after).decode()


ENCODERS: dict[str, Encoder] = {
    "as it is": lambda text: text,
    "trimmed": str.strip,
    "lines joined with a space": lambda text: text.replace("\n", " "),
    "lines joined": lambda text: text.replace("\n", ""),
    "quote": quote,
    "quote, nothing safe": lambda text: quote(text, safe=""),
    "quote_plus": quote_plus,
    "quoted twice": lambda text: quote(quote(text, safe=""), safe=""),
    "lower-case percent escapes": lambda text: httpx.QueryParams({"a": text}).__str__()[2:].lower(),
    "httpx query": lambda text: str(httpx.QueryParams({"a": text}))[2:],
    "httpx address": lambda text: str(httpx.URL(f"http://h/?{text.replace(chr(10), ' ').replace(chr(9), '%09')}"))[10:],
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, not only ASCII": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON with escaped slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON for HTML": lambda text: json.dumps(text)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c"),
    "HTML": html.escape,
    "shlex.quote": shlex.quote,
    "repr": lambda text: repr(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "base64": lambda text: _base64(text, 0, 0),
    "base64, one before": lambda text: _base64(text, 1, 1),
    "base64, two before": lambda text: _base64(text, 2, 2),
    "base64, url-safe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode() * 3).decode(),
    "base64 in a url": lambda text: quote(base64.b64encode(text.encode()).rstrip(b"="), safe=""),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "hex with spaces": lambda text: text.encode().hex(" "),
    "hex in pairs": lambda text: text.encode().hex(" ", 2),
    "hex escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "every byte percent-encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
}
SHELL: dict[str, str] = {
    "bash %q": 'printf "%q" "$S"',
    "bash @Q": 'printf "%s" "${S@Q}"',
    "GNU %q": '/usr/bin/env printf "%q" "$S"',
    "set -x": '( set -x; : "$S" ) 2>&1',
    "base64": 'printf "%s" "$S" | base64',
    "base64 of a line": 'printf "%s\\n" "$S" | base64 -w0',
    "xxd": 'printf "%s" "$S" | od -An -v -tx1',
    "tr": "printf \"%s\" \"$S\" | tr '\\n' ' '",
    "declare": "declare -p S",
    "env": 'env -i S="$S" env',
}

LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from("'\"\\&<>%+/ =$`\t")
LINES = st.text(LETTERS, min_size=1, max_size=16).map(str.strip).filter(bool)
SECRETS = st.lists(LINES, min_size=1, max_size=3).map("\n".join)
SOUND = SECRETS.filter(lambda text: len(text.strip()) >= MIN_LINE and len(set(text)) > 4)


def streamed(masker: Masker, data: bytes, cuts: list[int]) -> bytes:
    """What a log of `data` shows that comes in pieces."""
    out, held, begin = b"", b"", 0
    for end in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        certain, held = masker.certain(held + data[begin:end])
        out, begin = out + certain, end
    return out + masker.data(held)


def leaked(name: str, secret: str, shown: bytes) -> list[str]:
    """Pieces of 6 characters of a form that are still there, but for those of a line break alone."""
    text, breaks = ENCODERS[name](secret).strip(), ENCODERS[name]("\n" * 4)
    pieces = {text[at : at + 6] for at in range(max(1, len(text) - 5))}
    return sorted(piece for piece in pieces if piece not in breaks and piece.encode("utf-8", "surrogatepass") in shown)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("secret", EXAMPLES)
def test_a_form_is_masked_wherever_it_is_cut(secret: str, name: str) -> None:
    masker, encoded = Masker([secret]), ENCODERS[name](secret)
    data = f"[[{encoded}]]".encode()
    assert leaked(name, secret, masker.data(data)) == []
    # As many cuts as a property has examples.
    for cut in range(0, len(data), 1 + len(data) // property_settings.default.max_examples):
        assert streamed(masker, data, [cut, cut + 3]) == masker.data(data)
    assert streamed(masker, data, list(range(len(data)))) == masker.data(data)


@given(st.lists(SOUND, min_size=1, max_size=2), st.sampled_from(sorted(ENCODERS)), st.data())
def test_no_form_of_any_secret_survives_any_cut(secrets: list[str], name: str, more: st.DataObject) -> None:
    masker = Masker(secrets)
    encoded = [ENCODERS[name](secret) for secret in secrets]
    data = "".join(f"\u241e[{text}]\u241e\n" for text in encoded).encode()
    cuts = more.draw(st.lists(st.integers(0, len(data)), max_size=12))
    shown = streamed(masker, data, cuts)
    assert shown == masker.data(data)
    for secret in secrets:
        assert leaked(name, secret, shown) == []


@given(
    st.lists(st.text("abA", min_size=1, max_size=12), min_size=1, max_size=4),
    st.text("abA\n%QUFB616", max_size=60),
    st.data(),
)
def test_pieces_change_nothing(secrets: list[str], text: str, more: st.DataObject) -> None:
    masker, data = Masker(secrets), text.encode()
    cuts = more.draw(st.lists(st.integers(0, len(data)), max_size=8))
    assert streamed(masker, data, cuts) == masker.data(data)


@pytest.mark.parametrize("command", SHELL.values(), ids=SHELL)
@pytest.mark.parametrize("secret", EXAMPLES)
def test_what_shells_make_of_a_secret_is_masked(secret: str, command: str) -> None:
    printed = subprocess.run(
        ["bash", "-c", command],
        env={"S": secret, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        check=True,
    ).stdout
    shown = Masker([secret]).data(printed)
    assert b"***" in shown
    # What is left is of the shell, and breaks between lines: never a piece of the secret.
    rest = re.sub(rb"\*\*\*|^\+ :|S=|declare -x|\\x|0a|\\n|C|[Kgo=]{1,4}\n?$|[ \"'$\n\\]", b"", shown)
    assert rest == b""


def test_each_line_of_a_secret_is_masked_by_itself() -> None:
    lines = PEM.split("\n")
    assert Masker([PEM]).data(f"> {lines[1]}\n".encode()) == b"> ***\n"
    assert Masker([PEM]).data("".join(f"> {line}\n" for line in lines).encode()).count(b"***") == 3
    # A short line alone is found by chance; within the whole it is masked.
    assert Masker([PEM]).data(b"Qw==") == b"Qw=="
    assert Masker([PEM]).data(PEM.encode()) == b"***\n***\n***\n"


def test_a_short_secret_is_masked_as_text_alone() -> None:
    masker = Masker(["ab&c"])
    assert masker.data(b"ab&c ab%26c") == b"*** ***"
    assert masker.data(base64.b64encode(b"ab&c")) == base64.b64encode(b"ab&c")


def test_the_beginning_of_a_secret_at_a_cut_is_masked() -> None:
    masker = Masker(["T0p-s3cret"])
    assert masker.data(b"key T0p-s3", cut=True) == b"key ***"
    assert masker.data(b"key T0p-s3") == b"key T0p-s3"


def test_numbers_and_names_of_outputs_are_masked() -> None:
    assert Masker(["12345678"]).value({"12345678": [12345678, 12345678.5, True, None, 1234567]}) == {
        "***": ["***", "***.5", True, None, 1234567]
    }


def test_a_log_holds_back_no_more_than_may_be_a_secret(tmp_path: Path) -> None:
    log = AttemptLog(tmp_path, "task", 1, Masker([PEM, "T0p-s3cret"]))
    log.write(b"progress 10 %\nT0p-s3cret is here\nT0p")
    assert log.path.read_bytes() == b"progress 10 %\n*** is here\n"
    log.close()


@given(SOUND, st.binary(max_size=400))
def test_what_holds_no_secret_is_kept(secret: str, data: bytes) -> None:
    masker = Masker([secret])
    assume(b"***" not in masker.data(data))
    assert masker.data(data) == data
