"""The lake's S3-compatible object store: single objects, and the files of a release.

Belongs here: storing and fetching files under a name. Does not belong here: which names there are.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sources.errors import DamagedSnapshot, LakeRefused, LakeUnavailable
from sources.lake.problems import first_line, not_installed

CONNECT_S, RETRY_S = 10, 20
PARALLEL = 8


@dataclass(frozen=True)
class Access:
    """How the store is reached: by the variables that every S3 client reads."""

    key: str
    secret: str
    region: str
    endpoint: str

    @classmethod
    def from_env(cls) -> Access:
        """Raises LakeRefused without credentials."""
        key, secret = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
        if not key or not secret:
            raise LakeRefused("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set.")
        region, endpoint = os.environ.get("AWS_REGION") or "us-east-1", os.environ.get("AWS_ENDPOINT_URL", "")
        return cls(key, secret, region, endpoint)


class Objects:
    """The objects under `address`, s3://BUCKET[/PREFIX]. Methods raise LakeUnavailable or LakeRefused."""

    def __init__(self, address: str):
        self.address = address.rstrip("/")

    @cached_property
    def _client(self) -> Any:
        try:
            from obstore.store import S3Store
        except ImportError as failure:
            raise not_installed(failure) from None
        access, parts = Access.from_env(), urlsplit(self.address)
        options: Any = {"connect_timeout": f"{CONNECT_S}s", "timeout": "600s"}
        more: dict[str, Any] = {}
        if access.endpoint:
            more = {"endpoint": access.endpoint, "virtual_hosted_style_request": False}
            options["allow_http"] = access.endpoint.startswith("http://")
        return S3Store(
            parts.hostname or "",
            prefix=parts.path.strip("/") or None,
            access_key_id=access.key,
            secret_access_key=access.secret,
            region=access.region,
            client_options=options,
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=RETRY_S)},
            **more,
        )

    def _ask(self, place: str, function: Callable[..., Any], *given: Any, **options: Any) -> Any:
        """Call a function of the store's client on `place`. Raises FileNotFoundError, FileExistsError or a LakeError."""
        from obstore import exceptions

        try:
            return function(self._client, *given, **options)
        except (exceptions.NotFoundError, FileNotFoundError):
            raise FileNotFoundError(f"{self.address}/{place}") from None
        except exceptions.AlreadyExistsError:
            raise FileExistsError(f"{self.address}/{place}") from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as failure:
            raise LakeRefused(f"{self.address} refuses {place}: {first_line(failure)}.") from None
        except exceptions.BaseError as failure:
            raise LakeUnavailable(f"{self.address} cannot be used: {first_line(failure)}.") from None

    def put(self, place: str, path: Path, replace: bool = False) -> None:
        """Store the file `path` under `place`. Raises FileExistsError if there is an object, unless `replace`."""
        import obstore

        mode: dict[str, Any] = {} if replace else {"mode": "create", "use_multipart": False}
        self._ask(place, obstore.put, place, path, **mode)

    def has(self, place: str) -> bool:
        """Whether there is an object under `place`."""
        import obstore

        try:
            self._ask(place, obstore.head, place)
        except FileNotFoundError:
            return False
        return True

    def get(self, place: str, path: Path) -> None:
        """Write the object under `place` to the file `path`. Raises FileNotFoundError."""
        import obstore

        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        found = self._ask(place, obstore.get, place)
        try:
            with open(aside, "wb") as handle:
                for chunk in found.stream():
                    handle.write(chunk)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)

    def read(self, place: str) -> bytes:
        """The object under `place`, which is small. Raises FileNotFoundError."""
        import obstore

        return bytes(self._ask(place, obstore.get, place).bytes())

    def delete(self, place: str) -> None:
        """Remove the object under `place`, if there is one."""
        import obstore

        self._ask(place, obstore.delete, place)

    def places(self, folder: str) -> list[str]:
        """The names of the objects under `folder`."""
        import obstore

        found: list[str] = []
        for batch in self._ask(folder, obstore.list, f"{folder}/"):
            found += [one["path"] for one in batch]
        return found

    def upload(self, place: str, folder: Path) -> None:
        """Store the files of `folder` under `place`."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            for done in [
                pool.submit(self.put, f"{place}/{path.relative_to(folder).as_posix()}", path, True)
                for path in sorted(path for path in folder.rglob("*") if path.is_file())
            ]:
                done.result()

    def download(self, place: str, folder: Path) -> None:
        """Bring the files under `place` to `folder`, verified by their SHA256SUMS. Raises DamagedSnapshot."""
        aside = folder.with_name(f".fetching-{folder.name}.{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            with ThreadPoolExecutor(PARALLEL) as pool:
                for done in [
                    pool.submit(self.get, one, aside / one.removeprefix(f"{place}/"))
                    for one in self.places(place)
                ]:
                    done.result()
            _verify_sums(aside, f"{self.address}/{place}")
            try:
                os.rename(aside, folder)
            except OSError:
                # another process of this machine was first
                if not folder.exists():
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _verify_sums(folder: Path, place: str) -> None:
    sums = folder / "SHA256SUMS"
    for line in sums.read_text(encoding="utf-8").splitlines() if sums.exists() else ():
        path = folder / line[66:]
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != line[:64]:
            raise DamagedSnapshot(
                f"{place}/{line[66:]} is {'not what was published' if path.exists() else 'lost'}.",
                hint="restore the object from a backup of the store; earlier releases can be read.",
            )
