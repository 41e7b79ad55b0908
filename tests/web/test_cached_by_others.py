"""What knows who you are is kept by nobody; what others may keep is the same for everybody."""

import re

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories.accounts import make_member, make_staff, sign_in
from tests.factories.articles import make_article
from tests.factories.patronage import make_plan

SAMPLES = {"slug": "a-story", "filename": "site.css"}
PRIVATE = {"private", "no-store"}


def directives(answer: TestResponse) -> set[str]:
    return {part.strip() for part in answer.headers["Cache-Control"].split(",")}


def faults(answer: TestResponse) -> list[str]:
    """Return what is wrong with how an answer may be kept."""
    said, headers = directives(answer), answer.headers
    if "public" not in said:
        kept_apart = headers.get("Cross-Origin-Resource-Policy") == "same-origin"
        return [] if said >= PRIVATE and kept_apart else [f"neither public nor private: {said}"]
    wrong = [name for name in ("Set-Cookie", "Cross-Origin-Resource-Policy") if name in headers]
    return [*wrong, *(["private too"] if said & PRIVATE else []), *(["Vary"] if "Cookie" in headers.get("Vary", "") else [])]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_every_page_is_public_for_everybody_or_private_for_one(app: Flask, session: Session) -> None:
    make_plan(session)
    make_article(session)
    reader, boss = app.test_client(), app.test_client()
    sign_in(app, reader, make_member(session).id)
    sign_in(app, boss, make_staff(session, "editor", "counter", "treasurer", "admin").id)

    found, public, texts = {}, set(), {}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or "<language:" in rule.rule:  # /uk/… is the same view
            continue
        path = re.sub(r"<(?:[^:>]+:)?(\w+)>", lambda part: SAMPLES.get(part[1], "1"), rule.rule)
        answers = [browser.get(path, buffered=True) for browser in (app.test_client(), reader, boss)]
        found[path] = [fault for answer in answers for fault in faults(answer)]
        if all("public" in directives(answer) for answer in answers):
            public.add(path)
            texts[path] = len({answer.data for answer in answers})

    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert {path: many for path, many in texts.items() if many > 1} == {}
    assert {"/", "/articles/a-story", "/support", "/feed.xml", "/static/site.css"} <= public
    feed = {"/votes/feed.xml"}  # of published results, the same for everybody
    assert not {path for path in public - feed if path.startswith(("/staff", "/account", "/votes", "/sign-in"))}
