"""RFC 3161 time stamps of the ledger's head, made by `openssl ts` with an authority of this test."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sources.data_folder import DataFolder
from tests.target_examples import KNOWN, target
from warehouse.targets import ledger, timestamp
from warehouse.targets.evidence import Evidence
from warehouse.targets.schema import LedgerError
from warehouse.targets.verification import verify

SETTINGS = """[tsa]
default_tsa=t
[t]
serial=./serial
signer_digest=sha256
default_policy=1.2.3
digests=sha256
accuracy=secs:1
ess_cert_id_alg=sha256
[req]
distinguished_name=dn
[dn]
[ext]
extendedKeyUsage=critical,timeStamping
"""


@dataclass
class Authority:
    """A time-stamping authority in a folder, with a certificate of its own."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        (self.folder / "tsa.cnf").write_text(SETTINGS)
        (self.folder / "serial").write_text("01\n")
        self.openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
            "-subj", "/CN=Authority of a test", "-config", "tsa.cnf", "-extensions", "ext", "-days", "2",
        )  # fmt: skip

    @property
    def certificate(self) -> Path:
        return self.folder / "cert.pem"

    def stamp(self, seal: str) -> Path:
        self.openssl("ts", "-query", "-digest", seal, "-sha256", "-cert", "-out", "head.tsq")
        self.openssl(
            "ts", "-reply", "-queryfile", "head.tsq", "-signer", "cert.pem", "-inkey", "key.pem",
            "-config", "tsa.cnf", "-out", f"{seal[:8]}.tsr",
        )  # fmt: skip
        return self.folder / f"{seal[:8]}.tsr"

    def openssl(self, *words: str) -> None:
        try:
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("openssl is not installed")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tsa")


@pytest.fixture
def home(tmp_path: Path) -> DataFolder:
    """A ledger with one entry, sealed a minute ago."""
    home = DataFolder(tmp_path / "home")
    found = ledger.load(home)
    ledger.append(
        home, found, ledger.sealed(found, target(), KNOWN, datetime.now(UTC) - timedelta(minutes=1))
    )
    return home


def anchor(home: DataFolder, token: Path, certificate: Path):
    found = ledger.load(home)
    made = ledger.anchored(home, found, None, token, timestamp.trusted(certificate), datetime.now(UTC))
    ledger.append(home, found, made)
    return made


def test_a_verified_time_stamp_is_sealed_with_its_own_time_and_authority(home, authority):
    before = datetime.now(UTC).replace(microsecond=0)
    made = anchor(home, authority.stamp(ledger.load(home).head), authority.certificate)
    assert made.authority == "CN=Authority of a test"
    assert before <= made.stamped_at <= datetime.now(UTC) + timedelta(seconds=1)
    again = ledger.load(home)
    assert again.anchors == [made]
    found = verify(again, Evidence(home, timestamp.trusted(authority.certificate)))
    assert found.problems == []
    assert found.verdicts[2].outcome == "sound"
    assert found.verdicts[1].stamp.authority == "CN=Authority of a test"
    without = verify(again, Evidence(home))
    assert without.problems == [] and without.verdicts[2].outcome == "unverifiable"


@pytest.mark.parametrize(
    "what", ["request", "forged", "other seal", "signature", "certificate", "other authority"]
)
def test_what_is_no_valid_time_stamp_of_the_head_is_refused(home, authority, tmp_path, what):
    head = ledger.load(home).head
    token, certificate = authority.stamp(head), authority.certificate
    data = bytearray(token.read_bytes())
    if what == "request":
        data = bytearray((authority.folder / "head.tsq").read_bytes())
    elif what == "forged":
        data = bytearray(b"\x04\x20" + bytes.fromhex(head) + b"x" * 17)
    elif what == "other seal":
        data = bytearray(authority.stamp("ab" * 32).read_bytes())
    elif what == "signature":
        data[-10] ^= 1
    elif what == "certificate":
        data[len(data) // 2] ^= 1
    else:
        certificate = Authority(tmp_path / "other").certificate
    file = tmp_path / "given.tsr"
    file.write_bytes(data)
    before = home.ledger.read_bytes()
    with pytest.raises(LedgerError):
        anchor(home, file, certificate)
    assert home.ledger.read_bytes() == before and not list(home.root.glob("*.tsr"))


def test_without_a_certificate_no_time_stamp_is_taken(home, authority, monkeypatch):
    token = authority.stamp(ledger.load(home).head)
    with pytest.raises(LedgerError, match="no certificate of its authority is named"):
        ledger.anchored(home, ledger.load(home), None, token, timestamp.trusted(), datetime.now(UTC))
    monkeypatch.setenv("DISTRETTO_TSA_CERTIFICATE", str(authority.certificate))
    assert ledger.anchored(home, ledger.load(home), None, token, timestamp.trusted(), datetime.now(UTC))


def test_a_token_that_was_exchanged_contradicts_its_anchor(home, authority):
    head = ledger.load(home).head
    anchor(home, authority.stamp(head), authority.certificate)
    kept = ledger.token_path(home, head)
    kept.write_bytes(authority.stamp("ab" * 32).read_bytes())
    assert verify(ledger.load(home), Evidence(home)).problems == [
        f"entry 2 (anchor): its time stamp {kept.name} is not what was anchored"
    ]
