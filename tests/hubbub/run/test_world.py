"""The real world is made from the settings of a run."""

import os

import pytest
import trustme

from hubbub.options import resolve
from hubbub.run.world import RealWorld
from hubbub.transport.socket import SocketTransport


@pytest.fixture
def world():
    return RealWorld()


def test_a_transport_dials_as_the_settings_say(world):
    options = {"connect_timeout": "3s", "header": "Origin:x", "deflate": "true", "receive_stamps": "off"}
    transport = world.transport(resolve({"host": "http://x"} | options), 1)
    assert isinstance(transport, SocketTransport)
    dialling = transport.dialling
    assert (dialling.timeout_us, dialling.headers, dialling.offers_deflate) == (3_000_000, {"Origin": "x"}, True)
    assert (dialling.wants_stamps, dialling.ssl_context) == (False, None)


def test_https_needs_a_context_that_trusts_the_given_authority(world, tmp_path):
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    context = world.transport(resolve({"host": "https://x", "ca": str(path)}), 1).dialling.ssl_context
    assert context.check_hostname
    context = world.transport(resolve({"host": "https://x", "insecure": "true"}), 1).dialling.ssl_context
    assert not context.check_hostname
    world.http(resolve({"host": "https://x", "ca": str(path)})).close()


def test_waits_of_a_backend_are_known_on_this_machine_only(world):
    settings = resolve({"host": "http://x", "backend_pid": str(os.getpid())})
    assert world.backend_wait(settings, world.clock_domain) is not None
    assert world.backend_wait(settings, "another machine") is None
    assert world.backend_wait(resolve({}), world.clock_domain) is None


def test_this_machine_has_room_for_one_client(world):
    world.check_room_for(1, resolve({}))
    assert world.machine.read()["cpu"] > 0
    assert callable(world.requests(resolve({"host": "http://x"})))
