"""The demo's topic board: what patrons suggested, what the newsroom answered, and who would read it."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from membership.articles.models import Article
from membership.demo import content
from membership.demo.newsroom import Newsroom
from membership.voting.services import merging, moderating, suggesting, supporting

Suggestion = Mapping[str, Any]
ANSWERED_AFTER = timedelta(days=1)


def fill_board(newsroom: Newsroom) -> dict[str, int]:
    """Let patrons suggest and support, and the newsroom answer; return the topics' numbers by their keys in the content."""
    numbers: dict[str, int] = {}
    for suggestion in content.read_yaml("board.yaml")["suggestions"]:
        topic_id = numbers[suggestion["key"]] = _suggest(newsroom, suggestion)
        newsroom.clock.instant += ANSWERED_AFTER
        _answer(newsroom, topic_id, suggestion, numbers)
        newsroom.deliver()
    return numbers


def article_id_of(newsroom: Newsroom, slug: str | None) -> int | None:
    """Return the story that a topic follows up, if any."""
    return newsroom.session.scalar(select(Article.id).where(Article.slug == slug)) if slug else None


def support(newsroom: Newsroom, topic_id: int, many: int) -> None:
    """Let so many patrons say that they would read this."""
    chosen = random.Random(topic_id).sample(newsroom.patrons[1:], many)  # noqa: S311 -- invented people's taste
    for member_id in chosen:
        supporting.support_topic(newsroom.session, topic_id=topic_id, member_id=member_id)


def _suggest(newsroom: Newsroom, suggestion: Suggestion) -> int:
    return suggesting.suggest_topic(
        newsroom.session,
        title=suggestion["title"],
        why=suggestion["why"],
        sources=suggestion.get("sources", ()),
        language=suggestion["language"],
        member_id=newsroom.patrons[suggestion["by"]],
        suggested_as=suggestion.get("as", ""),
        article_id=article_id_of(newsroom, suggestion.get("from")),
        now=newsroom.go_to(-suggestion["days_ago"]),
    )


def _answer(newsroom: Newsroom, topic_id: int, suggestion: Suggestion, numbers: Mapping[str, int]) -> None:
    answer = suggestion.get("answer")
    if answer is None:  # it waits for an editor
        return
    session, editor, now = newsroom.session, newsroom.editor, newsroom.clock.now()
    if "worded" in suggestion:
        moderating.reword_topic(
            session,
            topic_id=topic_id,
            title=suggestion["worded"],
            why=suggestion["why"],
            sources=suggestion.get("sources", ()),
            actor_id=editor,
            now=now,
        )
    state, reason = "approved" if answer == "merged" else answer, suggestion.get("reason", "")
    moderating.decide_topic(session, topic_id=topic_id, state=state, reason=reason, actor_id=editor, now=now)
    support(newsroom, topic_id, suggestion.get("supporters", 0))
    if answer == "merged":
        merging.merge_topic(session, topic_id=topic_id, into_id=numbers[suggestion["into"]], actor_id=editor, now=now)
