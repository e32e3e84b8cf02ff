"""Logging for every process: one line per event on stderr, as `key=value` pairs or as JSON."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.tracing import current_ids

_FIRST = ["timestamp", "level", "logger", "event"]


def configure_logging(level: str, form: str = "logfmt") -> None:
    """Send log messages of structlog and the standard library, from `level` up, to stderr. `form` is `logfmt` or `json`."""
    shared = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _renderer(form),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    # These would log every call to Temporal or another server.
    for noisy in ("httpx", "httpcore", "urllib3", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Name the trace and the span in which something happened."""
    event.update(current_ids())
    return event


def _renderer(form: str) -> Processor:
    if form != "json":
        return structlog.processors.LogfmtRenderer(key_order=_FIRST, bool_as_flag=False)
    return structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
