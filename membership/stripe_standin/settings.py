"""What the account is set to do: switches of the dashboard that the control page turns."""

from membership.stripe_standin.store import Ledger

# name → its choices, the default first
CHOICES: dict[str, tuple[str, ...]] = {
    # What a subscription becomes when every retry has failed.
    "dunning": ("canceled", "unpaid", "past_due"),
    # What a subscription is while its first bank debit is in process: Stripe documents both.
    "first_debit": ("active", "incomplete"),
    # What saving a card in the portal does with a subscription's own one: see portal_cards.py.
    "portal_cards": ("replace", "keep"),
}


def setting(ledger: Ledger, name: str) -> str:
    """Return how a switch stands."""
    row = ledger.execute("SELECT value FROM setting WHERE name = ?", name).fetchone()
    return str(row[0]) if row else CHOICES[name][0]


def turn(ledger: Ledger, name: str, value: str) -> None:
    """Turn a switch."""
    sql = "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    ledger.execute(sql, name, value)
