"""A small newsroom in which one of everything exists, and people who may try every address of it."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alembic import command
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from membership.accounts import services as accounts
from membership.accounts.mail_links import make_mails_token
from membership.accounts.models import AddressChange, Invitation, LoginSession, Passkey, SignInRequest
from membership.accounts.queries import token_hash
from membership.app import create_app
from membership.articles.models import Article
from membership.clock import FixedClock
from membership.config import read_settings
from membership.db import transaction
from membership.outbox import OutboxItem
from membership.patronage import links
from membership.patronage.models import (
    BankImport,
    BankTransfer,
    CheckoutAttempt,
    FreeSeatRequest,
    PatreonImport,
    Payment,
    Subscription,
    TwinNotice,
)
from membership.stripe_standin.server import StandInServer
from membership.voting.certificates import Site
from membership.voting.keys import RoundKeys
from membership.voting.models import Topic
from membership.voting.services import issue_due
from membership.web.health import alembic_config
from membership.web.kept_pages import KeptPages
from tests.conftest import NOW, SECRET_KEY
from tests.factories import voting
from tests.factories.accounts import make_member, make_staff
from tests.factories.articles import make_article
from tests.factories.credits import make_commission
from tests.factories.patronage import make_plan
from tests.patronage.conftest import Till

ROLES = ("editor", "counter", "treasurer", "admin")
PEOPLE = ("anonymous", "reader", "patron", *ROLES)
OTHERS = "somebody.else@example.org"
SITE = "https://gazette.example"
METHODS = ("GET", "POST")
QUERIES = {"/foot": "?article=the-mains"}
TOKENS = {"sign-in": "s" * 43, "change": "c" * 43, "undo": "u" * 43, "invitation": "i" * 43}


def own_address(person: str) -> str:
    """Return under which address this person signs in."""
    return f"{person}@readers.example"


@dataclass
class World:
    """The newsroom, what its ids are, and everybody's cookies."""

    app: Flask
    names: dict[str, object] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    _kept: sqlite3.Connection | None = None

    def ask(self, person: str, method: str, path: str) -> TestResponse:
        """Send one request as a browser of this person would, an empty form with a POST; no answer changes its cookies."""
        headers = {"Sec-Fetch-Site": "same-origin"} | ({"Cookie": self.cookies[person]} if person in self.cookies else {})
        return self.app.test_client(use_cookies=False).open(path, method=method, base_url=SITE, headers=headers, buffered=True)

    def path_of(self, rule: str) -> str:
        """Return the address with what exists in place of its names; "/staff/ payment_id" is for addresses below /staff/."""
        path = rule.replace("/<language:lang>", "")
        for name in re.findall(r"<(?:[^<>]+:)?(\w+)>", path):
            here = [key for key in self.names if key.endswith(f" {name}") and path.startswith(key.split()[0])]
            value = self.names[max(here, key=len, default=name)]
            path = re.sub(rf"<(?:[^<>]+:)?{name}>", str(value), path)
        return ("/uk" if rule.startswith("/<language:") else "") + path + QUERIES.get(rule, "")

    def keep(self) -> None:
        """Remember the database as it is."""
        self._kept = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(self._file)) as live:
            live.backup(self._kept)

    def restore(self) -> None:
        """Put the database back: the next request finds the world that the first one found."""
        assert self._kept
        with closing(sqlite3.connect(self._file)) as live:
            self._kept.backup(live)

    def changed(self) -> set[str]:
        """Return the tables that differ from what was kept."""
        assert self._kept
        with closing(sqlite3.connect(self._file)) as live:
            tables = [name for (name,) in live.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {name for name in tables if _rows(live, name) != _rows(self._kept, name)}

    def close(self) -> None:
        """Forget what was kept."""
        if self._kept:
            self._kept.close()

    @property
    def _file(self) -> str:
        return str(self.app.extensions["kernel"].engine.url.database)


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return sorted(connection.execute(f'SELECT * FROM "{table}"'), key=repr)


def rules_of(world: World) -> dict[str, dict[str, str]]:
    """Return every address of the site, and which endpoint answers each method there."""
    found: dict[str, dict[str, str]] = {}
    for rule in world.app.url_map.iter_rules():
        found.setdefault(rule.rule, {}).update({method: rule.endpoint for method in METHODS if method in (rule.methods or ())})
    return dict(sorted(found.items()))


@contextmanager
def served(folder: Path, database: Path, compiled: FileSystemBytecodeCache) -> Iterator[World]:
    """Build the newsroom in this folder from an empty database, with templates compiled before, until the block ends."""
    (folder / "membership.db").write_bytes(database.read_bytes())
    (folder / "stand-in").mkdir()
    clock = FixedClock(NOW)
    with StandInServer(folder / "stand-in", clock=clock.now) as stripe:
        settings = read_settings(environment(folder, stripe.url))
        settings.round_keys_dir.mkdir(parents=True, mode=0o700)
        app = create_app(settings, clock=clock)
        app.jinja_env.bytecode_cache = compiled
        app.extensions["page_cache"].pages = KeptPages(0)
        built = build(app, stripe, clock)
        yield built
        built.close()
        app.extensions["kernel"].engine.dispose()


def environment(folder: Path, stripe_url: str) -> dict[str, str]:
    """Return the settings of a site with production's safety, before the stand-in."""
    return {
        "MEMBERSHIP_ENV": "staging",
        "DATABASE_URL": f"sqlite:///{folder / 'membership.db'}",
        "SECRET_KEY": SECRET_KEY,
        "SITE_URL": SITE,
        "SITE_NAME": "The Test Gazette",
        "CONTACT_EMAIL": "desk@gazette.example",
        "STATE_DIR": str(folder / "state"),
        "STRIPE_SECRET_KEY": "sk_test_standin",
        "STRIPE_WEBHOOK_SECRET": "whsec_test",
        "STRIPE_API_BASE": stripe_url,
        "STATEMENT_DESCRIPTOR": "TEST GAZETTE",
        "MAIL_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "desk@gazette.example",
    }


def build(app: Flask, stripe: StandInServer, clock: FixedClock) -> World:
    """Make the newsroom, as it would be after some months."""
    world = World(app)
    config = alembic_config()
    config.attributes["engine"] = app.extensions["kernel"].engine
    command.stamp(config, "head")
    with app.extensions["kernel"].sessions() as session:
        people = _people(session)
        _money(session, app, stripe, clock, people)
        _votes_and_stories(session, app.extensions["round_keys"], clock)
        site = Site.of(app.extensions["kernel"].settings)
        issue_due(session, signer=app.extensions["certificate_signer"], site=site, now=NOW)
        _waiting(session, people)
        world.names = _names(session, app, people)
        for person, member_id in people.items():
            world.cookies[person] = _cookies(app, session, person, member_id)
        world.names["session_id"] = session.scalar(select(LoginSession.id).where(LoginSession.member_id == people["patron"]))
        session.commit()
    world.keep()
    return world


def _people(session: Session) -> dict[str, int]:
    people = {person: make_member(session, own_address(person)).id for person in ("reader", "patron")}
    for role in ROLES:
        people[role] = make_staff(session, role, email=own_address(role)).id
    people["other"] = make_member(session, OTHERS, display_name="Somebody Else").id
    return people


def _money(session: Session, app: Flask, stripe: StandInServer, clock: FixedClock, people: dict[str, int]) -> None:
    make_plan(session)
    till = Till(session, app.extensions["gateway"], stripe, clock)
    for person, browser in (("patron", b"p" * 32), ("other", b"o" * 32)):
        email = OTHERS if person == "other" else own_address(person)
        till.pays(member_id=people[person], browser=browser, email=email)
    for made in session.scalars(select(Subscription)):
        till.sync(made.stripe_id)
    session.commit()


def _votes_and_stories(session: Session, keys: RoundKeys, clock: FixedClock) -> None:
    make_article(session, "the-mains")
    make_commission(session)  # of a vote whose result is published
    voting.open_vote(session, keys=keys, clock=clock, slug="april")
    with transaction(session):
        session.add(Topic(slug="suggested", title="A suggestion", state="suggested", created_at=NOW))
        session.add(Topic(slug="roads", title="About the roads", state="approved", created_at=NOW))


def _waiting(session: Session, people: dict[str, int]) -> None:
    """What waits for somebody: a transfer, a list, a request, a letter, a question to a mailbox, an invitation."""
    hashed = {name: token_hash(token) for name, token in TOKENS.items()}
    with transaction(session):
        session.add(BankImport(id=1, imported_at=NOW, rows=1, matched=0, known=0, skipped=0))
        session.flush()
        session.add(
            BankTransfer(
                import_id=1, fingerprint="f", booked_on=NOW.date(), amount_minor=500, currency="eur", payer=OTHERS, text=""
            )
        )
        session.add(PatreonImport(uploaded_at=NOW, draft=[["100", OTHERS, NOW.isoformat()]]))
        session.add(FreeSeatRequest(email=OTHERS, language="en", requested_at=NOW))
        session.add(
            OutboxItem(key="dead", kind="sign_in", payload={"request_id": 1}, created_at=NOW, due_at=NOW, dead_at=NOW, tries=5)
        )
        session.add(TwinNotice(member_id=people["other"], earlier_member_id=people["patron"], noticed_at=NOW))
        session.add(
            AddressChange(
                member_id=people["other"], old_email=OTHERS, new_email="new.else@example.org", ordered_by=people["treasurer"],
                reason="a lost mailbox", asked_at=NOW, expires_at=NOW.replace(year=2027), not_before=NOW,
                old_token_hash=hashed["change"],
            )
        )  # fmt: skip
        session.add(
            AddressChange(
                member_id=people["patron"], old_email="patron.before@readers.example", new_email=own_address("patron"),
                asked_at=NOW, expires_at=NOW, not_before=NOW, done_at=NOW,
                undo_token_hash=hashed["undo"], undo_until=NOW.replace(year=2027),
            )
        )  # fmt: skip
        session.add(
            Invitation(
                token_hash=hashed["invitation"], email="invited@example.org", roles=["editor"],
                invited_by=people["admin"], created_at=NOW, expires_at=NOW.replace(year=2027),
            )
        )  # fmt: skip
        session.add(
            SignInRequest(
                token_hash=hashed["sign-in"], email=OTHERS, browser_hash=b"o" * 32, code_hash=b"", language="en",
                created_at=NOW, expires_at=NOW.replace(year=2027),
            )
        )  # fmt: skip
        session.add(
            Passkey(member_id=people["admin"], credential_id=b"k", public_key=b"k", sign_count=0, name="key", created_at=NOW)
        )


def _names(session: Session, app: Flask, people: dict[str, int]) -> dict[str, object]:
    """Return what stands for each name in an address: everything of somebody else, except what the patron can do with their own."""
    attempt = session.scalars(select(CheckoutAttempt).where(CheckoutAttempt.member_id == people["patron"])).one()
    theirs = session.scalars(select(Payment).where(Payment.member_id == people["other"])).one()
    mine = session.scalars(select(Payment).where(Payment.member_id == people["patron"])).one()
    secret = app.extensions["kernel"].settings.secret_key
    return {
        "attempt_id": attempt.id,
        "change_id": session.scalar(select(AddressChange.id).where(AddressChange.member_id == people["other"])),
        "commission_id": 1,
        "article_id": session.scalar(select(Article.id).where(Article.slug == "the-mains")),
        "decision": "granted",
        "filename": "site.css",
        "import_id": 1,
        "invitation_id": 1,
        "item_id": session.scalar(select(OutboxItem.id).where(OutboxItem.key == "dead")),
        "key": "terms",
        "language": "en",
        "member_id": people["other"],
        "number": 2,
        "passkey_id": 1,
        "payment_id": mine.id,
        "/staff/ payment_id": theirs.id,
        "request_id": session.scalar(select(FreeSeatRequest.id)),
        "round_slug": "april",
        "/staff/votes/<slug:round_slug>/count round_slug": "march-2026",
        **{f"/votes/<slug:round_slug>/{what} round_slug": "march-2026" for what in ("result", "certificate", "numbers")},
        "/staff/roles/ member_id": people["editor"],
        "slug": "the-mains",
        "stripe_id": session.scalar(select(Subscription.stripe_id).where(Subscription.member_id == people["other"])),
        "topic_slug": "roads",
        "topic_id": session.scalar(select(Topic.id).where(Topic.slug == "suggested")),
        "version": 1,
        "transfer_id": session.scalar(select(BankTransfer.id)),
        "/sign-in/ token": TOKENS["sign-in"],
        "/address/ token": TOKENS["change"],
        "/address/undo/ token": TOKENS["undo"],
        "/staff/ token": TOKENS["invitation"],
        "/mails/ token": make_mails_token(secret, member_id=people["patron"], group="stories", now=NOW),
        **{f"/links/{purpose}/ token": links.make_link(secret, purpose, attempt.link_key, now=NOW) for purpose in links.PURPOSES},
        "/links/twin/ token": links.make_link(secret, "twin", session.scalars(select(TwinNotice.key)).one(), now=NOW),
    }


def _cookies(app: Flask, session: Session, person: str, member_id: int) -> str:
    """Return what this person's browser sends: staff have come in with their passkey a moment ago."""
    method = "passkey" if person in ROLES else "mail"
    token = accounts.start_session(session, member_id=member_id, method=method, now=NOW)
    client = app.test_client()
    with client.session_transaction(base_url=SITE) as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    kept = client.get_cookie("__Host-session", domain="gazette.example")
    assert kept
    return f"__Host-session={kept.value}; __Host-browser={person[:1] * 43}; m=1"
