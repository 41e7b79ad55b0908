"""A whole shop: the app served over real HTTP, the stand-in beside it, and a browser."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from membership.accounts.models import Member
from membership.app import create_app
from membership.clock import FixedClock
from membership.db import Base
from membership.outbox import OutboxItem
from membership.patronage import queries, services
from membership.patronage.entitlement import Standing
from membership.patronage.gateway import Gateway, make_gateway
from membership.patronage.models import Payment, Subscription
from membership.stripe_standin.server import StandInServer, end_serving
from tests.conftest import SettingsMaker, make_sessions, share_statements
from tests.factories.patronage import make_plan

# For tables of what forms and headers may hold: no row of theirs depends on the kind of database.
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
SECRET = "whsec_test"


class Silent(WSGIRequestHandler):
    """Writes no access log."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@dataclass
class Shop:
    """What a test of money works with."""

    app: Flask
    clock: FixedClock
    stripe: StandInServer
    site: str
    engine: Engine

    @property
    def gateway(self) -> Gateway:
        """The app's way to the stand-in."""
        gateway: Gateway = self.app.extensions["gateway"]
        return gateway

    def gateway_to_nowhere(self) -> Gateway:
        """A gateway whose Stripe answers nobody."""
        settings = replace(self.app.extensions["kernel"].settings, stripe_api_base="http://127.0.0.1:1")
        return Gateway(settings, timeout=1, retries=0)

    def session(self) -> Session:
        """A session of its own, to look into the database."""
        return make_sessions(self.engine)()

    def browser(self) -> "Browser":
        """A browser without cookies."""
        return Browser(self.app.test_client(), self.site)

    def webhooks_arrive(self) -> list[dict[str, Any]]:
        """Let the stand-in deliver what it has, over HTTP."""
        return self.stripe.deliver()

    def rows(self, model: type[Base], *columns: str) -> list[tuple[Any, ...]]:
        """Return the whole table, these columns, sorted."""
        with self.session() as session:
            return table(session, model, *columns)


