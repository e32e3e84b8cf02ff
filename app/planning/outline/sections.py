"""Recognizes sections and steps that do not simply run: rollbacks, alternatives, prerequisites, conditions, references.

Pure functions from the text of a heading or a step to what it means.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from app.planning.outline.programs import holds_commands


class Kind(StrEnum):
    """What a section is, apart from steps to do."""

    ROLLBACK = "rollback"
    ALTERNATIVE = "alternative"
    CONDITIONAL = "conditional"
    CHECKLIST = "checklist"
    TEXT = "text"
    # Text only if nothing in it can run.
    REMARK = "remark"


# A longer heading is a sentence.
_MAX_HEADING = 120

_NUMBERING = re.compile(
    r"^\W*(?:(?:step|phase|part|section|chapter)\s+)?(?:[0-9]+(?:\.[0-9]+)*[.):]?|[a-z][.)])?[\s:.\u2013\u2014-]*",
    re.IGNORECASE,
)
_ROLLBACK = re.compile(
    r"(?:(?:how to|to|emergency|in case of [\w ]{1,40}|disaster|optional|the|when to|manual|automatic)\W+)*"
    r"(?:(?:roll(?:ing)?[- ]?backs?|revert(?:ing)?|back(?:ing)?[- ]?out|undo(?:ing)?)\b(?!\s+(?:test|tests|check)\b)"
    r"|(?:recover(?:y|ing)?|fall[- ]?back)(?:\s+(?:plan|procedure|steps|instructions|strategy|from\b.*))?\W*$)"
    r"|.{0,60}\b(?:roll[- ]?back|back[- ]?out)(?:\s+(?:plan|procedure|steps|instructions|strategy))?\W*$",
    re.IGNORECASE,
)
# "Prepare the rollback" is a step of the way forward.
_ABOUT_ROLLBACK = re.compile(
    r"(?:prepare|test|verify|check|document|create|make|write|plan|enable|disable|configure|set up|review|"
    r"agree|confirm|schedule)\b",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"(?:common )?(?:trouble[- ]?shooting|references?|see also|further (?:reading|information)|read more|"
    r"(?:useful |related )?links|"
    r"(?:useful |related |additional )?resources|(?:emergency )?contacts?(?: (?:information|list|persons?|"
    r"details))?|who to (?:call|contact)|"
    r"escalation(?: contacts?| path)?|(?:table of )?contents|toc|index|f\.?a\.?q\.?s?|"
    r"frequently asked questions|glossary|(?:[\w-]+ ){0,3}known (?:issues|problems|limitations)|"
    r"related (?:documents?|documentation|pages|runbooks)|revision history|document history|change history|license|"
    r"common (?:problems|issues|errors))\W*$"
    r"|(?:(?:an?|the|some)\s+)?(?:samples?|examples?)(?:\s+(?:[\w-]+\s+){0,2}(?:scripts?|outputs?|config\w*|files?|usage|sessions?|"
    r"logs?|responses?|commands?|manifests?|snippets?))?\W*$",
    re.IGNORECASE,
)
# Procedures that take back each other: nobody does both in a row.
_OPPOSITES = [
    (re.compile(there, re.IGNORECASE), re.compile(back, re.IGNORECASE))
    for there, back in (
        (
            r"\b(?:back(?:ing)?[- ]?ups?|snapshot(?:s|ting)?|dump(?:ing)?|export(?:ing)?)\b",
            r"\b(?:restores?|restoring|import(?:ing)?)\b",
        ),
        (r"\binstall(?:ing|ation)?\b", r"\b(?:uninstall(?:ing|ation)?|remov(?:e|ing|al))\b"),
        (r"\bupgrad(?:e|ing)\b", r"\bdowngrad(?:e|ing)\b"),
        (r"\benabl(?:e|ing)\b", r"\bdisabl(?:e|ing)\b"),
    )
]
_REMARK = re.compile(
    r"(?:background|overview|introduction|about(?: this (?:document|runbook|guide))?|summary|purpose|scope|"
    r"symptoms?|impact|meaning|"
    r"when to use(?: this)?|audience|goals?|definitions?|terminology|notes?|context|motivation|owners?|"
    r"severity|alerts?)\W*$",
    re.IGNORECASE,
)
_CHECKLIST = re.compile(
    r"(?:pre-?\s?requisites?|pre-?reqs?|(?:system |software |hardware )?requirements|before (?:you|"
    r"we) (?:begin|start)|before (?:beginning|starting)|"
    r"what (?:you|you'll|you will) need|you(?:'ll| will)? need|things you need|assumptions|"
    r"pre-?conditions?|required (?:access|tools|permissions|software))\W*$",
    re.IGNORECASE,
)
_ALTERNATIVE = re.compile(
    r"(?:option|scenario|alternative|method|variant|approach|case|possibility|choice)\s+(?:[a-z]|"
    r"[0-9]{1,2}|[ivx]{1,4}|one|two|three|four|five)\b",
    re.IGNORECASE,
)
_PLATFORM = re.compile(
    r"(?:(?:install(?:ing|ation)?|set ?up)\s+)?(?:(?:on|for|using|with|via|under)\s+(?:an?\s+|the\s+)?)?(?:debian|ubuntu|"
    r"fedora|cent ?os|rhel|red ?hat|arch|alpine|"
    r"open ?suse|suse|gentoo|linux|mac ?os(?: x)?|mac|os ?x|windows|wsl|free ?bsd|unix|homebrew|brew|apt|"
    r"dnf|yum|pacman|snap|"
    r"docker(?: compose)?|podman|kubernetes|helm|pip|conda|npm|yarn|pnpm|aws|gcp|google cloud|azure|"
    r"amazon linux|raspberry pi)"
    r"(?:\s*(?:/|,|and|or|&)\s*[\w ]{2,20}|\s+[0-9.]+\+?|\s+users)?\W*$",
    re.IGNORECASE,
)
_INSTALLS = re.compile(r"(?:install\w*|set ?up)\s+(?!(?:on|for|using|with|via|under)\b)", re.IGNORECASE)
_CONDITIONAL = re.compile(
    r"(?:(?:note|tip|important|warning|caution|otherwise|alternatively)\W+)?"
    r"(?:(?:if|in case|only if|only when|unless|as needed|optional(?:ly)?|when (?:needed|necessary|required|"
    r"applicable|something|things|(?:doing|making|releasing|upgrading|using|deploying|preparing) an?)|"
    r"where (?:needed|necessary|applicable)|"
    r"(?:only )?for (?:an? )?(?:patch|minor|major|security|hot-?fix|pre-?|beta|stable)\W?(?:releases?|versions?))\b"
    r"|.{0,120}\bdepend(?:s|ing) on (?:whether|which|what|how)\b)"
    r"|.{0,200}\((?:optional|optionally|if (?:needed|necessary|required|applicable)|as needed|when needed|"
    r"only if [^()]{1,60}|if [^()]{1,60})\)\W*$"
    r"|.{0,80}[:\u2013\u2014-]\s*optional\W*$|.{0,120}[\s,](?:if|when|where) (?:needed|necessary|required|"
    r"applicable)\W*$",
    re.IGNORECASE,
)
_NUMBER = r"(?:an?|one|two|three|four|five|six|seven|ten|[0-9]+|(?:a )?few|several|some)"
_TIME = rf"{_NUMBER}(?:\s*(?:-|\u2013|to)\s*[0-9]+)?\s*(?:seconds?|secs?|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|months?)\b"
# "After one week", "Wait 10 minutes, then restart it", "T+1h", "Fail back (next day)"
_LATER = re.compile(
    rf"(?:(?:after|wait(?:\s+for)?|in)\s+(?:about\s+|at least\s+|another\s+|approximately\s+|~)?{_TIME}"
    r"|later(?:\s+on)?\s*[,:]"
    rf"|(?:the\s+)?(?:next|following)\s+(?:day|week|month|morning|business day|working day)\b|tomorrow\b|{_TIME}\s+later\b"
    r"|(?:on\s+)?(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?(?:at\s+)?[0-9]{1,2}:[0-9]{2}\b(?!:[0-9])"
    rf"|T\s?\+\s?[0-9]+\s?(?:s|m|min|h|d|hours?|minutes?|days?)\b)"
    rf"|.{{0,160}}\((?:(?:after|in)\s+{_TIME}|(?:the\s+)?(?:next|following)\s+(?:day|week|month)|tomorrow|{_TIME}\s+later)\)\W*$",
    re.IGNORECASE,
)
_EITHER = re.compile(
    r".{0,120}\b(?:either|one of (?:the following|these|them|the two)|(?:choose|pick|use|do) (?:only )?(?:one|either|between)|"
    r"any of (?:the following|these))\b",
    re.IGNORECASE,
)
_WAY_BACK = re.compile(
    r"(?:(?:to|how to)\s+)?(?:roll(?:ing)?[- ]?back|revert|back[- ]?out|undo)\b(?!\s+(?:test|tests|check)\b)",
    re.IGNORECASE,
)
# "(patch releases only) Tag it", "(initial beta) Make a branch"
_QUALIFIED = re.compile(
    r"~~.+~~|.{0,160}\((?:deprecated|obsolete|outdated|no longer (?:needed|used|necessary|required)|skip(?: this)?)\)|"
    r"\((?:[^()]{0,60}\bonly|[^()]{0,60}\b(?:releases?|versions?|alpha|beta|optional(?:ly)?)(?: [^()]{0,20})?)\)\s*:?\s*\S",
    re.IGNORECASE,
)
# "Import it (replace N with the number of processors):", "Run this, replacing app with your own name:"
_ADAPTED = re.compile(
    r"\((?:(?:please|remember to|make sure to|be sure to)\s+)?(?:replac|substitut|adjust|adapt|chang)(?:e|ing)?\b[^()]{1,120}\)"
    r"|\b(?:replacing|substituting)\s[^:]{1,100}\s(?:with|by|for)\s"
    r"|\b(?:be sure|make sure|remember|don't forget|don\u2019t forget) to (?:replace|substitute|adjust|adapt)\b",
    re.IGNORECASE,
)
# "You should see", "it will print", "you'll get"
_SEEN = (
    r"(?:(?:you|it|this|that|the (?:output|result|command|response|page|logs?))(?:'ll|\u2019ll|\s+(?:should|will|can|may|might))"
    r"(?:\s+(?:now|then|also|again))?\s+(?:see|print|show|look|return|be(?!\s+(?:able|ready|asked))|output|get|receive|display|say|contain))"
)
# "For example:", "The output should look like this:", "which prints:"
_SAMPLE = re.compile(
    r"(?:here(?:'s|\u2019s| is)|below is) an? (?:sample|example)\b"
    r"|(?:for (?:example|instance)|e\.g\.?|(?:an? )?(?:example|expected|sample)(?: (?:output|results?|response|usage))?"
    r"|(?:the )?output|usage)\W*:\s*$"
    r"|(?:for (?:example|instance)|e\.g\.?)\b"
    rf"|{_SEEN}\b[^:]{{0,80}}:\s*$"
    r"|(?:which|this|that|it|the command)(?:\s+(?:command|will|should|then))?\s+"
    r"(?:prints?|shows?|returns?|outputs?|displays?|looks?|gives?)"
    r"(?:\s+(?:you|us))?(?:\s+something)?(?:\s+(?:like|similar to))?(?:\s+(?:this|that|the following))?\W*:\s*$"
    r"|(?:(?:the|an?|your|its|with|and)\s+){0,2}(?:(?:sample|example|expected|following|resulting|command)\s+){0,2}"
    r"(?:output|response|result)s?(?:\s+(?:is|looks?|should|will|be|look|something|similar|to|like|this|the|following|below)){0,6}\W*:\s*$",
    re.IGNORECASE,
)
# "Scale it up, for example:" says what to do, and shows how.
_ENDS_WITH_A_SAMPLE = re.compile(r".{0,200}\b(?:for (?:example|instance)|e\.g\.?|such as)\W*:\s*$", re.IGNORECASE)
# Folded text with such a name shows something: "Example output", "Click to see the logs".
_SHOWS_OUTPUT = re.compile(
    r".{0,60}\b(?:outputs?|examples?|samples?|logs?|results?|responses?|screenshots?|demo)\W*$|(?:example|sample)s?\b.{0,60}$",
    re.IGNORECASE,
)
# "Do not run this while imports are running:"
_FORBIDS = re.compile(
    r"(?:warning\W+|important\W+|note\W+)?"
    r"(?:(?:you|we) (?:should|must|may|can) (?:not|never)|do not|don't|don\u2019t|never|must not|avoid)\b"
    r"(?!\s+(?:forget|worry|skip|hesitate|panic|miss))",
    re.IGNORECASE,
)
# "You should not do this", "Restart it (deprecated)", as a heading.
_BANS = re.compile(
    rf"(?!avoid){_FORBIDS.pattern}|(?:deprecated|obsolete)\b"
    r"|.{0,100}\((?:deprecated|obsolete|outdated|do not use|no longer (?:needed|used|necessary|required))\)\W*$",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_NOT_TO_RUN = re.compile(
    r"(?:never|do not|don't|don\u2019t|must not|avoid|not)\b"
    r"|.{0,80}\b(?:never|do not|don't|don\u2019t|must not|instead of|rather than)\b"
    r"|(?:.{0,200}\b)?(?:example|e\.g\.?|such as|for instance|expected(?: output| result)?|output|returns|prints|shows|says|"
    r"result|response|error|message|default|usage|format|syntax|formerly|previously|named|called|like)$"
    # "With: `make`" runs, "Replace it with: `make`" does not.
    r"|.{0,200}\S\s(?:is|are|was|be|to|with|as|into|from|of|by|contains?|equals?)$",
    re.IGNORECASE,
)
# "Name of the branch: `main`" does not run, "Switch to the branch: `git switch main`" does.
_ENDS_WITH_A_THING = re.compile(
    r"(?:.{0,200}\b)?(?:value|file|files|branch|path|folder|directory|address|host|url|label|title|subject)$",
    re.IGNORECASE,
)
# "Image registry: `registry.example/app`" does not run, nor does any other name of a single word.
_ENDS_WITH_A_NAME = re.compile(
    r"(?:.{0,200}\b)?(?:targets?|namespaces?|registry|buckets?|clusters?|regions?|accounts?|users?|usernames?|groups?|roles?|"
    r"projects?|repository|repo|images?|tags?|versions?|ports?|hostnames?|domains?|zones?|environments?|channels?|teams?|owners?|"
    r"contexts?|profiles?|topics?|queues?|tables?|databases?|schemas?|names?|keys?|ids?)$",
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


_FORMS = {
    _CONDITIONAL: Kind.CONDITIONAL,
    _CHECKLIST: Kind.CHECKLIST,
    _TEXT: Kind.TEXT,
    _REMARK: Kind.REMARK,
}


def kind_of(heading: str) -> Kind | None:
    """What the section below a heading is. None: steps to do, as usual."""
    text = plain(heading)
    if not text or len(text) > _MAX_HEADING:
        return None
    if _ROLLBACK.match(text) and not _ABOUT_ROLLBACK.match(text):
        return Kind.ROLLBACK
    if _ALTERNATIVE.match(text) or _PLATFORM.match(text):
        return Kind.ALTERNATIVE
    if _LATER.match(text) or _LATER.match(heading.strip()):
        return Kind.CONDITIONAL
    if bans(heading):
        return Kind.CHECKLIST
    return next((kind for form, kind in _FORMS.items() if form.match(text)), None)


@lru_cache(maxsize=64)
def is_conditional(step: str) -> bool:
    """Whether a step says that it is only sometimes done: "If …", "Optional: …", "… (if needed)".

    Of a text that introduces something with a colon, the last sentence counts, too.
    """
    return (
        _introduces(_CONDITIONAL, step) or is_later(step) or _QUALIFIED.match(step.strip()) is not None or _adapts(step)
    )


def _adapts(step: str) -> bool:
    """Whether a step says to change its command before it runs: "replacing app with your own name"."""
    return _ADAPTED.search(step[:400]) is not None


def how_done(step: str) -> str:
    """Why a step that `is_conditional` does not simply run, behind "is"."""
    if is_later(step):
        return "for later"
    return "to be changed before it runs" if _adapts(step) else "not always done"


@lru_cache(maxsize=64)
def is_later(step: str) -> bool:
    """Whether a step or a section says that it is for later: "After one week", "Wait 10 minutes, then …", "T+1h"."""
    # A time such as 18:00 looks like a number in front of the words.
    return _introduces(_LATER, step) or _LATER.match(step.strip()) is not None


def bans(heading: str) -> bool:
    """Whether a heading says not to do what is below it."""
    return _BANS.match(plain(heading)) is not None or heading.strip().startswith("~~")


def forbids(sentence: str) -> bool:
    """Whether a sentence above a block says that it is not to be run, or not always: "Do not run this during imports:"."""
    return _introduces(_FORBIDS, sentence)


def offers_ways(sentence: str) -> bool:
    """Whether a sentence above a list says that its items are several ways: "Do one of the following:"."""
    return _introduces(_EITHER, sentence)


def is_way_back(sentence: str) -> bool:
    """Whether a sentence above a block says that it takes back what the others do: "To roll back:"."""
    return _introduces(_WAY_BACK, sentence)


@lru_cache(maxsize=64)
def is_sample(step: str) -> bool:
    """Whether a step shows how something looks, such as "Here is an example:", rather than says what to do."""
    # The start of "e.g." looks like a number in front of the words.
    return _introduces(_SAMPLE, step) or _SAMPLE.match(step.strip()) is not None


def ends_with_sample(sentence: str) -> bool:
    """Whether a sentence above a block says what to do and only shows how: "Scale it up, for example:"."""
    return _introduces(_ENDS_WITH_A_SAMPLE, sentence)


def shows_output(name: str) -> bool:
    """Whether folded text with this name shows something, and says nothing to do: "Example output"."""
    return _SHOWS_OUTPUT.match(plain(name)) is not None or is_sample(f"{name}:")


def _introduces(form: re.Pattern[str], step: str) -> bool:
    text = plain(step)
    last = _SENTENCE_ENDS.split(text)[-1] if text.rstrip().endswith(":") else ""
    return form.match(text) is not None or (bool(last) and form.match(last) is not None)


def is_alternative(step: str) -> bool:
    """Whether a step or a section is one of several ways: "Option A", "On Debian", "Using Docker".

    "Install Docker" is not: it can stand beside "Install Helm", and both are done.
    """
    text = plain(step)
    return len(text) <= _MAX_HEADING and (
        _ALTERNATIVE.match(text) is not None or (_PLATFORM.match(text) is not None and not _INSTALLS.match(text))
    )


def takes_back(heading: str, before: str) -> bool:
    """Whether a section takes back what the one before it does: "Restore" behind "Back up". Numbered ones are one procedure."""
    if plain(heading) != heading or plain(before) != before:
        return False
    for there, back in _OPPOSITES:
        found, also = back.search(heading), there.search(heading)
        comes_first = found is not None and (also is None or found.start() < also.start())
        if comes_first and there.search(before) and not back.search(before):
            return True
    return False


def why_not_run(label: str, code: str) -> str | None:
    """Why `label: code` does not mean that the code is to be run, as the rest of a sentence. None if it does."""
    names_it = _ENDS_WITH_A_THING.match(label[-200:]) and not (
        _SAYS_WHAT_TO_DO.match(label) and _CALL.match(code.strip())
    )
    word = code.strip()[:300]
    if not names_it and not re.search(r"\s", word):
        # A word alone is the name of something, unless it is that of a program.
        may_name = not label or _ENDS_WITH_A_NAME.match(label[-200:]) or _HYPHENS.fullmatch(word)
        names_it = may_name and not (holds_commands(word) or word in _ALONE or _SCRIPT.fullmatch(word))
    if names_it or _NOT_TO_RUN.match(label[-200:]):
        return "the words before it do not say that it is to be run"
    if _NO_COMMAND.fullmatch(word) or (not label and _NAME.fullmatch(word)):
        return "it does not look like a command"
    return None


# A step is asked several questions in a row.
@lru_cache(maxsize=16)
def plain(heading: str) -> str:
    """A heading without the number in front of it."""
    match = _NUMBERING.match(heading)
    rest = heading[match.end() :].strip() if match else heading
    return rest or heading.strip()
