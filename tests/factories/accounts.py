"""Members, staff and signed-in browsers for tests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from membership.accounts import queries, services
from membership.accounts.jobs import prepare_sign_in
from membership.accounts.models import Member
from membership.db import transaction
from tests.conftest import NOW, SECRET_KEY, make_sessions

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
BROWSER = b"b" * 32


def make_member(session: Session, email: str = "reader@example.org", *, display_name: str = "", language: str = "en") -> Member:
    """A member whose mailbox has proved the address."""
    member_id = services.create_member(session, email=email, display_name=display_name, language=language, now=NOW)
    member = session.get_one(Member, member_id)
    session.commit()  # on SQLite an open read would not see what the app writes next
    return member


def make_typed_member(session: Session, typed_email: str = "typed@example.org") -> Member:
    """A member of whom only a typed, unproved address is known: somebody who paid and never signed in."""
    with transaction(session):
        member = Member(typed_email=typed_email, created_at=NOW)
        session.add(member)
    return member


def make_staff(session: Session, *roles: str, email: str = "staff@example.org") -> Member:
    """A member who holds these roles (editor if none is named)."""
    member = make_member(session, email)
    for role in roles or ("editor",):
        services.grant_role(session, member_id=member.id, role=role, actor_id=None, now=NOW)
    session.commit()
    return member


def sign_in(app: Flask, client: FlaskClient, member_id: int) -> str:
    """Sign a test client in as this member, staff by the demo's way; return the session's token."""
    kernel = app.extensions["kernel"]
    with kernel.sessions() as session:
        method = "staff_link" if session.get_one(Member, member_id).is_staff else "mail"
        token = services.start_session(session, member_id=member_id, method=method, now=kernel.clock.now())
    with client.session_transaction(base_url=kernel.settings.site_url) as cookie:
        cookie["_user_id"] = token
        cookie["_fresh"] = True
    return token


def ask_for_mail(
    session: Session,
    email: str,
    *,
    browser_hash: bytes = BROWSER,
    next_path: str = "",
    now: datetime = NOW,
) -> tuple[str, str]:
    """Ask for a sign-in mail and render it; return its link's token and its code (empty for strangers and staff)."""
    services.ask_sign_in(session, email=email, browser_hash=browser_hash, language="en", next_path=next_path, now=now)
    request = queries.find_request_of_browser(session, browser_hash)
    assert request is not None
    return render_mail(session, request.id, now=now)


def render_mail(session: Session, request_id: int, *, now: datetime = NOW) -> tuple[str, str]:
    """Render (again) the mail of an asked-for sign-in."""
    with transaction(session):
        letter = prepare_sign_in(session, request_id, secret_key=SECRET_KEY, now=now)
    assert letter is not None
    return letter.context.get("token", ""), letter.context.get("code", "")


def race(engine: Engine, attempt: Callable[[Session], Any], *, racers: int = 20) -> list[Any]:
    """Run an attempt in many threads at once, each with a session of its own; return what each got."""
    start = Barrier(racers)

    def run(_number: int) -> Any:
        with make_sessions(engine)() as session:
            start.wait()
            return attempt(session)

    with ThreadPoolExecutor(racers) as pool:
        return list(pool.map(run, range(racers)))
