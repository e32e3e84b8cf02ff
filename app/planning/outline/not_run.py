"""Says why inline code behind words does not mean that it is to be run.

Pure functions from the words and the code.
"""

from __future__ import annotations

import re

from app.planning.outline.programs import holds_commands
from app.planning.outline.sections import may_match

_MAY_FORBID = re.compile("never|not|don|avoid|instead|rather")
_LAST_WORD = re.compile(r".*\b(\w+)$", re.DOTALL)
_NOT_TO_RUN = re.compile(
    r"(?:never|do not|don't|don\u2019t|must not|avoid|not)\b"
    r"|.{0,80}\b(?:never|do not|don't|don\u2019t|must not|instead of|rather than)\b"
    r"|(?:.{0,200}\b)?(?:example|e\.g\.?|such as|for instance|expected(?: output| result)?|output|returns|prints|shows|says|"
    r"result|response|error|message|default|usage|format|syntax|formerly|previously|named|called|like)$"
    r"|(?:see(?: also)?|cf\.?|reference|was|todo|fixme|deprecated|obsolete|legacy)$"
    # "With: `make`" runs, "Replace it with: `make`" does not.
    r"|.{0,200}\S\s(?:is|are|was|be|to|with|as|into|from|of|by|contains?|equals?)$",
    re.IGNORECASE,
)
# The last words of what _NOT_TO_RUN matches.
_MAY_END = re.compile(
    r"example|g|as|instance|expected|output|returns|prints|shows|says|result|response|error|message|default|usage|format|syntax|"
    r"formerly|previously|named|called|like|see|also|cf|reference|todo|fixme|deprecated|obsolete|legacy|is|are|was|be|to|with|into|from|of|by|contains?|equals?",
    re.IGNORECASE,
)
# "Name of the branch: `main`" does not run, "Switch to the branch: `git switch main`" does.
_A_THING = re.compile(
    r"value|file|files|branch|path|folder|directory|address|host|url|label|title|subject", re.IGNORECASE
)
# "Image registry: `registry.example/app`" does not run, nor does any other name of a single word.
_A_NAME = re.compile(
    r"(?:targets?|namespaces?|registry|buckets?|clusters?|regions?|accounts?|users?|usernames?|groups?|roles?|"
    r"projects?|repository|repo|images?|tags?|versions?|ports?|hostnames?|domains?|zones?|environments?|channels?|teams?|owners?|"
    r"contexts?|profiles?|topics?|queues?|tables?|databases?|schemas?|names?|keys?|ids?)",
    re.IGNORECASE,
)
_SAYS_WHAT_TO_DO = re.compile(r"(?!(?:the|an?|this|your|our|its)\b)\w+\s", re.IGNORECASE)
_CALL = re.compile(r"[a-z0-9_./~-]\S*\s+\S")
_NO_COMMAND = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # an address
    r"|[A-Za-z][A-Za-z0-9+.-]*://\S*"  # a URL
    r"|v?[0-9]+(?:\.[0-9]+)*(?:[-+.][\w.]+)?"  # a version or a number
    r"|--?[\w.-]+(?:[= ]\S+)?"  # an option
    r"|(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\s+\S+"  # a request
    r"|(?!\./)(?:[\w.@-]+/)*[\w.@-]*\.(?:md|rst|txt|cfg|conf|ini|toml|ya?ml|json|lock|xml|html?|css|csv|"
    r"tsv|sql|env|log|properties|"
    r"gradle|c|h|cc|cpp|rs|go|java|kt|js|ts|tsx|jsx|rb|py|tf|proto|png|svg|pdf|zip|gz|tgz|deb|rpm|jar|whl|"
    r"service|example)"  # a file
    r"|[A-Za-z_]\w*(?:=\S*|\(\))"  # an assignment or the name of a function
    r"|\S*(?:\.\.\.|\u2026)"  # an abbreviated value
    r"|\S*[/\\]|~/?\S*|[#@:$%]\S*"  # a folder, a mention, a variable
    r"|[(^]\S*|[A-Z][A-Z0-9_-]*|[A-Z][a-z]\w*|[\"'].*[\"']"  # a constant, a name, a quotation
    r"|\[(?!\s)[^\[\]]*\]|<[^<>]*>|\{(?!\s)[^{}]*\}|\{\{[^{}]*\}\}"  # a placeholder and nothing else
    r"|[A-Za-z_][\w.-]*:(?:\s.*)?"  # a setting: `image: app:1`
    r"|[\w-]+(?:\.[a-z]{2,})+(?:/[\w.-]+)+(?::[\w.-]+)?"  # an image or an address without a scheme
    r"|\\[A-Za-z?].*"  # a command of psql
    r"|(?:SELECT|INSERT|UPDATE|DELETE|ALTER|CREATE|DROP|GRANT|REVOKE|TRUNCATE|VACUUM|ANALYZE|EXPLAIN|SHOW|SET|USE|CALL|COPY)\s.*"
    r"|(?i:select\s.*\sfrom|insert\s+into|delete\s+from|update\s+\S+\s+set|(?:create|drop|alter)\s+(?:table|index|database|user|role|"
    r"extension|view|schema))\s.*"  # SQL
    r"|\S.*\s\[--?[A-Za-z][^\[\]]*\](?:\s.*)?"  # how to call a program: `run [--debug]`
)


# "`alternate_emails`" by itself is the name of a field, a value or a branch.
_SCRIPT = re.compile(r"\.{1,2}/\S+|\S*\bs?bin/[\w.-]+|\S*[\w-]\.(?:sh|bash|py|rb|pl)")
# Programs that do something without arguments, and whose names are nothing else.
_ALONE_LIST = """
    true false date uname whoami hostname uptime reboot poweroff shutdown halt sync id pwd lsblk lsscsi nproc dmesg lscpu lspci
    lsusb ifconfig netstat update-grub update-initramfs ldconfig depmod partprobe
"""
_ALONE = frozenset(_ALONE_LIST.split())
_HYPHENS = re.compile(r"(?!update-|apt-|dpkg-)[a-z0-9]+(?:-[a-z0-9]+){2,}")
_NAME = re.compile(
    r"(?!(?:pg|mysql|apt)_)[a-z]+(?:_[a-z0-9]+)+"
    r"|names?|email|url|title|labels?|alias|aliases|authors?|description|version|github|gitlab|slack|status"
    r"|null|none|latest|stable|main|master|develop|production|staging"
)


def why_not_run(label: str, code: str) -> str | None:
    """Why `label: code` does not mean that the code is to be run, as the rest of a sentence. None if it does."""
    last = _LAST_WORD.match(label[-200:])
    ends_with = last[1] if last is not None else ""
    names_it = _A_THING.fullmatch(ends_with) and not (_SAYS_WHAT_TO_DO.match(label) and _CALL.match(code.strip()))
    word = code.strip()[:300]
    if not names_it and not re.search(r"\s", word):
        # A word alone is the name of something, unless it is that of a program.
        may_name = not label or _A_NAME.fullmatch(ends_with) or _HYPHENS.fullmatch(word)
        names_it = may_name and not (holds_commands(word) or word in _ALONE or _SCRIPT.fullmatch(word))
    forbidden = _MAY_END.fullmatch(ends_with) or label.endswith(".") or may_match(_MAY_FORBID, label)
    if names_it or (forbidden and _NOT_TO_RUN.match(label[-200:])):
        return "the words before it do not say that it is to be run"
    if _NO_COMMAND.fullmatch(word) or (not label and _NAME.fullmatch(word)):
        return "it does not look like a command"
    return None
