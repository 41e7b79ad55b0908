"""Who holds a badge. Pure; a fact outlives a lapse, being a patron does not."""

from membership.patronage.entitlement import Standing

PATRON_NOW = frozenset({"patron", "cancelling", "grace"})
HELD, PAUSED = "held", "paused"


def patron_badge(standing: Standing) -> str | None:
    """Return "held" while somebody is a patron, "paused" while they have paused by choice, else None."""
    if standing.code in PATRON_NOW:
        return HELD
    return PAUSED if standing.code == "paused" else None
