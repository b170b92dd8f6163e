"""Every error says whose fault it may be."""

import errno

import pytest

from hubbub.errors import OWN_ERRNOS, CallFailed, ConnectError, ConnectionClosed, is_own_error, name_of


@pytest.mark.parametrize("number", sorted(OWN_ERRNOS))
def test_what_this_machine_has_run_out_of_is_the_generators(number):
    assert is_own_error(OSError(number, ""))
    assert ConnectError.of(OSError(number, "")).is_ours


@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.ECONNRESET, errno.ETIMEDOUT])
def test_what_the_peer_did_is_not(number):
    assert not is_own_error(OSError(number, ""))
    assert not ConnectError.of(OSError(number, "")).is_ours


def test_other_exceptions_are_no_network_errors():
    assert not is_own_error(ValueError())
    assert not ConnectionClosed("gone").is_ours


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (OSError(errno.ECONNREFUSED, "to 1.2.3.4"), "ConnectionRefusedError"),
        (OSError(errno.EMFILE, ""), "EMFILE (no file left)"),
        (OSError(errno.ENOBUFS, ""), "ENOBUFS"),
        (OSError("no number"), "OSError"),
        (ValueError("x"), "ValueError"),
    ],
)
def test_a_class_of_failure_has_no_address_in_it(error, name):
    assert name_of(error) == name


def test_a_failed_call_says_what_was_answered():
    assert str(CallFailed(500, "HTTP 500", "oops")) == "HTTP 500: oops"
    assert str(CallFailed(500, "HTTP 500")) == "HTTP 500"
