"""The commands: a broken file stops everything, a good one is told about line by line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.articles.models import Article
from membership.articles.queries import find_article_by_slug
from membership.page_version import page_version
from tests.articles.files import FILES, REAL, needs_real_input
from tests.factories.articles import make_article

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Runs `flask articles …`."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["articles", *map(str, arguments)])


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Article)) or 0


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("broken.xml", b"<rss><channel>", "broken.xml: the file: it is no well-formed XML"),
        ("broken.md", b"---\ntitle: A\n---\nText", "broken.md: A: it has no slug"),
        ("broken.md", b"\xff", "broken.md: the file: it is not UTF-8"),
        ("broken.docx", b"x", "broken.docx: the file: its name ends neither in .md nor in .xml"),
        ("broken.md", b"x" * (2 * 1024 * 1024 + 1), "broken.md: the file: it is larger than 2 MB"),
    ],
)
def test_one_broken_file_stops_the_whole_run(
    run: Run,
    session: Session,
    tmp_path: Path,
    name: str,
    content: bytes,
    complaint: str,
) -> None:
    (tmp_path / name).write_bytes(content)

    result = run("import", FILES / "market.md", tmp_path / name, FILES / "export.xml")

    assert result.exit_code == 1
    assert f"Error: Nothing was written.\n- {complaint}" in result.output
    assert (count(session), page_version(session)) == (0, 0)


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    result = run("import", "nowhere.md")

    assert (result.exit_code, "'nowhere.md' does not exist" in result.output) == (2, True)


def test_every_broken_file_is_named_at_once(run: Run, tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("no front matter")

    output = run("import", tmp_path / "a.md", tmp_path / "b.md").output

    assert "a.md: the file: it does not begin" in output
    assert "b.md: the file: it does not begin" in output


def test_a_dry_run_tells_and_writes_nothing(run: Run, session: Session) -> None:
    result = run("import", "--dry-run", FILES / "market.md")

    assert result.exit_code == 0
    assert "created    the-market-that-moved-indoors (markdown)\n" in result.output
    assert "Dry run, nothing was written: 1 created, 0 updated, 0 unchanged, 0 skipped.\n" in result.output
    assert count(session) == 0


def test_an_import_tells_what_became_of_each_and_can_be_repeated(run: Run, session: Session) -> None:
    first, second = run("import", FILES / "market.md", FILES / "export.xml"), run("import", FILES / "export.xml")

    assert "market.md: articles: 1; left out: 1 pictures\n" in first.output
    assert "created    пором (wordpress:gazette.example)\n" in first.output
    assert first.output.endswith("3 created, 0 updated, 0 unchanged, 0 skipped.\n")
    assert second.output.endswith("0 created, 0 updated, 2 unchanged, 0 skipped.\n")
    assert count(session) == 3


def test_correcting_a_story_that_is_not_there_says_so(run: Run) -> None:
    result = run("edit", "nowhere", "--headline", "x")

    assert (result.exit_code, result.output) == (1, "Error: There is no story at /articles/nowhere.\n")


def test_a_correction_of_nothing_and_one_to_nothing_are_refused(run: Run, session: Session) -> None:
    make_article(session)

    assert "Say what to change" in run("edit", "a-story").output
    assert run("edit", "a-story", "--headline", " ").output == "Error: A story needs a headline and a text.\n"


def test_a_story_is_corrected(run: Run, session: Session) -> None:
    article = make_article(session)

    result = run("edit", "a-story", "--headline", "New words", "--calm")

    session.rollback()
    session.refresh(article)
    assert (result.exit_code, article.headline, article.calm) == (0, "New words", True)


@needs_real_input
def test_the_real_files_hold_one_article_and_the_second_source_is_named(run: Run, session: Session) -> None:
    files = (REAL / "article.md", REAL / "wordpress-export.xml")

    first, second, third = run("import", *files), run("import", *files), run("import", "--update", files[1])

    slug = "wsj-trump-putin-warm-relationship-conceals-deep-tensions"
    assert first.output.endswith(
        "wordpress-export.xml: articles: 1; left out: 1 drafts\nTaking in\n"
        f"created    {slug} (markdown)\n"
        f"skipped    {slug} (wordpress:newsroom.example): it came in this run already, from markdown\n"
        "1 created, 0 updated, 0 unchanged, 1 skipped.\n",
    )
    assert second.output.endswith("0 created, 0 updated, 1 unchanged, 1 skipped.\n")
    assert third.output.endswith("0 created, 1 updated, 0 unchanged, 0 skipped.\n")
    article = find_article_by_slug(session, slug)
    assert article
    assert (article.byline, count(session)) == ("News desk", 1)
