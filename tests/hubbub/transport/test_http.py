"""HTTP of the hot path: what was said about TLS holds here, too."""

import ssl

import pytest

from hubbub.transport.base import make_ssl_context
from hubbub.transport.http import HttpPool


@pytest.mark.parametrize(("is_insecure", "mode"), [(False, ssl.CERT_REQUIRED), (True, ssl.CERT_NONE)])
def test_the_context_of_the_run_is_used_as_it_is(is_insecure, mode):
    context = make_ssl_context("", is_insecure)
    trusted = context.cert_store_stats()
    HttpPool("https://localhost", 1_000_000, {}, context).close()
    assert (context.check_hostname, context.verify_mode) == (not is_insecure, mode)
    assert context.cert_store_stats() == trusted
