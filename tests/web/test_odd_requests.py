"""Whatever stands in an address or a form: every route of the site answers, and none breaks."""

import re
from collections.abc import Iterator
from itertools import groupby
from urllib.parse import quote, unquote_to_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from membership.paths import ROOT
from tests.factories.accounts import SAME_ORIGIN, make_staff, sign_in
from tests.factories.patronage import make_plan

ASKED = re.compile(r"request\.args(?:\.get|\.getlist)?[\[(]\"(\w+)\"")
UNREADABLE = ["%FF", "%ED%A0%80", "%00", "%C2%85"]  # bytes that are no UTF-8, a surrogate, NUL, a control character
PARTS = ["9" * 19, "💥"]
VALUES = ["9" * 19]
TYPED = ["9" * 19, "NaN 💥"]
# What ends the session that the walk is made in.
LAST = ("accounts.sign_out", "accounts_privacy.delete_account", "accounts_devices.end_other_devices")


@pytest.fixture
def walker(app: Flask, session: Session) -> FlaskClient:
    """A browser of somebody who holds every role, where a plan is sold."""
    make_plan(session)
    client = app.test_client()
    sign_in(app, client, make_staff(session, "editor", "counter", "treasurer", "admin").id)
    return client


def rules(app: Flask, method: str) -> Iterator[tuple[str, str]]:
    """Every address, named by its rule, in a fixed order; /uk/… is the same view."""
    found = {
        (rule.endpoint in LAST, rule.rule, rule.endpoint)
        for rule in app.url_map.iter_rules()
        if method in (rule.methods or ()) and "<language:" not in rule.rule and rule.endpoint != "static"
    }
    for _, each in groupby(sorted(found)):
        _last, rule, endpoint = next(each)
        yield rule, endpoint


def names_asked_for() -> list[str]:
    """Every name that a view looks for in a query."""
    sources = (path.read_text() for path in (ROOT / "membership").rglob("*views.py"))
    return sorted({name for source in sources for name in ASKED.findall(source)} | {"page"})


def names_of_fields() -> list[str]:
    """Every name of a form's field."""
    forms, found = [FlaskForm], set()
    for form in forms:
        forms += form.__subclasses__()
        found |= {name for name in vars(form) if hasattr(vars(form)[name], "field_class")}
    return sorted(found)


def broken(answers: dict[str, int]) -> dict[str, int]:
    return {asked: status for asked, status in answers.items() if status == 500 or status > 503}


def test_no_address_breaks_the_site(app: Flask, walker: FlaskClient) -> None:
    answers, queries = {}, "&".join(f"{name}={{0}}" for name in names_asked_for())
    for rule, _endpoint in rules(app, "GET"):
        for value in PARTS if "<" in rule else VALUES:
            asked = re.sub(r"<[^>]+>", quote(value), rule) if "<" in rule else f"{rule}?{queries.format(value)}"
            answers[asked] = walker.get(asked).status_code

    assert broken(answers) == {}
    assert len(answers) > 100


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("value", UNREADABLE)
def test_what_is_no_text_is_refused_wherever_it_stands(app: Flask, walker: FlaskClient, value: str) -> None:
    answers = {}
    for rule, _endpoint in rules(app, "GET"):
        asked = re.sub(r"<[^>]+>", f"a{value}", rule)
        # The test client would mend the path.
        raw = {"PATH_INFO": unquote_to_bytes(asked).decode("latin-1")}
        query = "" if "<" in rule else f"q={value}"
        answers[asked] = walker.get("/", query_string=query, environ_overrides=raw).status_code

    assert {asked: status for asked, status in answers.items() if status not in (400, 404)} == {}


def test_no_form_breaks_the_site(app: Flask, walker: FlaskClient) -> None:
    fields, answers = names_of_fields(), {}
    for rule, endpoint in rules(app, "POST"):
        for value in TYPED:
            path = re.sub(r"<[^>]+>", "1", rule)
            answers[f"{endpoint} {value}"] = walker.post(path, data=dict.fromkeys(fields, value), headers=SAME_ORIGIN).status_code

    assert len(fields) > 40
    assert broken(answers) == {}
