"""Which version the open pages have: asked of the database every so often, and never in a reader's way."""

import threading

import structlog
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import SQLAlchemyError

from membership.db import make_engine
from membership.logs import name_of
from membership.page_version import PageVersion

log = structlog.get_logger()

# Noticing a change and rendering the page have to fit into one second together.
INTERVAL_SECONDS = 0.8
# How long the one request that asks waits for the answer; a slow database answers later, and the pages stay as they were till then.
PATIENCE_SECONDS = 0.1
# A half-open connection must not hold the watch for hours: libpq gives up on unacknowledged data after this.
TCP_TIMEOUT_MS = 3_000


class VersionWatch:
    """Knows the page version as of a moment ago; `is_well` says whether the database answered when it was last asked."""

    def __init__(self, engine: Engine, *, patience: float = PATIENCE_SECONDS) -> None:
        own = _engine_of_its_own(engine)
        # Its own connection first: the pool may be exhausted when it matters most. The pool second: our own may be the one refused.
        self._engines = (own, engine)
        event.listen(engine, "engine_disposed", lambda _engine: self._let_go(own))
        self._patience = patience
        self._asking = threading.Lock()
        self.version: int | None = None
        self.is_well = False
        self.due_at = float("-inf")

    def ask(self, at: float) -> None:
        """Ask the database unless somebody is asking; at is monotonic time in seconds."""
        if not self._asking.acquire(blocking=False):
            return
        self.due_at = at + INTERVAL_SECONDS
        asking = threading.Thread(target=self._ask, name="page-version", daemon=True)
        asking.start()
        asking.join(self._patience)
        if asking.is_alive():
            self.is_well = False

    def ask_soon(self) -> None:
        """Let the next request ask, whenever the last one did: something was written through this process."""
        self.due_at = float("-inf")

    def _let_go(self, own: Engine) -> None:
        with self._asking:  # whoever is asking would else come back with a connection that nobody closes
            own.dispose()

    def _ask(self) -> None:
        try:
            version = self._read()
            if version is not None:
                self.version = version
            self.is_well = version is not None
        finally:
            self._asking.release()

    def _read(self) -> int | None:
        for engine in self._engines:
            try:
                with engine.connect() as connection:
                    return connection.scalar(select(PageVersion.version)) or 0
            except SQLAlchemyError as error:
                log.warning("page_cache.version_unknown", error=name_of(error))
        return None


def _engine_of_its_own(engine: Engine) -> Engine:
    url = engine.url
    if url.get_backend_name() == "postgresql":
        url = url.update_query_dict({"tcp_user_timeout": str(TCP_TIMEOUT_MS)})
    return make_engine(url.render_as_string(hide_password=False), pool_size=1)
