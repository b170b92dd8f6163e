"""Something has to answer at each host."""

from types import SimpleNamespace

import pytest

from hubbub.contracts import Contract, load_contract
from hubbub.errors import ConnectError, RunError, TlsError
from hubbub.options import resolve
from hubbub.run.hosts import check_host, check_hosts


def refused(*_call):
    raise ConnectError("ConnectionError")


def test_no_backend_is_one_sentence():
    with pytest.raises(RunError, match=r"no backend answers at the host \(ConnectionError\)"):
        check_host(load_contract("sanctum"), refused)


def test_no_tls_is_one_sentence():
    def untrusted(*_call):
        raise TlsError("certificate not trusted")

    with pytest.raises(RunError, match="no TLS connection to the host is made: certificate not trusted"):
        check_host(load_contract("sanctum"), untrusted)


@pytest.mark.parametrize("status", [200, 404, 500])
def test_any_answer_will_do(status):
    check_host(load_contract("sanctum"), lambda *_call: (status, b""))


def test_a_contract_without_such_a_call_asks_nothing():
    check_host(Contract(), refused)


def test_the_one_of_several_that_does_not_answer_is_named():
    def requests(settings):
        return refused if settings.host == "http://b.test" else lambda *_call: (200, b"{}")

    world = SimpleNamespace(requests=requests)
    check_hosts(load_contract("sanctum"), world, resolve({"host": "http://a.test"}))
    with pytest.raises(RunError, match=r"no backend answers at the host http://b\.test"):
        check_hosts(load_contract("sanctum"), world, resolve({"host": "http://a.test,http://b.test"}))
