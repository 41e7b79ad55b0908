"""The network that limits count by: told apart, never readable."""

import pytest
from flask import Flask

from membership.web.network import network_hash


def hash_of(app: Flask, address: str) -> bytes:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        return network_hash()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_network_is_an_ipv4_address_or_half_of_an_ipv6_address(app: Flask) -> None:
    household = {hash_of(app, "2001:db8:1:2::7"), hash_of(app, "2001:db8:1:2:ffff::1")}
    others = {hash_of(app, "2001:db8:1:3::7"), hash_of(app, "203.0.113.7"), hash_of(app, "203.0.113.8"), hash_of(app, "no address")}

    assert len(household) == 1
    assert len(household | others) == 5
    assert {len(found) for found in household | others} == {32}
