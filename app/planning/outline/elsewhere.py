"""Recognizes steps that are meant for another machine: "On the server", "On db-1", "Run this on each node:".

Pure functions from the text of a heading, a sentence or a step to what it means.
"""

from __future__ import annotations

import re

from app.planning.outline.sections import plain

ELSEWHERE = (
    "is for another machine, so a person does it there. To run it here, add {run} to its item, or run behind the language of its "
    "block."
)
# A longer text is no place.
_MAX_WORDS = 160
_MACHINE = (
    r"(?:servers?|hosts?|machines?|computers?|nodes?|vms?|instances?|replicas?|stand-?by|bastion|jump ?(?:hosts?|box|server)|"
    r"gateways?|routers?|load ?balancers?|containers?|pods?|droplets?)"
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
_YOURS = r"(?!your\s+(?:[\w-]+\s+)?(?:machine|computer|box)\b)"
_NAMED = (
    # "db-1", "web01", and not "python3" or "step-2"
    r"(?!(?:localhost|v|python|node|php|java|day|step|phase|stage|week|round|q|port|line|page|level|layer|version|"
    r"windows|debian|ubuntu|centos|rhel|fedora|el|ipv)-?[0-9])(?:[a-z]+-)*[a-z]+-?[0-9]{1,4}(?:\.[a-z][\w.-]*)?(?![\w-])"
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
_MAY_NAME_A_PLACE = re.compile(r"(?:on|from|in|inside)\s", re.IGNORECASE)
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def is_elsewhere(words: str) -> bool:
    """Whether a heading, a step or the sentence above a block says that its commands are for another machine.

    "On Debian" and "On failure" say no such thing, and neither does "On your machine", where the reader is.
    """
    if _MAY_NAME_A_PLACE.search(words) is None:
        return False
    text = plain(words)
    return len(text) <= _MAX_WORDS and _ELSEWHERE.match(text) is not None


def introduces_elsewhere(sentences: str) -> bool:
    """Whether the last sentence above a list or a block says that the commands below are for another machine."""
    return is_elsewhere(_SENTENCE_ENDS.split(sentences)[-1])
