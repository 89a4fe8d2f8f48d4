"""Errors of TLS in words: which side refused what, and what to do. No I/O."""

import ssl

__all__ = ["why"]

# Of OpenSSL's codes of what is wrong with a certificate (X509_V_ERR_…).
_EXPIRED, _NOT_YET, _HOST, _ADDRESS = 10, 9, 62, 64
_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})


def why(error: ssl.SSLError, settings: str) -> str:
    """What it means, and what to do. settings: how the names of those begin that say with what."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error, settings)
    reason = (error.reason or str(error)).removeprefix("SSLV3_").removeprefix("TLSV1_").removeprefix("TLSV13_")
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING", "HTTP_REQUEST"}:
        return f"what listens there does not speak it ({reason}): name the port of its listener with TLS"
    if "CERTIFICATE_EXPIRED" in reason:
        return f"our own certificate has expired ({reason}): renew what {settings}SSL_CERTIFICATE names"
    if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason or "HANDSHAKE_FAILURE" in reason:
        return (
            f"it asks for a client's certificate, and takes none or not ours ({reason}): set "
            f"{settings}SSL_CERTIFICATE and {settings}SSL_KEY to one of a CA that it trusts"
        )
    return f"{reason}: see its log"


def _of_certificate(error: ssl.SSLCertVerificationError, settings: str) -> str:
    code, words = error.verify_code, error.verify_message
    if code == _EXPIRED:
        return f"its certificate has expired ({words}): renew it there"
    if code == _NOT_YET:
        return f"its certificate is of the future ({words}): check this machine's clock"
    if code in {_HOST, _ADDRESS}:
        return f"its certificate is for another name ({words}): reach it by a name that stands in it"
    if code in _UNKNOWN_CA:
        return f"its certificate is of a CA that we do not know ({words}): name that CA in {settings}SSL_CA"
    return f"its certificate is refused ({words})"
