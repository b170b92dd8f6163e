"""TLS failures have names, and say what to do."""

import datetime
import ssl

import pytest
import trustme

from hubbub.errors import ConnectError
from hubbub.transport.tls import make_ssl_context, tls_problem

PAST = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def shake_hands(client, server, name="localhost"):
    """Both sides of a handshake in memory; raises what the client's side raises, and then the server's."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(10):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    ours.write(b"x")
    theirs.read(1)


def serving(*issued):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for each in issued:
        each.configure_cert(context)
    return context


def problem_with(client, server, name="localhost"):
    with pytest.raises(ssl.SSLError) as failed:
        shake_hands(client, server, name)
    wrapped = ConnectError("wrapped")
    wrapped.__cause__ = failed.value
    assert tls_problem(wrapped) == tls_problem(failed.value)
    return tls_problem(wrapped)


def test_by_default_certificates_are_checked():
    context = make_ssl_context("", is_insecure=False)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    context = make_ssl_context("", is_insecure=True)
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)


def test_a_certificate_of_the_authority_is_trusted(authority, ca):
    shake_hands(make_ssl_context(ca, False), serving(authority.issue_cert("localhost")))


def test_a_name_that_is_not_the_certificates(authority, ca):
    server = serving(authority.issue_cert("elsewhere.example"))
    assert "for another name (check --host" in problem_with(make_ssl_context(ca, False), server)


def test_a_certificate_that_has_expired(authority, ca):
    server = serving(authority.issue_cert("localhost", not_before=PAST, not_after=PAST + datetime.timedelta(days=1)))
    assert "certificate not trusted: expired" in problem_with(make_ssl_context(ca, False), server)


def test_a_private_authority(authority):
    problem = problem_with(make_ssl_context("", False), serving(authority.issue_cert("localhost")))
    assert "of an issuer that is not known (--ca FILE" in problem


def test_a_certificate_of_its_own(tmp_path):
    alone = trustme.CA()
    alone.cert_pem.write_to_path(tmp_path / "cert.pem")
    alone.private_key_pem.write_to_path(tmp_path / "key.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    assert "self-signed (--ca FILE that has it, or --insecure)" in problem_with(make_ssl_context("", False), server)


def test_an_intermediate_that_is_not_sent(authority, ca, tmp_path):
    issued = authority.create_child_ca().issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    assert "let the server send the whole chain" in problem_with(make_ssl_context(ca, False), server)


def test_a_server_that_wants_to_know_who_we_are(authority, ca, tmp_path):
    server = serving(authority.issue_cert("localhost"))
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    issued = authority.issue_cert("client@example.com")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    shake_hands(make_ssl_context(ca, False, str(tmp_path / "client.pem")), server)
    with pytest.raises(ssl.SSLError):
        shake_hands(make_ssl_context(ca, False), server)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("WRONG_VERSION_NUMBER", "does not speak TLS here: is it http://?"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "wants a client certificate: --cert and --key"),
        ("SOMETHING_NEW", "TLS failed: SOMETHING_NEW"),
    ],
)
def test_other_failures_have_their_reason(reason, text):
    error = ssl.SSLError(1, f"[SSL: {reason}] no")
    error.reason = reason
    outer = OSError("outer")
    outer.__cause__ = error
    assert text in tls_problem(outer)


def test_what_is_no_failure_of_tls_has_no_name():
    circle = OSError("circle")
    circle.__context__ = OSError("other")
    circle.__context__.__context__ = circle
    assert tls_problem(circle) == ""


def test_an_authority_of_ones_own_is_trusted_alone(ca):
    assert len(make_ssl_context(ca, is_insecure=False).get_ca_certs()) == 1
