"""The topic board: every topic that may be seen, with its state as the page names it and where it came from."""

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from membership.articles.models import Article
from membership.voting import queries
from membership.voting.models import Publication, Round, RoundTopic, Topic

SORTS = ("newest", "title", "state")
# The order in which a sort by state shows them, too.
STATES = ("on_ballot", "chosen", "shortlisted", "suggested", "waiting", "declined")
STATE_OF = {"suggested": "waiting", "approved": "suggested", "shortlisted": "shortlisted", "declined": "declined"}


@dataclass(frozen=True)
class BoardLine:
    """One topic on the board."""

    topic: Topic
    state: str
    round: Round | None  # the vote it stands in, or which chose it
    article: Article | None
    is_mine: bool


def board(session: Session, *, search: str = "", sort: str = "newest", viewer_id: int | None = None) -> list[BoardLine]:
    """Return the public topics and the viewer's own suggestions that are still being read."""
    visible = select(Topic).where(or_(Topic.state != "suggested", Topic.suggested_by_id == viewer_id))
    topics = list(session.scalars(visible.order_by(Topic.created_at.desc(), Topic.id.desc())))
    needle = search.casefold().strip()
    lines = [line for line in _lines(session, topics, viewer_id) if needle in f"{line.topic.title} {line.topic.why}".casefold()]
    if sort == "title":
        lines.sort(key=lambda line: line.topic.title.casefold())
    elif sort == "state":
        lines.sort(key=lambda line: STATES.index(line.state))
    return lines


def waiting_suggestions(session: Session) -> list[Topic]:
    """Return what patrons suggested and nobody has answered, oldest first."""
    return list(session.scalars(select(Topic).where(Topic.state == "suggested").order_by(Topic.created_at, Topic.id)))


def answered_topics(session: Session) -> list[BoardLine]:
    """Return every other topic, newest first."""
    answered = select(Topic).where(Topic.state != "suggested").order_by(Topic.created_at.desc(), Topic.id.desc())
    return _lines(session, list(session.scalars(answered)), None)


def usable_topics(session: Session) -> list[Topic]:
    """Return what can stand on a new ballot, the shortlisted first."""
    unpublished = select(RoundTopic.topic_id).outerjoin(Publication, Publication.round_id == RoundTopic.round_id)
    busy = set(session.scalars(unpublished.where(Publication.round_id.is_(None)))) | queries.chosen_topic_ids(session)
    found = session.scalars(select(Topic).where(Topic.state.in_(("approved", "shortlisted"))).order_by(Topic.title))
    return sorted((topic for topic in found if topic.id not in busy), key=lambda topic: topic.state != "shortlisted")


def _lines(session: Session, topics: list[Topic], viewer_id: int | None) -> list[BoardLine]:
    places = _places(session)
    wanted = {topic.article_id for topic in topics if topic.article_id}
    articles = {article.id: article for article in session.scalars(select(Article).where(Article.id.in_(wanted)))} if wanted else {}
    lines = []
    for topic in topics:
        state, round_ = places.get(topic.slug, (STATE_OF[topic.state], None))
        mine = viewer_id is not None and topic.suggested_by_id == viewer_id
        lines.append(BoardLine(topic, state, round_, articles.get(topic.article_id or 0), mine))
    return lines


def _places(session: Session) -> dict[str, tuple[str, Round]]:
    """Return which topics stand on a ballot whose result is not public, and which were chosen."""
    places: dict[str, tuple[str, Round]] = {}
    for round_ in queries.all_rounds(session):
        if round_.publication:
            places |= dict.fromkeys(queries.result_of(round_).winners, ("chosen", round_))
        elif round_.opening:
            places |= {entry.topic.slug: ("on_ballot", round_) for entry in round_.topics}
    return places
