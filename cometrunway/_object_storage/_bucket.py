"""One prefix of a bucket: objects are put there whole, or not at all."""

import asyncio
import hashlib
import logging
import os
import re
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from attrs import field, frozen
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from cometrunway._object_storage._refusals import NOT_IMPLEMENTED, reason

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ClientConfig, RetryConfig

_logger = logging.getLogger(__name__)

_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_TRIAL = ".cometrunway"
"""The object that shows that objects can be written. It stays: the right to delete is not needed."""
_TRIAL_SECONDS = 30.0
_PART = 8 * 1024 * 1024
"""Bytes of an object that is sent in one request; a larger one is sent in parts of this size."""
_PARTS_AT_ONCE = 2
_LINK = timedelta(days=1)
"""For how long a link can be read."""
_CLIENT: "ClientConfig" = {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(minutes=3)}


class BucketError(Exception):
    """The storage did not do what was asked for. The text says what, and what to do."""


@frozen(kw_only=True)
class StoredFile:
    """What is known of a file in a bucket, beside its name."""

    size: int
    sha256: str | None
    media_type: str | None = field(default=None, eq=False)


class Bucket:
    """The objects under one prefix of a bucket.

    Credentials, region and endpoint are the environment's (AWS_ACCESS_KEY_ID and so on), or the machine's role.

    Args:
        address: such as `s3://bucket/prefix`.

    Raises:
        ValueError: it is no such address.
    """

    def __init__(self, address: str) -> None:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise ValueError(f"output_dir: a bucket is written as s3://bucket/prefix, got {address!r}")
        self._name, self._prefix = found[1], (found[2] or "").strip("/")
        self.address = f"s3://{self._name}/{self._prefix}".rstrip("/")
        self._endpoint = next(filter(None, map(os.environ.get, _ENDPOINTS)), None)
        self._store = self._open()
        self.refuses_to_replace = True
        """Whether it keeps one process from replacing an object that another one has just put there."""

    async def check(self) -> None:
        """Find out whether objects can be written, read, and known to be missing: `.cometrunway` is written, and stays.

        Raises:
            BucketError: they cannot.
        """
        content = b"Shows that cometrunway can write here.\n"
        trial = StoredFile(size=len(content), sha256=hashlib.sha256(content).hexdigest(), media_type="text/plain")
        store = self._open({"max_retries": 2, "retry_timeout": timedelta(seconds=_TRIAL_SECONDS)})
        try:
            async with asyncio.timeout(2 * _TRIAL_SECONDS):
                await obstore.put_async(store, _TRIAL, content, attributes=_attributes(trial), use_multipart=False)
                self.refuses_to_replace = await _refuses_to_replace(store, _TRIAL, content, trial)
                is_told = await self._stored(f"{_TRIAL}/missing") is None and await self._stored(_TRIAL) == trial
        except (BaseError, FileNotFoundError, TimeoutError) as error:
            raise self._error(f"{self.address} cannot be written", error) from error
        if not is_told:
            raise BucketError(f"{self.address} cannot be used: the storage does not tell what it holds")
        if not self.refuses_to_replace:
            _logger.warning(
                "%s is on a storage without conditional writes: where two processes put files of one name there at the "
                "same moment, one file replaces the other",
                self.address,
            )

    async def put(self, file: Path, known: StoredFile, names: Iterable[str]) -> str:
        """Put a file under the first of the names that no other file has; return where it is.

        It is read and digested once more on its way, and appears only if that agrees with what is known of it.

        Raises:
            BucketError: it could not be put there whole.
        """
        for name in names:
            if await self._is_put(file, known, name):
                return f"{self.address}/{name}"
        raise AssertionError("the names are endless")

    async def holds(self, location: str, known: StoredFile) -> bool:
        """Whether a file is where it was put, with the length and the digest that it had.

        Raises:
            BucketError: the storage does not say.
        """
        name = self._own(location)
        return name is not None and await self._stored(name) == known

    async def link(self, location: str) -> str | None:
        """Return a URL that reads the file without credentials, for a day; None for a file outside the prefix.

        Raises:
            BucketError: it cannot be signed.
        """
        name = self._own(location)
        try:
            return name and await obstore.sign_async(self._store, "GET", name, _LINK)
        except BaseError as error:
            raise self._error(f"no link to {location} can be signed", error) from error

    def _open(self, retries: "RetryConfig | None" = None) -> S3Store:
        is_plain = (self._endpoint or "").startswith("http://")
        return S3Store(
            self._name,
            prefix=self._prefix or None,
            checksum_algorithm="SHA256",
            client_options={**_CLIENT, "allow_http": is_plain},
            retry_config=retries,
        )

    async def _is_put(self, file: Path, known: StoredFile, name: str) -> bool:
        """Put a file under a name, unless another file has that; return whether the name is now that of this file."""
        there = await self._stored(name)
        if there is None:
            try:
                await self._send(file, known, name)
            except AlreadyExistsError:
                pass  # another process was faster
            except (BaseError, FileNotFoundError) as error:
                raise self._error(f"{self.address}/{name} cannot be written", error) from error
            there = await self._stored(name)
        return there == known

    async def _send(self, file: Path, known: StoredFile, name: str) -> None:
        content = _verified(file, known)
        if known.size > _PART:
            await obstore.put_async(
                self._store,
                name,
                content,
                attributes=_attributes(known),
                chunk_size=_PART,
                max_concurrency=_PARTS_AT_ONCE,
            )
        else:
            whole = b"".join([block async for block in content])
            mode: PutMode = "create" if self.refuses_to_replace else "overwrite"
            await obstore.put_async(
                self._store, name, whole, attributes=_attributes(known), mode=mode, use_multipart=False
            )

    async def _stored(self, name: str) -> StoredFile | None:
        try:
            found = await obstore.get_async(self._store, name, options={"head": True})
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise self._error(f"{self.address}/{name} cannot be read", error) from error
        return StoredFile(size=found.meta["size"], sha256=found.attributes.get("sha256"))

    def _own(self, location: str) -> str | None:
        """Return the name of an object under the prefix; None of any other."""
        is_own = location.startswith(f"{self.address}/")
        return location.removeprefix(f"{self.address}/") if is_own else None

    def _error(self, what: str, error: Exception) -> BucketError:
        return BucketError(f"{what}: {reason(error, bucket=self._name, endpoint=self._endpoint)}")


async def _refuses_to_replace(store: S3Store, name: str, content: bytes, known: StoredFile) -> bool:
    """Whether the storage refuses, when it is asked to, to replace an object that is there."""
    try:
        await obstore.put_async(store, name, content, attributes=_attributes(known), mode="create", use_multipart=False)
    except AlreadyExistsError:
        return True
    except BaseError as error:
        if NOT_IMPLEMENTED not in str(error):
            raise
    return False


def _attributes(known: StoredFile) -> dict[str, str]:
    return {"Content-Type": known.media_type or "application/octet-stream", "sha256": known.sha256 or ""}


async def _verified(file: Path, known: StoredFile) -> AsyncIterator[bytes]:
    """Yield a file's bytes; raise `BucketError` at their end unless they are those that are known."""
    digest = hashlib.sha256()

    def next_block() -> bytes:
        block = stream.read(_PART)
        digest.update(block)
        return block

    with await asyncio.to_thread(file.open, "rb") as stream:
        while block := await asyncio.to_thread(next_block):
            yield block
    if digest.hexdigest() != known.sha256:
        raise BucketError(f"{file} has changed since it was downloaded")
