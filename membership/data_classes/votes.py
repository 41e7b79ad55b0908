"""Topics, votes, ballots, and what became of what readers chose."""

from membership.data_classes import words as w
from membership.data_classes.declaring import Columns, columns

N_ = str


def _public(what: str, inside: str) -> tuple[Columns, ...]:
    return (columns(w.PUBLISHED, what, w.GOOD, w.NOBODYS, inside=inside),)


VOTES = {
    "topic": (
        columns(
            w.PUBLISHED,
            N_("What you suggested, and our answer. What was taken up is public, never by whom it was suggested"),
            w.GOOD,
            w.NUMBER,
            exported="slug title why language state declined_reason created_at",
            inside="id",
        ),
        columns(w.PUBLISHED, N_("The article that a suggestion came from"), w.GOOD, w.NOBODYS, inside="article_id"),
        columns(w.VOTING, N_("Who suggested it"), w.ACCOUNT, w.EMPTIED, inside="suggested_by_id", seen_by=(w.YOU, w.EDITOR)),
    ),
    "round": _public(
        N_("The votes and their rules"),
        "id slug name name_uk seats max_ticks rule opens_at closes_at settling_hours embargo_hours created_at",
    ),
    "round_topic": _public(N_("What stands on which ballot"), "round_id topic_id position"),
    "opening": _public(
        N_("When a vote was opened, and its secret for ties, which becomes public"), "round_id opened_at seed seed_sha256"
    ),
    "closing": _public(N_("When a vote was closed, and by whom of our staff"), "round_id closed_at closed_by_id note roll_sha256"),
    "box_check": (
        columns(
            w.STAFF_WORK,
            N_("Who of our staff checked a ballot box, and how many ballots were not counted, for which reasons"),
            w.GOOD,
            w.NUMBER,
            inside=(
                "round_id checked_at checked_by_id confirmed_at confirmed_by_id counted set_aside set_aside_reasons key_lost"
                " key_destroyed_at"
            ),
            seen_by=(w.COUNTER,),
        ),
    ),
    "round_count": _public(N_("The count of a vote"), "round_id counted_at counted_by_id publish_at result"),
    "publication": _public(N_("When a result was published"), "round_id published_at published_by_id"),
    "roll_entry": (
        columns(
            w.VOTING,
            N_("That you may vote in a vote. It stays, because the list’s fingerprint was published"),
            w.GOOD,
            w.NUMBER,
            exported="round_id",
            inside="member_id",
        ),
    ),
    "ballot": (
        columns(
            w.BALLOT,
            N_("Your ballot, under a tag that only the vote’s key can tie to you"),
            N_("until the box is checked; then it is copied without the tag, and destroyed"),
            w.DELETED,
            inside="id round_id voter_tag",
        ),
    ),
    "ballot_choice": (
        columns(
            w.BALLOT,
            N_("What is ticked on a ballot"),
            N_("until the box is checked; then it is copied without the tag, and destroyed"),
            w.DELETED,
            inside="ballot_id topic_id round_id",
        ),
    ),
    "certified_ballot": (
        columns(
            w.BALLOT,
            N_("The counted ballots, in random order and tied to nobody"),
            w.GOOD,
            w.NOBODYS,
            inside="id round_id topics",
            seen_by=(),
        ),
    ),
    "certified_receipt": _public(
        N_("The fingerprints of the counted ballots’ numbers, tied to no ballot"), "round_id receipt_sha256"
    ),
    "participation": (
        columns(
            w.VOTING,
            N_("That your ballot was in the box, and whether it was counted; never what you ticked"),
            w.GOOD,
            w.NUMBER,
            exported="round_id counted",
            inside="member_id",
        ),
    ),
    "commission": _public(
        N_("What readers chose, and what became of it"),
        "id round_id topic_id seat state promised_on due_on article_id published_at dropped_reason created_at letters_written_at",
    ),
    "award": (
        columns(
            w.VOTING,
            N_("Your badges"),
            w.ACCOUNT,
            w.DELETED,
            exported="badge round_id awarded_at",
            inside="id member_id",
        ),
    ),
    "site_figures": _public(
        N_("The few numbers that our pages print"), "id patrons stories_chosen stories_published gross_minor net_minor drawn_at"
    ),
}
