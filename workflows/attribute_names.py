"""The names of search attributes, without Temporal's SDK: `signoff up` starts the dev server with them."""

STATUS = "SignoffStatus"
STAGE = "SignoffStage"
STRATEGY = "SignoffStrategy"
AGENT = "SignoffAgent"

SEARCH_ATTRIBUTES: tuple[str, ...] = (STATUS, STAGE, STRATEGY, AGENT)
