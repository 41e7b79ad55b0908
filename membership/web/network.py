"""Where a request comes from, for limits: never kept as an address."""

from ipaddress import IPv6Address, ip_address, ip_network

from flask import request
from flask_login import current_user

from membership.limits import keyed
from membership.web.browser import browser_hash
from membership.web.database import settings

# Whoever has one address has, or gets for the asking, its neighbours too: a provider's customer is given this much at once.
PREFIX_OF = {4: 24, 6: 48}


def network_hash() -> bytes:
    """Return a keyed hash of the asker's network, /24 or /48; TRUSTED_PROXY_HOPS has decided whose address counts."""
    return keyed(settings().secret_key, "network", network_of(request.remote_addr or ""))


def asker(*, person: int, network: int) -> dict[bytes, int]:
    """Return whose acts limits.count_act counts, and how many each may do: a member's own, a stranger's by browser and network.

    A network is many people, so that its limit must be generous: nobody may use it up to lock out their neighbours.
    """
    if current_user.is_authenticated:
        return {keyed(settings().secret_key, "member", str(current_user.member.id)): person}
    return {browser_hash(): person, network_hash(): network}


def network_of(text: str) -> str:
    """Return the network of an address, empty for what is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or IPv6Address(int(address))  # an interface ("%eth0") names no network
    return str(ip_network((address, PREFIX_OF[address.version]), strict=False))
