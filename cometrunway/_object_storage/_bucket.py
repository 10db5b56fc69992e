"""One prefix of a bucket. Objects are stored completely, or not at all."""

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
"""The name of the test object. It is not deleted, so that the right to delete is not needed."""
_TRIAL_SECONDS = 30.0
_PART = 8 * 1024 * 1024
"""The largest number of bytes that are sent in one request. A larger object is sent in parts of this size."""
_PARTS_AT_ONCE = 2
_LINK = timedelta(days=1)
"""The time for which a link is valid."""
_CLIENT: "ClientConfig" = {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(minutes=3)}


class BucketError(Exception):
    """A request to the storage failed. The text says why, and what to do."""


@frozen(kw_only=True)
class StoredFile:
    """The properties of a file in a bucket, except its name."""

    size: int
    sha256: str | None
    media_type: str | None = field(default=None, eq=False)


class Bucket:
    """The objects under one prefix of a bucket.

    Credentials, region and endpoint come from the environment (AWS_ACCESS_KEY_ID and so on) or the machine's role.

    Args:
        address: the address of the prefix, such as `s3://bucket/prefix`.

    Raises:
        ValueError: the address does not have this form.
    """

    def __init__(self, address: str) -> None:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise ValueError(
                f"output_dir: a bucket is written as s3://bucket/prefix, with a name of 3 to 63 characters, got "
                f"{address!r}"
            )
        self._name, self._prefix = found[1], (found[2] or "").strip("/")
        self.address = f"s3://{self._name}/{self._prefix}".rstrip("/")
        self._endpoint = next(filter(None, map(os.environ.get, _ENDPOINTS)), None)
        self._store = self._open()
        self.refuses_to_replace = True
        """Whether the storage refuses to replace an object that another process has just stored."""

    async def check(self) -> None:
        """Test that objects can be written and read, and that missing objects are recognised.

        The object `.cometrunway` is written for this, and is not deleted.

        Raises:
            BucketError: the test failed.
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
            raise BucketError(f"{self.address} cannot be used: the storage does not report its objects correctly")
        if not self.refuses_to_replace:
            _logger.warning(
                "%s is on a storage without conditional writes: where two processes put files of one name there at the "
                "same moment, one file replaces the other",
                self.address,
            )

    async def put(self, file: Path, known: StoredFile, names: Iterable[str]) -> str:
        """Store a file under the first name that no other file has. Return its location.

        The file is digested again while it is sent. It appears in the bucket only if the digest is the known one.

        Raises:
            BucketError: the file could not be stored completely.
        """
        for name in names:
            if await self._is_put(file, known, name):
                return f"{self.address}/{name}"
        raise AssertionError("the names are endless")

    async def holds(self, location: str, known: StoredFile) -> bool:
        """Whether a file exists at its location with its known length and digest.

        Raises:
            BucketError: the storage does not answer the question.
        """
        name = self._own(location)
        return name is not None and await self._stored(name) == known

    async def link(self, location: str) -> str | None:
        """Return a URL that reads the file without credentials, valid for a day; None for a file outside of the prefix.

        Raises:
            BucketError: the URL cannot be signed.
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
        """Store a file under a name, unless another file has the name. Return whether this file now has the name."""
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
        """Return the name of an object under the prefix; None for any other object."""
        is_own = location.startswith(f"{self.address}/")
        return location.removeprefix(f"{self.address}/") if is_own else None

    def _error(self, what: str, error: Exception) -> BucketError:
        return BucketError(f"{what}: {reason(error, bucket=self._name, endpoint=self._endpoint)}")


async def _refuses_to_replace(store: S3Store, name: str, content: bytes, known: StoredFile) -> bool:
    """Whether the storage supports the condition that an existing object is not replaced."""
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
    """Yield a file's bytes. At the end, raise `BucketError` if their length or digest is not the known one."""
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
