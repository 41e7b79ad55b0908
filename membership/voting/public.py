"""A result as files that a stranger can work with, holding back what would give away somebody's ballot."""

import csv
import io
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from membership.errors import NotFound
from membership.voting import explanation, queries
from membership.voting.breakdowns import Breakdowns
from membership.voting.certificate_shape import SMALLEST_REASON
from membership.voting.models import Round
from membership.voting.queries import Turnout
from membership.voting.tally import Result


def is_public(round_: Round) -> bool:
    """Return whether everybody may see the count: it was published, or the vote was voided after its box had been opened."""
    return round_.publication is not None or (round_.is_void and round_.count is not None)


def get_public_round(session: Session, slug: str) -> Round:
    """Return the vote at this address if its count is public; raises NotFound."""
    found = queries.find_round_by_slug(session, slug)
    if found is None or not is_public(found):  # of a draft nobody learns that there is one
        raise NotFound("There is no public result at this address.")
    return found


def set_aside_reasons(round_: Round) -> dict[str, int]:
    """Return why ballots were not counted if each reason stands for ten or more, else nothing."""
    reasons = round_.box_check.set_aside_reasons if round_.box_check else {}
    return dict(reasons) if all(many >= SMALLEST_REASON for many in reasons.values()) else {}


def result_data(round_: Round, turnout: Turnout) -> dict[str, Any]:
    """Return the count as JSON data; whether it may be shown is the caller's business."""
    assert round_.opening
    assert round_.closing
    assert round_.box_check
    assert round_.count
    result = queries.result_of(round_)
    data: dict[str, Any] = {
        "vote": {"slug": round_.slug, "name": round_.name},
        "rule": round_.rule,
        "seats": round_.seats,
        "most_ticks_on_a_ballot": round_.max_ticks,
        "opened_at": round_.opening.opened_at.isoformat(),
        "closed_at": round_.closing.closed_at.isoformat(),
        "published_at": round_.publication.published_at.isoformat() if round_.publication else None,
        "closing_note": round_.closing.note,
        "extensions": [{"until": change.closes_at.isoformat(), "note": change.note} for change in round_.closing_changes],
        "withdrawn_topics": {entry.topic.slug: entry.withdrawal.reason for entry in round_.topics if entry.withdrawal},
        "voided_because": round_.voiding.reason if round_.voiding and round_.is_void else None,
        "could_vote": turnout.could_vote,
        "ballots_counted": result.counted,
        "ballots_not_counted": round_.box_check.set_aside,
        "not_counted_because": set_aside_reasons(round_),
        "box_checked_by_one_person": round_.box_check.checked_alone,
        "key_was_lost": round_.box_check.key_lost,
        "roll_sha256": round_.closing.roll_sha256,
        "seed_sha256": round_.opening.seed_sha256,
        "seed": round_.opening.seed.hex(),
        "topics": round_.titles,
        "lots": result.lots,
        "winners": list(result.winners),
    }
    return data | _numbers(round_, result)


def _numbers(round_: Round, result: Result) -> dict[str, Any]:
    if not explanation.shows_numbers(result):
        return {}
    steps = [
        {
            "seat": step.seat,
            "winner": step.winner,
            "scores": step.scores,
            "tied": list(step.tied),
            "decided_by_lot": list(step.drawn),
            "margin": step.margin,
        }
        | ({"readers_by_winners_held": step.histogram} if explanation.shows_steps(result) else {})
        for step in result.steps
    ]
    return {
        "ticks": result.totals,
        "points_are_in_units_of_one_in": result.unit,
        "steps": steps,
        "winners_by_most_ticks": list(result.plain_winners),
        "who_took_part": _who_took_part(round_),
    }


def _who_took_part(round_: Round) -> dict[str, Any]:
    """Return the counted ballots by kinds of patrons; null where a group is hidden."""
    found = breakdowns_of(round_)
    tables: dict[str, Any] = {name: {row.key: row.voted for row in rows} for name, rows in found.tables.items()}
    return tables | {"joined_while_open": asdict(found.joined)} if tables else {}


def breakdowns_of(round_: Round) -> Breakdowns:
    """Return what may be said of who took part: nothing where too few did to say any number."""
    if round_.count is None or not explanation.shows_numbers(queries.result_of(round_)):
        return Breakdowns()
    return Breakdowns.from_json(round_.count.breakdowns)


def result_csv(round_: Round) -> str:
    """Return one line for each topic: its place, its ticks and its exact points at each step where they may be shown."""
    result = queries.result_of(round_)
    steps = [step for step in result.steps if step.winner]
    numbers = explanation.shows_numbers(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    columns = ["ticks", *(f"points {step.seat}" for step in steps), *(["of one in"] if steps else [])] if numbers else []
    writer.writerow(["topic", "title", "chosen as", *columns])
    titles = round_.titles
    order = sorted(result.totals, key=lambda slug: (-result.totals[slug] if numbers else 0, slug))
    for slug in order:
        place = result.winners.index(slug) + 1 if slug in result.winners else ""
        points = [step.scores.get(slug, "") for step in steps]
        cells = [result.totals[slug], *points, *([result.unit] if steps else [])] if numbers else []
        writer.writerow([slug, _plain_cell(titles[slug]), place, *cells])
    return text.getvalue()


def _plain_cell(text: str) -> str:
    # A spreadsheet would run a title that begins like a formula.
    return "'" + text if text[:1] in "=+-@\t\r" else text