@dataclass
class Browser:
    """A test client that sends what browsers send."""

    client: FlaskClient
    site: str

    def get(self, path: str, **options: Any) -> TestResponse:
        """Follow a link."""
        return self.client.get(path.removeprefix(self.site), base_url=self.site, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send a form from one of our own pages."""
        return self.client.post(path, data=data or {}, base_url=self.site, headers=SAME_ORIGIN, **options)

    def choose(self, interval: str = "month", amount: str = "500", *, other: str = "", article: str = "") -> TestResponse:
        """Send the ask's form."""
        fields = {"interval": interval, f"amount_{interval}": amount, f"other_{interval}": other, "article": article}
        return self.post("/support", fields)


@pytest.fixture
def shop(
    engine: Engine,
    make_settings: SettingsMaker,
    clock: FixedClock,
    tmp_path: Path,
    _compiled_templates: FileSystemBytecodeCache,
) -> Iterator[Shop]:
    """The app over HTTP with a plan, and the stand-in that sends it webhooks; runs on both databases."""
    served: list[Callable[..., Iterable[bytes]]] = []
    with serving(lambda *call: served[0](*call)) as port:
        hook = f"http://127.0.0.1:{port}/stripe/webhook"
        with StandInServer(_folder(tmp_path), clock=clock.now, webhook_url=hook, webhook_secret=SECRET) as stripe:
            settings = make_settings(
                DATABASE_URL=engine.url.render_as_string(hide_password=False),
                SITE_URL=f"http://localhost:{port}",
                STRIPE_API_BASE=stripe.url,
            )
            settings.round_keys_dir.mkdir(parents=True, mode=0o700)
            app = create_app(settings, clock=clock)
            share_statements(app.extensions["kernel"].engine, engine)
            app.jinja_env.bytecode_cache = _compiled_templates
            served.append(app.wsgi_app)
            with make_sessions(engine)() as session:
                make_plan(session)
            yield Shop(app, clock, stripe, settings.site_url, engine)
            app.extensions["kernel"].engine.dispose()


@dataclass
class Till:
    """The services and the stand-in, without any page: for what does not need HTTP of ours."""

    session: Session
    gateway: Gateway
    stripe: StandInServer
    clock: FixedClock

    def opens(self, interval: str = "month", amount_minor: int = 500, *, browser: bytes = b"b" * 32, **who: Any) -> services.Opened:
        """Start a checkout as a browser would."""
        choice = services.Choice(
            plan=queries.default_plan(self.session),
            interval=interval,
            amount_minor=amount_minor,
            language="en",
            browser_hash=browser,
            member_id=who.get("member_id"),
            article_id=who.get("article_id"),
            purpose=who.get("purpose", "membership"),
        )
        urls = {"success_url": "http://localhost/back?session_id={CHECKOUT_SESSION_ID}", "cancel_url": "http://localhost/support"}
        return services.start_checkout(self.session, self.gateway, choice=choice, now=self.clock.now(), **urls)

    def pays(self, interval: str = "month", amount_minor: int = 500, *, email: str = "reader@example.org", **who: Any) -> str:
        """Pay a checkout and bring it into our tables; return the session's id."""
        opened = self.opens(interval, amount_minor, **who)
        self.stripe.pay(opened.url, email=email)
        session_id = opened.attempt.stripe_session_id or ""
        self.sync_checkout(session_id)
        return session_id

    def sync_checkout(self, session_id: str) -> str:
        """Ask Stripe about a session."""
        return services.sync_checkout(self.session, self.gateway, stripe_session_id=session_id, now=self.clock.now())

    def sync(self, stripe_id: str) -> str:
        """Ask Stripe about a subscription."""
        return services.sync_subscription(self.session, self.gateway, stripe_id=stripe_id, now=self.clock.now())

    def hears(self, type_: str) -> str:
        """Take Stripe's newest event of this type as the webhook would; return what became of it."""
        event = self.stripe.client().v1.events.list({"type": type_, "limit": 1}).data[0]
        raw, now = json.dumps(event.to_dict(), default=str).encode(), self.clock.now()
        parsed = self.gateway.parse_event(raw, self.stripe.sign(raw, secret=SECRET), now)
        event = services.keep_event(self.session, parsed, livemode=False, now=now)
        return services.work_on_event(self.session, self.gateway, event, now=now) if event else "known"

    @property
    def charge_id(self) -> str:
        """The only charge that was taken."""
        charges = select(Payment.reference).where(Payment.kind == "charge")
        return self.session.scalars(charges).one()

    @property
    def standing(self) -> Standing:
        """What the only member is now."""
        ((member_id,),) = self.table(Member, "id")
        return queries.standing_of(self.session, member_id, at=self.clock.now())

    @property
    def mails(self) -> list[str]:
        """The kinds of mails that are to be sent, in their order."""
        return list(self.session.scalars(select(OutboxItem.kind).order_by(OutboxItem.id)))

    @property
    def subscription(self) -> Subscription:
        """The only subscription, as it is in the database."""
        rows = select(Subscription).execution_options(populate_existing=True)
        return self.session.scalars(rows).one()

    def table(self, model: type[Base], *columns: str) -> list[tuple[Any, ...]]:
        """Return the whole table, these columns, sorted."""
        return table(self.session, model, *columns)


def table(session: Session, model: type[Base], *columns: str) -> list[tuple[Any, ...]]:
    """Return a whole table, these columns, sorted."""
    rows = session.execute(select(*(getattr(model, name) for name in columns)))
    found = sorted((tuple(row) for row in rows), key=repr)
    session.commit()
    return found


@pytest.fixture
def till(session: Session, make_settings: SettingsMaker, clock: FixedClock, tmp_path: Path) -> Iterator[Till]:
    """Our services with a plan, and the stand-in; runs on both databases."""
    make_plan(session)
    with StandInServer(_folder(tmp_path), clock=clock.now) as stripe:
        yield Till(session, make_gateway(make_settings(STRIPE_API_BASE=stripe.url)), stripe, clock)


@contextmanager
def serving(application: Callable[..., Iterable[bytes]]) -> Iterator[int]:
    """Serve a WSGI application on a free loopback port, in a thread."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        end_serving(server)
        thread.join()
        server.server_close()


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "stand-in"
    folder.mkdir()
    return folder
