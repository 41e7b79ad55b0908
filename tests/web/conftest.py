"""Views that exist in tests only: one of each kind that the web kernel guards."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Blueprint, Flask, request
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.app import create_app
from membership.clock import FixedClock
from membership.errors import Conflict, NotAllowed, NotFound, Refusal, TooOften, Unavailable
from membership.web.audience import everyone, member, signed, staff
from membership.web.database import session
from membership.web.kept_pages import KeptPages
from membership.web.languages import open_route
from membership.web.security import takes_file
from tests.conftest import NOW, SettingsMaker, share_statements

LARGE_FILE = 2_000_000
REFUSALS: dict[str, type[Refusal]] = {"409": Conflict, "403": NotAllowed, "404": NotFound, "503": Unavailable}


class Late(Conflict):
    """A refusal of a feature's own kind."""


def make_views() -> Blueprint:
    """Return the views, new for each app."""
    bp = Blueprint("sample", __name__, url_prefix="/sample")
    bp.add_url_rule("/form", view_func=everyone(form), methods=["GET", "POST", "PUT", "DELETE"])
    bp.add_url_rule("/file", "file", everyone(takes_file(LARGE_FILE)(file)), methods=["POST"])
    bp.add_url_rule("/webhook", view_func=signed(by="test")(webhook), methods=["POST"])
    bp.add_url_rule("/number/<int:number>", "number", everyone(lambda number: str(number)))
    bp.add_url_rule("/word/<word>", "word", everyone(lambda word: word))
    bp.add_url_rule("/too-large", view_func=everyone(too_large))
    bp.add_url_rule("/broken", view_func=everyone(broken))
    bp.add_url_rule("/refused/<kind>", view_func=everyone(refused))
    bp.add_url_rule("/often/<int(signed=True):seconds>", view_func=everyone(often))
    bp.add_url_rule("/members", "members", member(lambda: "for members"), methods=["GET", "POST"])
    bp.add_url_rule("/counters", "counters", staff("counter")(lambda: "for counters"))
    bp.add_url_rule("/staff", "staff", staff()(lambda: "for staff"), methods=["GET", "POST"])
    return bp


def form() -> str:
    return "|".join(request.form.values())


def file() -> str:
    return str(len(request.files["file"].read()))


def webhook() -> bytes:
    return request.get_data()


def too_large() -> str:
    return str(session().scalar(select(Member.id).where(Member.id == 2**70)))


def broken() -> str:
    raise ZeroDivisionError("secret@example.org")


def refused(kind: str) -> str:
    raise Late("You are too late, 100 %.") if kind == "late" else REFUSALS[kind]("A sentence <for> the reader.")


def often(seconds: int) -> str:
    raise TooOften("A sentence <for> the reader.", retry_at=NOW + timedelta(seconds=seconds))


@pytest.fixture
def sample_app(make_settings: SettingsMaker, clock: FixedClock, tmp_path: Path, _sqlite_engine: Engine) -> Iterator[Flask]:
    """The app with the sample views, on SQLite alone: what is tested with it knows no database."""
    shutil.copyfile(str(_sqlite_engine.url.database), tmp_path / "membership.db")
    settings = make_settings()
    settings.round_keys_dir.mkdir(parents=True, mode=0o700)
    app = create_app(settings, clock=clock)
    share_statements(app.extensions["kernel"].engine, _sqlite_engine)
    app.extensions["page_cache"].pages = KeptPages(0)
    open_views = Blueprint("sample_open", __name__)
    open_route(open_views, "/sample-open")(everyone(show_open))
    app.register_blueprint(open_views)
    app.register_blueprint(make_views())
    yield app
    app.extensions["kernel"].engine.dispose()


def show_open() -> str:
    return "open"


@pytest.fixture
def sample_session(sample_app: Flask) -> Iterator[Session]:
    """A session on the sample app's database."""
    with sample_app.extensions["kernel"].sessions() as opened:
        yield opened


@pytest.fixture
def client(sample_app: Flask) -> FlaskClient:
    """A browser without any header of its own, before the sample app."""
    return sample_app.test_client()
