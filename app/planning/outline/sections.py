"""Recognizes sections and steps that do not simply run: rollbacks, alternatives, prerequisites, conditions, references.

Pure functions from the text of a heading or a step to what it means.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


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
# "On failure", "If something goes wrong", as a heading.
_AFTER_FAILURE = re.compile(
    r"(?:on|upon|after|in case of|in the event of) (?:an? |any )?(?:failures?|errors?)\W*$"
    r"|(?:if|when) (?:it|this|that|something|anything|things|any step|a step|one of the steps) "
    r"(?:fails?|failed|go(?:es)? wrong|breaks?)\W*$",
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
    r"[*_(\[]{0,3}(?:(?:note|tip|important|warning|caution|otherwise|alternatively|and|or|but|then|now|next|also|however|again)\W+)?"
    r"(?:(?:if|in case|in the event|in an? emergency|only if|only when|unless|as needed|as a (?:last resort|fall-?back)|"
    r"failing that|otherwise|optional(?:ly)?|whenever|when (?:needed|necessary|required|"
    r"applicable|something|things|(?:doing|making|releasing|upgrading|using|deploying|preparing) an?)|"
    r"(?:when|once) (?:[^:.]{1,60} )?(?:fails?|failed|hangs?|crash(?:es|ed)?|breaks?|goes wrong|times out|"
    r"is (?:stuck|down|broken))|should (?:the|an?|it|this|that|there|any|you|your|one|something|anything)|"
    r"where (?:needed|necessary|applicable)|only (?:in|on|for)|(?:in|on|for|with)\s[^:,]{1,60}\sonly(?=\W*$)|"
    r"(?:only )?for (?:an? )?(?:patch|minor|major|security|hot-?fix|pre-?|beta|stable)\W?(?:releases?|versions?))(?![^\W_])"
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
    r"(?!\s+(?:terminal|shell|window|tab|console))"
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
# "Rollback", "To undo it", as the title of a step. "Revert the banner" is a step like any other.
_WAY_BACK_STEP = re.compile(
    r"(?:to|how to)\s+(?:roll(?:ing)?[- ]?back|revert|back[- ]?out|undo)\b"
    r"|(?:roll[- ]?back|revert|back[- ]?out|undo|fall[- ]?back|recovery)"
    r"(?:\s+(?:plan|procedure|steps?|commands?|instructions))?\W*$",
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
    r"(?!\s+(?:forget|worry|skip|hesitate|panic|miss))"
    # "Previously, we used:", "The old way was:"
    r"|(?:previously|formerly|in the past|historically),?\s+(?:we|you|it|this|one|people)\b|(?:we|you|people) used to\b"
    r"|(?:the|an?) (?:old|former|previous|wrong) (?:way|command|procedure|method)\b",
    re.IGNORECASE,
)
# "You should not do this", "Restart it (deprecated)", as a heading.
_BANS = re.compile(
    rf"(?!avoid){_FORBIDS.pattern}|(?:deprecated|obsolete)\b"
    r"|.{0,100}\((?:deprecated|obsolete|outdated|do not use|no longer (?:needed|used|necessary|required))\)\W*$",
    re.IGNORECASE,
)
# "Release runbook (deprecated)", "Do not use this any more", as the title of a document.
_RETIRED = re.compile(
    r"\W*(?:deprecated|obsolete|outdated)\b"
    r"|.{0,200}\b(?:deprecated|obsolete|superseded|no longer (?:used|valid|needed|in use))\W*$"
    r"|.{0,200}\b(?:do not|don't|don\u2019t|never) (?:use|run|follow)\b",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
# Something of each text that the rules of the same name match, in lowercase. To look for it takes a tenth of the time.
_MAY_BE_CONDITIONAL = re.compile(
    "if|only|case|unless|need|option|when|where|for|depend|event|emergency|resort|fall|fail|otherwise|once|should"
)
_MAY_BE_LATER = re.compile(r"after|wait|in\s|later|next|following|tomorrow|[0-9]:[0-9]|t\s?\+")
_MAY_BE_QUALIFIED = re.compile(r"[(~]")
_MAY_BE_ADAPTED = re.compile("\\(|replacing|substituting| to (?:replace|substitute|adjust|adapt)")
_MAY_BE_SAMPLE = re.compile(r"example|sample|instance|e\.g|:\s*$")
_MAY_OFFER = re.compile("either|one|between|any of")
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
    if (_ROLLBACK.match(text) and not _ABOUT_ROLLBACK.match(text)) or _AFTER_FAILURE.match(text):
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
        (may_match(_MAY_BE_CONDITIONAL, step) and _introduces(_CONDITIONAL, step))
        or is_later(step)
        or (may_match(_MAY_BE_QUALIFIED, step) and _QUALIFIED.match(step.strip()) is not None)
        or _adapts(step)
    )


def may_match(hint: re.Pattern[str], text: str) -> bool:
    """Whether a text may match a rule. Letters beyond ASCII can be equal to others in ways that a hint does not know."""
    return not text.isascii() or hint.search(text.lower()) is not None


def _adapts(step: str) -> bool:
    """Whether a step says to change its command before it runs: "replacing app with your own name"."""
    return may_match(_MAY_BE_ADAPTED, step) and _ADAPTED.search(step[:400]) is not None


def how_done(step: str) -> str:
    """Why a step that `is_conditional` does not simply run, behind "is"."""
    if is_later(step):
        return "for later"
    return "to be changed before it runs" if _adapts(step) else "not always done"


@lru_cache(maxsize=64)
def is_later(step: str) -> bool:
    """Whether a step or a section says that it is for later: "After one week", "Wait 10 minutes, then …", "T+1h"."""
    # A time such as 18:00 looks like a number in front of the words.
    return may_match(_MAY_BE_LATER, step) and (_introduces(_LATER, step) or _LATER.match(step.strip()) is not None)


def bans(heading: str) -> bool:
    """Whether a heading says not to do what is below it."""
    return _BANS.match(plain(heading)) is not None or heading.strip().startswith("~~")


def is_retired(title: str) -> bool:
    """Whether the title of a document says not to do what is in it: "Release runbook (deprecated)"."""
    return _RETIRED.match(title) is not None


def forbids(sentence: str) -> bool:
    """Whether a sentence above a block says that it is not to be run, or not always: "Do not run this during imports:"."""
    return _introduces(_FORBIDS, sentence)


def is_way_back_step(title: str) -> bool:
    """Whether the title of a step says that it takes back what the others do, or is for failures: "Rollback", "On failure"."""
    text = plain(title).strip("*_ :.")
    return _WAY_BACK_STEP.match(text) is not None or _AFTER_FAILURE.match(text) is not None


def offers_ways(sentence: str) -> bool:
    """Whether a sentence above a list says that its items are several ways: "Do one of the following:"."""
    return may_match(_MAY_OFFER, sentence) and _introduces(_EITHER, sentence)


def is_way_back(sentence: str) -> bool:
    """Whether a sentence above a block says that it takes back what the others do: "To roll back:"."""
    return _introduces(_WAY_BACK, sentence)


@lru_cache(maxsize=64)
def is_sample(step: str) -> bool:
    """Whether a step shows how something looks, such as "Here is an example:", rather than says what to do."""
    # The start of "e.g." looks like a number in front of the words.
    return may_match(_MAY_BE_SAMPLE, step) and (_introduces(_SAMPLE, step) or _SAMPLE.match(step.strip()) is not None)


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


# A step is asked several questions in a row.
@lru_cache(maxsize=16)
def plain(heading: str) -> str:
    """A heading without the number in front of it."""
    match = _NUMBERING.match(heading)
    rest = heading[match.end() :].strip() if match else heading
    return rest or heading.strip()
