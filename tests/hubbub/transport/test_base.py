"""The TLS context that all connections share."""

import ssl

import pytest
import trustme

from hubbub.transport.base import Dialling, make_ssl_context


def test_by_default_certificates_are_checked():
    context = make_ssl_context("", is_insecure=False)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_checks_can_be_switched_off():
    context = make_ssl_context("", is_insecure=True)
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)


def test_an_authority_of_ones_own_is_trusted_alone(tmp_path):
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    assert len(make_ssl_context(str(path), is_insecure=False).get_ca_certs()) == 1


def test_how_to_dial_cannot_be_changed_later():
    with pytest.raises(AttributeError):
        Dialling(1).timeout_us = 2
