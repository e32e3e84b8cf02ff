"""The search attributes of Signoff's runs. Dev server, worker and workflow share this one list.

All are keywords: with SQL visibility, Temporal has room for 10 keyword attributes, and for 3 of every other type.
"""

from temporalio.common import SearchAttributeKey

STATUS = SearchAttributeKey.for_keyword("SignoffStatus")
STAGE = SearchAttributeKey.for_keyword("SignoffStage")
STRATEGY = SearchAttributeKey.for_keyword("SignoffStrategy")
AGENT = SearchAttributeKey.for_keyword("SignoffAgent")

SEARCH_ATTRIBUTES = tuple(key.name for key in (STATUS, STAGE, STRATEGY, AGENT))
