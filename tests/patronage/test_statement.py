"""What a bank statement shows of a single payment by card: 22 characters, of which the account owns the first."""

import pytest

from membership.patronage.gateway.checkouts import statement_suffix
from membership.patronage.gateway.connection import Account


@pytest.mark.parametrize(
    ("account", "wanted", "suffix"),
    [
        pytest.param(Account(), "TEST GAZETTE", None, id="the key may not ask"),
        pytest.param(Account("a", "TEST GAZETTE", "GAZETTE"), "Test Gazette", None, id="the account says it"),
        pytest.param(Account("a", "ACME HOLDING", "ACME"), "TEST GAZETTE", "TEST GAZETTE", id="it fits"),
        pytest.param(Account("a", "ACME HOLDING", "ACMEHOLDIN"), "TEST GAZETTE", "TEST GAZET", id="it is cut"),
        pytest.param(Account("a", "ACME HOLDING", ""), "TEST GAZETTE", "TEST GAZET", id="no prefix: ten of the descriptor"),
        pytest.param(Account("a", "GAZETTE LTD", "GAZETTE"), "GAZETTE SUPPORT", "SUPPORT", id="the prefix has said half"),
        pytest.param(Account("a", "GAZETTE LTD", "GAZETTE"), "GAZETTE", None, id="the prefix has said it all"),
        pytest.param(Account("a", "GAZETTE LTD", "GAZETTE"), "GAZETTE 24", None, id="what is left has no letter"),
    ],
)
def test_the_account_and_what_is_added_name_the_newsroom(account: Account, wanted: str, suffix: str | None) -> None:
    assert statement_suffix(account, wanted) == suffix
    if suffix:
        assert len(f"{account.prefix or account.descriptor[:10]}* {suffix}") <= 22
