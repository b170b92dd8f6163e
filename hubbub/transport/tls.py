"""TLS: the context of a run, and its failures by their names, with what to do."""

from __future__ import annotations

import ssl

_CAUSES = {
    9: ("not valid yet", "are both clocks right?"),
    10: ("expired", "renew it, or --insecure"),
    18: ("self-signed", "--ca FILE that has it, or --insecure"),
    19: ("of an authority that is not known", "--ca FILE that has its root, or --insecure"),
    20: ("of an issuer that is not known", "--ca FILE that has it, or let the server send the whole chain"),
    21: ("of an issuer that is not known", "--ca FILE that has it, or let the server send the whole chain"),
    62: ("for another name", "check --host, or --insecure"),
    64: ("for another address", "check --host, or --insecure"),
}
"""What OpenSSL's codes of a verification mean (x509_vfy.h)."""

_REASONS = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS here: is it http://?",
    "HTTP_REQUEST": "the server does not speak TLS here: is it http://?",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server wants a client certificate: --cert and --key",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server refuses the handshake: does it want a client certificate (--cert)?",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the server speaks no version of TLS that is taken here",
    "UNSUPPORTED_PROTOCOL": "the server speaks no version of TLS that is taken here",
}


def make_ssl_context(
    ca: str, is_insecure: bool, cert: str = "", key: str = "", adds_ca: bool = False
) -> ssl.SSLContext:
    """The TLS context of a run. `ca` is a PEM file, trusted instead of the system's authorities or besides them.

    `cert` and `key` are files of our own certificate. Raises ssl.SSLError and OSError.
    """
    context = ssl.create_default_context(cafile=ca or None)
    if ca and adds_ca:
        context.load_default_certs()
    if is_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        context.load_cert_chain(cert, key or None, password=lambda: "")
    return context


def tls_problem(error: BaseException) -> str:
    """What an error of TLS is, in words, wherever in a chain of exceptions it stands; "" where there is none."""
    found = _ssl_error_in(error)
    if found is None:
        return ""
    if isinstance(found, ssl.SSLCertVerificationError):
        what, cure = _CAUSES.get(found.verify_code, (found.verify_message, "--ca FILE or --insecure"))
        return f"certificate not trusted: {what} ({cure})"
    reason = found.reason or type(found).__name__
    return f"TLS failed: {_REASONS.get(reason, reason)}"


def _ssl_error_in(error: BaseException) -> ssl.SSLError | None:
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        if isinstance(each, ssl.SSLError):
            return each
        seen.add(id(each))
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
    return None
