"""RFC 3161 time stamps: whether a file is the response of an authority for a seal, and what it says of time and authority.

Belongs here: parsing and verifying, by rfc3161-client. Does not belong here: where tokens are kept, and which entries
they date (`ledger.py`, `verification.py`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.targets.schema import LedgerError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

SETTING = "DISTRETTO_TSA_CERTIFICATE"
SHA256 = "2.16.840.1.101.3.4.2.1"


@dataclass(frozen=True)
class TimeStamp:
    """What a token says: the authority's own time (UTC), and the name on the certificate that signed it."""

    time: datetime
    authority: str


def trusted(path: Path | None = None) -> list[Certificate]:
    """The certificates in the PEM file `path`, or in that of the setting DISTRETTO_TSA_CERTIFICATE; none if neither is given.

    Raises LedgerError if the file holds none.
    """
    if path is None:
        if not (named := os.environ.get("DISTRETTO_TSA_CERTIFICATE")):
            return []
        path = Path(named)
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(path.read_bytes())
    except OSError as failure:
        reason = failure.strerror or "cannot be read"
    except ValueError:
        reason = "holds no PEM certificate"
    raise LedgerError(
        f"{path}: {reason}.",
        hint=f"name a PEM file with the authority's root certificate, by --tsa-certificate or {SETTING}.",
    )


def granted(data: bytes, seal: str) -> datetime:
    """The time (UTC) in the response `data`, if it was granted for `seal`; its signature is not verified here.

    Raises LedgerError for a request, a refusal, a time stamp of something else, and what is no time stamp.
    """
    return _time(_response(data, seal))


def verified(data: bytes, seal: str, certificates: Sequence[Certificate]) -> TimeStamp:
    """What the response `data` says of `seal`, with its signature verified against `certificates`, at the token's own time.

    Raises LedgerError, as `granted` does, and if the signature does not lead to one of `certificates`.
    """
    from rfc3161_client import VerifierBuilder

    response = _response(data, seal)
    if not certificates:
        raise LedgerError(
            "The signature of the time stamp cannot be verified: no certificate of its authority is named.",
            hint=f"name a PEM file with the authority's root certificate, by --tsa-certificate or {SETTING}.",
        )
    builder = VerifierBuilder(roots=list(certificates))
    try:
        embedded = _embedded(response)
        if not embedded:
            builder = builder.tsa_certificate(_time_stamping(certificates))
        builder.build().verify(response, bytes.fromhex(seal))
    # the library raises errors of many types on a forged file
    except Exception as failure:
        raise LedgerError(
            "The signature of the time stamp is not valid for the certificates named.",
            hint="ask the authority for another token; its root certificate must be in the file that you name.",
        ) from failure
    by_number = {(one.issuer, one.serial_number): one for one in certificates}
    if any(by_number.get((one.issuer, one.serial_number), one) != one for one in embedded):
        raise LedgerError("The time stamp holds an altered copy of a certificate that is named as trusted.")
    return TimeStamp(_time(response), _signer(response, [*certificates, *embedded]))


def _response(data: bytes, seal: str) -> TimeStampResponse:
    """The granted response in `data`, whose imprint is `seal`."""
    from rfc3161_client import PKIStatus, decode_timestamp_response

    hint = f"openssl ts -query -digest {seal} -sha256 -cert makes the request that the authority answers."
    try:
        response = decode_timestamp_response(data)
        status = PKIStatus(response.status)
    # the parser raises errors of many types on a forged file
    except Exception as failure:
        raise LedgerError(
            "The file is not the response of a time-stamping authority.", hint=hint
        ) from failure
    if status is not PKIStatus.GRANTED:
        raise LedgerError(f"The authority did not grant the time stamp: {status.name.lower()}.", hint=hint)
    try:
        imprint = response.tst_info.message_imprint
        same = imprint.hash_algorithm.dotted_string == SHA256 and imprint.message == bytes.fromhex(seal)
    except Exception as failure:
        raise LedgerError("The response holds no time-stamp token.", hint=hint) from failure
    if not same:
        raise LedgerError(f"The time stamp is not one of the seal {seal}.", hint=hint)
    return response


def _time(response: TimeStampResponse) -> datetime:
    return response.tst_info.gen_time.astimezone(UTC)


def _embedded(response: TimeStampResponse) -> list[Certificate]:
    from cryptography.x509 import load_der_x509_certificate

    return [load_der_x509_certificate(one) for one in response.signed_data.certificates]


def _signer(response: TimeStampResponse, certificates: Sequence[Certificate]) -> str:
    """The subject of the one of `certificates` that signed the response, as RFC 4514 writes it."""
    (signer,) = response.signed_data.signer_infos
    return next(
        one.subject.rfc4514_string()
        for one in certificates
        if (one.issuer, one.serial_number) == (signer.issuer, signer.serial_number)
    )


def _time_stamping(certificates: Sequence[Certificate]) -> Certificate:
    """The first of `certificates` that is one for time stamping, else the first of all."""
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    for one in certificates:
        try:
            usage = one.extensions.get_extension_for_class(ExtendedKeyUsage).value
        except ExtensionNotFound:
            continue
        if ExtendedKeyUsageOID.TIME_STAMPING in usage:
            return one
    return certificates[0]
