"""The newsroom's own texts: drafts until somebody makes them theirs, every version kept."""

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.app import create_app
from membership.articles.drafts import draft
from membership.articles.models import NewsroomText
from membership.articles.newsroom_texts import get_text, get_version, texts
from membership.articles.services import save_text, take_back_text
from membership.audit import AuditEntry
from membership.clock import FixedClock
from membership.errors import Conflict, NotFound
from membership.page_version import page_version
from tests.conftest import NOW, SettingsMaker
from tests.credits.conftest import browser
from tests.factories.accounts import make_staff, race


def test_a_text_that_is_not_one_of_ours_is_not_found(session: Session) -> None:
    for key, language in (("other", "en"), ("terms", "de"), ("../models", "en")):
        with pytest.raises(NotFound):
            get_text(session, key, language)


def test_until_somebody_writes_every_text_is_its_draft(session: Session) -> None:
    found = texts(session, ("en", "uk"))

    assert [(text.key, text.language) for text in found][:3] == [("terms", "en"), ("terms", "uk"), ("privacy", "en")]
    assert all(text.is_draft and text.body == draft(text.key, text.language) for text in found)


def test_a_saved_text_stands_on_the_site_and_earlier_ones_are_kept(session: Session) -> None:
    staff = make_staff(session, "admin")
    save(session, "One", 0, staff.id)
    before = page_version(session)
    save(session, "Two\r\n", 1, staff.id)

    assert (get_text(session, "terms", "en").body, get_text(session, "terms", "uk").is_draft) == ("Two", True)
    assert get_version(session, "terms", "en", 1).body == "One"
    assert page_version(session) == before + 1
    acts = select(AuditEntry.act, AuditEntry.subject_id).where(AuditEntry.subject_type == "newsroom_text")
    assert [tuple(row) for row in session.execute(acts)] == [("text.saved", "terms:en")] * 2


def test_a_draft_saved_unchanged_is_the_newsrooms_own_and_the_same_again_is_no_version(session: Session) -> None:
    staff = make_staff(session, "admin")
    save(session, draft("terms", "en"), 0, staff.id)
    save(session, draft("terms", "en"), 1, staff.id)

    text = get_text(session, "terms", "en")
    assert (text.is_draft, text.version) == (False, 1)


def test_taken_back_to_the_draft_nothing_is_lost(session: Session) -> None:
    staff = make_staff(session, "admin")
    save(session, "One", 0, staff.id)
    take_back_text(session, key="terms", language="en", actor_id=staff.id, now=NOW)

    assert get_text(session, "terms", "en").is_draft
    assert get_version(session, "terms", "en", 1).body == "One"
    with pytest.raises(NotFound):
        get_version(session, "terms", "en", 2)
    with pytest.raises(Conflict):
        take_back_text(session, key="terms", language="en", actor_id=staff.id, now=NOW)


def test_of_racers_one_saves_and_the_others_are_told(session: Session) -> None:
    staff = make_staff(session, "admin")

    def attempt(own: Session) -> str:
        try:
            save(own, "Mine", 0, staff.id)
        except Conflict:
            return "told"
        return "saved"

    assert sorted(race(session.get_bind(), attempt, racers=5)) == ["saved"] + ["told"] * 4  # type: ignore[arg-type]
    assert session.scalars(select(NewsroomText.version)).all() == [1]


@pytest.mark.parametrize(
    "path", ["/terms", "/privacy", "/refunds", "/imprint", "/uk/terms", "/uk/privacy", "/uk/refunds", "/uk/imprint"]
)
def test_each_text_has_an_open_page_in_each_language(app: Flask, path: str) -> None:
    page = app.test_client().get(path)

    assert page.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert "Set-Cookie" not in page.headers
    assert "The Test Gazette" in page.text
    assert 'class="language-switch"' in page.text
    assert 'class="notice notice-warning"' not in page.text  # the demo's readers need no warning


def test_outside_of_the_demo_a_draft_says_that_it_is_one(make_settings: SettingsMaker, app: Flask) -> None:
    url = app.extensions["kernel"].engine.url.render_as_string(hide_password=False)
    staging = create_app(
        make_settings(MEMBERSHIP_ENV="staging", DATABASE_URL=url, SITE_URL="https://gazette.example", MAIL_URL="smtp://127.0.0.1"),
        clock=FixedClock(NOW),
    )

    assert (
        "Draft: the newsroom has not checked this text yet."
        in staging.test_client().get("/terms", base_url="https://gazette.example").text
    )
    staging.extensions["kernel"].engine.dispose()


def test_an_admin_previews_saves_and_takes_back(app: Flask, session: Session) -> None:
    admin = browser(app, make_staff(session, "admin").id)
    typed = {"body": "## Ours\n\n{LEGAL_NAME} <script>", "version": "0"}

    preview = admin.post("/staff/texts/terms/en", data=typed | {"do": "preview"})
    assert "<h2>Ours</h2>" in preview.text
    assert "## Ours" in preview.text
    assert session.scalars(select(NewsroomText)).all() == []
    session.commit()

    assert admin.post("/staff/texts/terms/en", data=typed | {"do": "save"}).status_code == 303
    assert "<h2>Ours</h2>" in app.test_client().get("/terms").text
    assert "yours since 22 March 2026" in admin.get("/staff/texts").text
    assert admin.post("/staff/texts/terms/en/draft").status_code == 303
    assert "<h2>Ours</h2>" not in app.test_client().get("/terms").text
    assert "<h2>Ours</h2>" in admin.get("/staff/texts/terms/en/versions/1").text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"body": "", "version": "0"}, "Write something, or take the text back to the draft."),
        ({"body": "x" * 50_001, "version": "0"}, "Keep it below 50,000 characters."),
        ({"body": "Mine", "version": "7"}, "Somebody else has changed this text meanwhile."),
        ({"body": "Mine"}, "There is a problem"),
    ],
)
def test_what_can_not_be_saved_keeps_what_was_typed(app: Flask, session: Session, typed: dict[str, str], told: str) -> None:
    admin = browser(app, make_staff(session, "admin").id)

    page = admin.post("/staff/texts/terms/en", data=typed)

    assert page.status_code == 422
    assert told in page.text
    assert f"{typed['body'][:100]}" in page.text
    assert session.scalars(select(NewsroomText)).all() == []


def save(session: Session, body: str, based_on: int, actor_id: int) -> None:
    save_text(session, key="terms", language="en", body=body, based_on=based_on, actor_id=actor_id, now=NOW)
