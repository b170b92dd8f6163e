"""Does anything answer, at each host of the backend?"""

from __future__ import annotations

from dataclasses import replace

from hubbub.contracts import Contract, HttpRequest
from hubbub.errors import CallFailed, ConnectError, RunError, TlsError
from hubbub.options import Settings
from hubbub.run.world import World


def check_hosts(contract: Contract, world: World, settings: Settings) -> None:
    """Raise RunError where nothing answers at one of the hosts."""
    for origin in settings.origins:
        name = f"the host {origin}" if len(settings.origins) > 1 else "the host"
        check_host(contract, world.requests(replace(settings, hosts=origin)), name)


def check_host(contract: Contract, request: HttpRequest, name: str = "the host") -> None:
    """Raise RunError where nothing answers."""
    call = contract.health()
    if call is None:
        return
    try:
        call.perform(request)
    except TlsError as error:
        raise RunError(f"no TLS connection to {name} is made: {error}.") from error
    except ConnectError as error:
        raise RunError(f"no backend answers at {name} ({error}); start it, or check --host.") from error
    except CallFailed:
        pass  # something answers; whether it is the right thing, sign-up and login will tell
