"""Recognizes steps that are meant for another machine or user: "On the server", "Run this on each node:", "As root, run:".

Pure functions from the text of a heading, a sentence or a step to what it means.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.planning.outline.sections import may_match, plain

ELSEWHERE = (
    "is for another machine or user, so a person does it there. To run it here, add {run} to its item, or run behind the "
    "language of its block."
)
# A longer text is no place.
_MAX_WORDS = 160
_MACHINE = (
    r"(?:servers?|hosts?|machines?|computers?|nodes?|vms?|instances?|replicas?|stand-?by|bastion|jump ?(?:hosts?|box|server)|"
    r"gateways?|routers?|load ?balancers?|containers?|pods?|droplets?"
    r"|(?<=old\s)systems?|(?<=new\s)systems?|(?<=other\s)systems?|(?<=remote\s)systems?|(?<=source\s)systems?|(?<=target\s)systems?)"
)
# These are machines only with an article: "master" is a branch, too.
_ROLE = (
    r"(?:box(?:es)?|primary|secondary|secondaries|leader|followers?|master|slaves?|workers?|brokers?|control plane|"
    r"other side|remote(?: end| side)?|target)"
)
# A number or a name behind it: "node 2", "server A", "host db".
_WHICH = r"(?:\s+(?:[A-Z]|[0-9]+|[a-z][\w-]*[0-9][\w.-]*)(?![\w-]))?"
# "… that is down", "… with the database"
_THAT = r"(?:\s+(?:that|which|where|with|in|of|for|behind|you)\b[^:,;()]{1,80})?"
# Your own machine is where you are, and this one is where the step runs.
_FAR = (
    r"(?:(?:the|an?|each|every|all|both|any|one|another|your)\s+(?:of\s+)?(?:the\s+|your\s+)?"
    r"(?!(?:local|own|same|current)\b)(?:[\w-]+\s+){0,3}?)"
)
_YOURS = (
    r"(?!your\s+(?:(?!(?:old|new|other|remote|source|target|destination|production|staging)\b)[\w-]+\s+)?"
    r"(?:machine|computer|box)\b)"
)
_NAMED = (
    # "db-1", "web01", and not "python3" or "step-2"
    r"(?!(?:localhost|v|python|node|php|java|day|step|phase|stage|week|round|q|port|line|page|level|layer|version|"
    r"windows|debian|ubuntu|centos|rhel|fedora|el|ipv|py|pypy|utf|sha|tls|http)-?[0-9])(?:[a-z]+-)*[a-z]+-?[0-9]{1,4}(?:\.[a-z][\w.-]*)?(?![\w-])"
    # "db.example.com"
    r"|[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:com|net|org|io|local|internal|lan|intranet|example|test)(?![\w-])"
)
_PLACE = (
    rf"(?:on|from|in(?=\s+\S.{{0,40}}(?:container|pod|vm)s?\b)|inside)\s+{_YOURS}"
    rf"(?:(?:(?:{_FAR})?{_MACHINE}|{_FAR}{_ROLE})(?![\w-]){_WHICH}{_THAT}|(?:host\s+|server\s+|node\s+)?(?:{_NAMED})"
    rf"(?:(?:\s*,\s*|\s+and\s+)(?:{_NAMED}))*)"
)
_ELSEWHERE = re.compile(
    # "On the server", "On the server, stop it", "On db-1: stop it", "Run this on each node:"
    r"(?:(?:then|next|now|first|finally|again|and),?\s+)?"
    r"(?:(?:run|do|execute|enter|type|use|issue|start)\s+(?:(?:the|this|these|following|commands?|scripts?|steps?|it|again)\s+){0,4}|"
    r"(?:steps?|commands?|actions?|tasks?)\s+(?:to\s+(?:run|do)\s+)?)?"
    rf"{_PLACE}(?:\s*[:.]?\s*$|\s*[,:;\u2013\u2014]|\s+-\s)"
    # "Restart (on each node)", "Restart: on db-1"
    rf"|.{{0,120}}(?:\(|[:\u2013\u2014]\s+){_PLACE}\)?\s*[:.]?\s*$",
    re.IGNORECASE,
)
_EVERY = r"(?:(?:each|every|all|both)\s+(?:one\s+)?(?:of\s+)?(?:the\s+|your\s+)?)"
# "the new database server", but not "the load of the server"
_KIND = r"(?:(?!(?:of|to|in|for|from|with|the|and|or|at|by|local|own|same|current)\b)[\w-]+\s+){0,3}?"
_ONE = rf"(?:(?:the|an?|any|one|another|your)\s+(?:of\s+the\s+)?{_KIND})"
_NAMED_HERE = rf"(?![a-z0-9-]+\.(?:com|net|org|io)(?![\w.-]))(?:{_NAMED})"
_GOES_ON = r"(?=\s*(?:[:.,;()]|$)|\s+(?:and|then|with|as|before|after|while|by|using|first|again|now|in turn)\b)"
# Places anywhere in a sentence: "Restart it on each node, one at a time", "Stop it on the server", "SSH into db-1 and run".
_SOMEWHERE = re.compile(
    rf".{{0,120}}?\b(?:on|in(?:side)?(?=\s.{{0,40}}(?:container|pod|vm)s?\b))\s+{_YOURS}"
    rf"(?:{_EVERY}{_KIND}(?:{_MACHINE}|{_ROLE})(?![\w-])|(?:{_ONE}(?:{_MACHINE}|primary|secondary)(?![\w-]){_WHICH}|{_NAMED_HERE}){_GOES_ON})"
    rf"|(?:.{{0,60}}\b(?:and|then|,)\s+)?(?:for|repeat (?:this |it )?(?:for|on))\s+{_EVERY}{_KIND}(?:{_MACHINE}|{_ROLE})(?![\w-])"
    r"|(?:.{0,60}\b(?:and|then|,)\s+)?(?:ssh|log\s?in|log|login|sign\s?in|connect|jump|go|switch|shell|exec)\s+"
    rf"(?:(?:in|on|over|via ssh|with ssh)\s*)?(?:to|into|onto)\s+{_YOURS}"
    rf"(?:(?:{_EVERY}{_KIND}|{_ONE})(?:{_MACHINE}|{_ROLE})(?![\w-])|{_NAMED_HERE})",
    re.IGNORECASE,
)
# What carries a command to another machine, so that it is started here.
_GOES_THERE = re.compile(
    r"(?<![\w./-])(?:ssh|scp|sftp|rsync|mosh|pdsh|pssh|parallel-ssh|clush|ansible(?:-[\w-]+)?|salt|knife|kubectl|oc|helm|lxc|incus|"
    r"virsh|vagrant|multipass|aws|gcloud|gsutil|az|doctl|hcloud|flyctl|fly|heroku|terraform|tofu|pulumi|nomad|fab|cap|bolt)(?![\w.-])"
    r"|\b(?:docker|podman|nerdctl)(?:[ -]compose)?\s+(?:exec|run|-H|--host|--context)\b"
    r"|https?://(?!localhost\b|127\.|0\.0\.0\.0|\[::1?\])|\s--host[= ]|\s-[hH]\s+[\w$\"{]"
)
_ACCOUNT = (
    r"(?:(?:the\s+|an?\s+)?(?:root|super-?\s?user|administrator|sysadmin|postgres|mysql|oracle|www-data|nobody)(?:\s+(?:user|account))?"
    r"|(?:(?:the|your)\s+)?(?!(?:an?|the|same|current|own|your|regular|normal|new|non-root|nonroot|unprivileged|end|another|first|this|any)\s)"
    r"[\w.-]+\s+(?:user|account)|(?:the\s+)?(?:user|account)\s+(?!(?:who|that|with|you|of|in|for|agent|name|id)\b)[\w.-]+)"
)
# "As root, run", "Run this as the deploy user", "Switch to the postgres user", "Run with root privileges"
_AS_SOMEBODY = re.compile(
    rf"(?:.{{0,120}}?[\s(,])?as\s+{_ACCOUNT}(?![\w-]){_GOES_ON[:-1]}|\s+(?:run|execute|do|type|enter|issue|on|in)\b)"
    rf"|(?:.{{0,60}}\b(?:and|then|,)\s+)?(?:(?:switch|change|su)\s+(?:over\s+)?to|become)\s+{_ACCOUNT}(?![\w-])"
    r"|.{0,120}?\bwith\s+(?:sudo\b(?=\s*[:.,;)]|\s*$)|(?:sudo|root|super-?user|admin(?:istrator)?|elevated)\s+(?:privileges|permissions|rights|access)\b)",
    re.IGNORECASE,
)
# What runs a command as another user.
_BECOMES = re.compile(r"(?<![\w./-])(?:sudo|doas|su|runuser|gosu|setpriv|pkexec|machinectl)(?![\w./-])")
# In lowercase.
_MAY_NAME_SOMEBODY = re.compile(r"\b(?:as|to|become|with)\s")
_MAY_NAME_ANY_PLACE = re.compile(r"\b(?:on|in|inside|for|to|into|onto)\s")
_MAY_NAME_A_PLACE = re.compile(r"(?:on|from|in|inside)\s")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def is_elsewhere(words: str) -> bool:
    """Whether a heading, a step or the sentence above a block says that its commands are for another machine.

    "On Debian" and "On failure" say no such thing, and neither does "On your machine", where the reader is.
    """
    if not may_match(_MAY_NAME_A_PLACE, words):
        return False
    text = plain(words)
    return len(text) <= _MAX_WORDS and _ELSEWHERE.match(text) is not None


def runs_elsewhere(words: str, commands: Callable[[], str]) -> bool:
    """Whether words say that commands are for another machine or user, and the commands do not go there themselves.

    Other than in `is_elsewhere`, the place is anywhere in the words: "Restart it on each node", "As root, run".

    Args:
        words: a heading, a step or a sentence.
        commands: returns the source of the commands.
    """
    if _runs_as_somebody(words, commands):
        return True
    if not may_match(_MAY_NAME_ANY_PLACE, words):
        return False
    text = plain(words)
    return len(text) <= _MAX_WORDS and _SOMEWHERE.match(text) is not None and _GOES_THERE.search(commands()) is None


def _runs_as_somebody(words: str, commands: Callable[[], str]) -> bool:
    """Whether words say that commands are for another user, and they do not become that user themselves: "As root, run"."""
    if not may_match(_MAY_NAME_SOMEBODY, words):
        return False
    text = plain(words)
    return len(text) <= _MAX_WORDS and _AS_SOMEBODY.match(text) is not None and _BECOMES.search(commands()) is None


def introduces_elsewhere(sentences: str, commands: str) -> bool:
    """Whether the last sentence above a list or a block says that the commands below are for another machine."""
    last = _SENTENCE_ENDS.split(sentences)[-1]
    return is_elsewhere(last) or runs_elsewhere(last, lambda: commands)
