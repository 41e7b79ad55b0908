"""The commands of articles."""

from collections.abc import Sequence
from pathlib import Path

import click
from flask.cli import AppGroup

from membership.articles import queries, services
from membership.articles.imported_article import LANGUAGES, BrokenFile, ImportedArticle
from membership.articles.readers import read_file
from membership.articles.services import ImportSummary
from membership.errors import Refusal
from membership.web.database import now, session, settings

cli = AppGroup("articles", help="Take articles in and correct them.")
File = click.Path(exists=True, dir_okay=False, path_type=Path)


@cli.command("import")
@click.argument("files", nargs=-1, required=True, type=File)
@click.option("--update", is_flag=True, help="Overwrite what is here already.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and write nothing.")
@click.option("--language", type=click.Choice(LANGUAGES), help="The language of a WordPress export, whatever it says of its site.")
def import_files(files: Sequence[Path], update: bool, dry_run: bool, language: str | None) -> None:
    """Take articles in from Markdown files and WordPress exports, all or none; safe to repeat."""
    articles = _read_all(files, language)
    label = "Looking" if dry_run else "Taking in"
    with click.progressbar(length=len(articles), label=label) as bar:
        try:
            summary = services.import_articles(
                session(),
                articles=articles,
                update=update,
                dry_run=dry_run,
                now=now(),
                on_article=lambda _outcome: bar.update(1),
            )
        except Refusal as refused:
            raise click.ClickException(refused.message) from refused
    _tell(summary, dry_run=dry_run)


@cli.command("edit")
@click.argument("slug")
@click.option("--headline")
@click.option("--standfirst")
@click.option("--byline")
@click.option("--calm/--no-calm", default=None, help="A softer ask at this story's foot.")
def edit(slug: str, headline: str | None, standfirst: str | None, byline: str | None, calm: bool | None) -> None:
    """Correct one story; its page shows it within a second."""
    article = queries.find_article_by_slug(session(), slug)
    if article is None:
        raise click.ClickException(f"There is no story at /articles/{slug}.")
    if (headline, standfirst, byline, calm) == (None, None, None, None):
        raise click.UsageError("Say what to change: --headline, --standfirst, --byline or --calm.")
    try:
        services.correct_article(
            session(),
            article_id=article.id,
            headline=headline,
            standfirst=standfirst,
            byline=byline,
            calm=calm,
            now=now(),
        )
    except Refusal as refused:
        raise click.ClickException(refused.message) from refused
    click.echo(f"Corrected /articles/{slug}.")


def _read_all(files: Sequence[Path], language: str | None) -> list[ImportedArticle]:
    """Read every file before anything is written; one that is broken stops the whole run."""
    articles: list[ImportedArticle] = []
    faults: list[str] = []
    for path in files:
        try:
            content = read_file(path, zone=settings().time_zone, language=language)
        except BrokenFile as broken:
            faults += [f"{path.name}: {fault.item}: {fault.reason}" for fault in broken.faults]
            continue
        articles += content.articles
        left_out = ", ".join(f"{count} {kind}" for kind, count in sorted(content.left_out.items()))
        click.echo(f"{path.name}: articles: {len(content.articles)}" + (f"; left out: {left_out}" if left_out else ""))
    if faults:
        raise click.ClickException("Nothing was written.\n" + "\n".join(f"- {fault}" for fault in faults))
    return articles


def _tell(summary: ImportSummary, *, dry_run: bool) -> None:
    for outcome in summary.outcomes:
        reason = f": {outcome.reason}" if outcome.reason else ""
        click.echo(f"{outcome.became:<10} {outcome.article.slug} ({outcome.article.source}){reason}")
    counts = ", ".join(
        f"{summary.count(became)} {became}" for became in (services.CREATED, services.UPDATED, services.UNCHANGED, services.SKIPPED)
    )
    click.echo(f"{'Dry run, nothing was written: ' if dry_run else ''}{counts}.")
