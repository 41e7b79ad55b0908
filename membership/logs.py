"""Logs that may be shown to anybody: no address, no token, no code, no sign-in or ballot path ever reaches them."""

import logging
import re
import sys
from typing import Any, TextIO

import structlog
from sqlalchemy.exc import DBAPIError

# Every address that a mail hands out with a token in it.
MAILED_PATHS = "sign-in/link|demo/staff|address|links|mails/(?:off|on)|staff/invitation"
SECRETS = (
    (re.compile(r"[^\s@<>()'\"=,;:/\\]+@[^\s@<>()'\"=,;:/\\]+\.[^\s@<>()'\"=,;:/\\]+"), "[address]"),
    (re.compile(rf"/(?:{MAILED_PATHS})/[^\s\"']+"), "[path]"),
    (re.compile(r"/votes/[^\s\"'/]+/ballot[^\s\"']*"), "[path]"),
    (re.compile(r"\b(?:sk|rk|whsec|pi|seti|cs)_[A-Za-z0-9_]{8,}"), "[secret]"),
    # A signed link's token, and a random one of 256 bits.
    (re.compile(r"(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{6}\.)?[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"), "[token]"),
    # Gift codes, recovery codes and ballot numbers: groups of four with a digit among them.
    (re.compile(r"(?<![\w-])(?=[A-Za-z-]*\d)[0-9A-Za-z]{4}(?:-[0-9A-Za-z]{4}){2,}(?:-[0-9A-Za-z]{2})?(?![\w-])"), "[code]"),
    (re.compile(r"\b(code\W{1,5})\d{6}\b", flags=re.IGNORECASE), r"\1[code]"),
    # PostgreSQL repeats the row's values here.
    (re.compile(r"(DETAIL:).*?(?=\\n|\n|\"|$)"), r"\1 [withheld]"),
)


def configure_logs(stream: TextIO | None = None) -> None:
    """Send our own and the libraries' logs to this stream (standard error), a line of JSON or text each, scrubbed."""
    out = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(sort_keys=True),
            _scrub_line,
        ],
        logger_factory=structlog.WriteLoggerFactory(file=out),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(_ScrubbingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def scrub(text: str) -> str:
    """Return the text without what could identify a reader or let somebody in."""
    for pattern, stand_in in SECRETS:
        text = pattern.sub(stand_in, text)
    return text


def name_of(error: BaseException) -> str:
    """Return what an error is called; one of the database's as its driver calls it: "DeadlockDetected" says more."""
    return type((error.orig if isinstance(error, DBAPIError) else None) or error).__name__


def _scrub_line(_logger: Any, _method: str, line: Any) -> str:
    return scrub(str(line))


class _ScrubbingFormatter(logging.Formatter):
    """Scrubs the finished line, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))
