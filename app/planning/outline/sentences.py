"""Recognizes sentences that say when a step is done: the next one must wait, or this one is not always done.

Pure functions from the text beside a step to what it means.
"""

from __future__ import annotations

import re

from app.planning.outline.sections import may_match

_GO_ON = r"(?:continu(?:e|ing)|proceed(?:ing)?|go(?:ing)? (?:on|ahead|further)|mov(?:e|ing) on|carry(?:ing)? on)"
# "Do not continue if it is empty", "Wait until all is quiet", "Get approval from the team first", as a sentence.
_WAITS = re.compile(
    r"\W*(?:(?:important|note|warning|caution|stop|then|now|and|but|please|also)\b\W*)*(?:"
    rf"(?:do not|don't|don\u2019t|never|only(?: then)?|you (?:must|should|can) (?:not|only)) {_GO_ON}\b|only then\b"
    rf"|{_GO_ON} (?:only|once|if|when|after)\b"
    r"|(?:stop|abort|pause|halt|hold)\b(?: here| now)?,? (?:if|until|unless|till)\b"
    r"|wait (?:until|till|for (?:an? )?(?:approval|confirmation|permission|sign-?off|go-?ahead|ok|okay|answer|reply))\b"
    r"|(?:get|obtain|ask for|request) (?:(?:an?|the|their|written|explicit|final) )*"
    r"(?:approval|permission|sign-?off|confirmation|go-?ahead|ok|okay)\b"
    r"|(?:only|never|do not|don't|don\u2019t) (?:run|do|use|execute|perform|start) (?:this|these|it|them|the following)\b.{0,80}"
    r"\b(?:if|when|unless|until|after|once|in case|while|during)\b"
    rf"|(?:make sure|ensure|verify|check|confirm|see)\b.{{1,160}}\bbefore (?:you )?{_GO_ON})",
    re.IGNORECASE,
)
# Something of each text that the rules of the same name match, in lowercase.
MAY_WAIT = re.compile(
    r"contin|proceed|\bgo|mov|carry|only|stop|abort|pause|halt|hold|wait|approval|permission|sign|confirm|\bok|not|never|don"
)


_STEP = r"(?:step|steps|section|part|command|commands|task|block)"
# "This step is optional.", "Skip this if the cache is shared.", "Only needed on Debian.", as a sentence.
_EXCUSED = re.compile(
    r"\W*(?:(?:important|note|warning|caution|tip)\b\W*)*(?:(?:you|we) (?:can|may|could) )?(?:"
    rf"(?:skip|omit|ignore) (?:this\b|(?:these|the|the following) {_STEP}\b)"
    rf"|(?:this|these|it)(?: {_STEP})? (?:is|are) (?:(?:entirely|completely|purely) )?"
    r"(?:optional|(?:only|not|not always|usually not) (?:needed|required|necessary|relevant|applicable)|deprecated|obsolete)\b"
    rf"|(?:this|these)(?: {_STEP})? (?:only appl(?:y|ies)|appl(?:y|ies) (?:only|if|when))\b"
    r"|(?:only|not) (?:needed|required|necessary|relevant|applicable)\b|optional(?:ly)?\b"
    r"|(?:only|never|do not|don't|don\u2019t) (?:do|run|use|execute|perform) (?:this|it|these|them)\b)",
    re.IGNORECASE,
)
MAY_EXCUSE = re.compile("skip|omit|ignore|optional|only|not|never|don|deprecated|obsolete|appl")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def says_to_wait(text: str) -> bool:
    """Whether a sentence of a text says that what comes next must wait: "Do not continue if the backup is empty."

    A sentence that ends with a colon says what is below it, which can be the waiting itself.
    """
    if not may_match(MAY_WAIT, text):
        return False
    sentences = _SENTENCE_ENDS.split(text.replace("\n", " "))
    return any(_WAITS.match(sentence) is not None for sentence in sentences if not sentence.rstrip("*_ ").endswith(":"))


def says_not_always(text: str) -> bool:
    """Whether a sentence of a text says that the step that it is about is not always done: "Skip this if it is empty"."""
    return may_match(MAY_EXCUSE, text) and any(
        _EXCUSED.match(sentence) is not None for sentence in _SENTENCE_ENDS.split(text.replace("\n", " "))
    )
