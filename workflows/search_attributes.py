"""The search attributes of Signoff's runs. Dev server, worker and workflow share this one list.

All are keywords: with SQL visibility, Temporal has room for 10 keyword attributes, and for 3 of every other type.
"""

from temporalio.common import SearchAttributeKey

from workflows import attribute_names

STATUS = SearchAttributeKey.for_keyword(attribute_names.STATUS)
STAGE = SearchAttributeKey.for_keyword(attribute_names.STAGE)
STRATEGY = SearchAttributeKey.for_keyword(attribute_names.STRATEGY)
AGENT = SearchAttributeKey.for_keyword(attribute_names.AGENT)
