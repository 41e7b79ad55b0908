"""What a page says of a counted vote: the public result, and the count under review."""

from sqlalchemy.orm import Session

from membership.voting import charts, explanation, public, queries, taking_part
from membership.voting.models import Round


def context(session: Session, round_: Round) -> dict[str, object]:
    """Return what voting/_result.html needs beside round, turnout and state; whether it may be shown is the caller's business."""
    result = queries.result_of(round_)
    explained, took_part = explanation.explain(result), public.breakdowns_of(round_)
    return {
        "result": result,
        "explained": explained,
        "points": explanation.score_table(result),
        "titles": round_.titles,
        "reasons": public.set_aside_reasons(round_),
        "ticks": charts.tick_bars(result) if explained.shows_numbers else (),
        "steps": charts.step_charts(result) if explained.shows_numbers else (),
        "took_part": took_part,
        "headlines": taking_part.headlines(session, took_part),
    }
