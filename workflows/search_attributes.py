"""The search attributes that runs carry: the one list that dev server, worker and workflow share.

Keywords only: Temporal on SQL visibility has room for 10 of them, and for 3 of every other type.
"""

from temporalio.common import SearchAttributeKey

STATUS = SearchAttributeKey.for_keyword("SignoffStatus")
STAGE = SearchAttributeKey.for_keyword("SignoffStage")
STRATEGY = SearchAttributeKey.for_keyword("SignoffStrategy")
AGENT = SearchAttributeKey.for_keyword("SignoffAgent")

SEARCH_ATTRIBUTES = tuple(key.name for key in (STATUS, STAGE, STRATEGY, AGENT))
