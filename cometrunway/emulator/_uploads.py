"""Uploads: what `POST /v1/uploads` hands out, what the storage takes, and which `runway://` URIs are good.

Written from Runway's page on ephemeral uploads (2026-11-30): a file has 512 bytes to 200 MB, and its URI is valid for
24 hours. The storage refuses as Amazon S3 does with a form of `POST Object`.
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from attrs import define, field

from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._exchange import Answer, Operation, Received, json_answer
from cometrunway.emulator._faults import Fault
from cometrunway.emulator._ledger import EmulatedUpload, Ledger
from cometrunway.emulator._refusals import Refusal, xml_refusal

PATH = "/v1/uploads"
_SCHEME = "runway://"
_SMALLEST, _LARGEST = 512, 200 * 10**6
_LONGEST_DATA_URI = 5 * 2**20


@define(kw_only=True, eq=False)
class Uploads:
    """Knows each upload by the key of its form.

    Attributes:
        id_mask: 128 bits that differ between emulators, or 0. They change the URIs and nothing else.
        lifetime: Seconds that a URI is good for.
        storage_url: The storage's origin, set when it listens.
    """

    rng: Random = field(repr=False)
    id_mask: int = field(repr=False)
    lifetime: float
    ledger: Ledger
    storage_url: str = field(init=False)
    _forms: dict[str, Mapping[str, str]] = field(init=False, factory=dict)

    def announce(self, body: Mapping[str, Any]) -> Answer | Refusal:
        """Hand out where a file is to be sent; or say what is wrong with the announcement."""
        filename = body.get("filename")
        if not isinstance(filename, str) or not 0 < len(filename) <= 255:
            return Refusal.upstream("filename: expected a string of 1 to 255 characters")
        if body.get("type") != "ephemeral":
            return Refusal.upstream("type: expected ephemeral")
        token = f"{self.rng.getrandbits(128) ^ self.id_mask:032x}"
        key = f"ephemeral/{token}/{filename}"
        fields = {
            "key": key,
            "policy": f"{self.rng.getrandbits(256):064x}",
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-signature": f"{self.rng.getrandbits(256):064x}",
        }
        self._forms[key] = fields
        self.ledger.uploads[key] = EmulatedUpload(uri=f"{_SCHEME}{token}", filename=filename)
        upload = {"uploadUrl": f"{self.storage_url}/", "fields": fields, "runwayUri": self.ledger.uploads[key].uri}
        return json_answer(upload)

    def store(self, received: Received, now: float) -> Answer:
        """Take a file, or say why not, as an object store words it."""
        form, file = received.form, received.file
        if received.method != "POST" or form is None:
            return xml_refusal(405, "MethodNotAllowed")
        if file is None:
            return xml_refusal(400, "InvalidArgument")
        if form != self._forms.get(form.get("key", "")):
            return xml_refusal(403, "AccessDenied")
        if not _SMALLEST <= file.size <= _LARGEST:
            return xml_refusal(400, "EntityTooSmall" if file.size < _SMALLEST else "EntityTooLarge")
        upload = self.ledger.uploads[form["key"]]
        upload.size, upload.sha256, upload.media_type = file.size, file.sha256, file.media_type
        upload.stored_at, upload.expires_at = now, now + self.lifetime
        return Answer(status=204)

    def invalid(self, body: object, now: float) -> Iterator[Refusal]:
        """What is wrong with the URIs in the body of a create."""
        for uri in _uris(body):
            if uri.startswith("data:") and len(uri) > _LONGEST_DATA_URI:
                yield Refusal.upstream(f"a data URI of {len(uri)} characters is larger than 5MB")
            elif uri.startswith(_SCHEME) and not any(
                upload.uri == uri and upload.is_good(now) for upload in self.ledger.uploads.values()
            ):
                yield Refusal.upstream("the uploaded file does not exist, or its URI has expired")


@define(kw_only=True, eq=False)
class Bucket:
    """Answers for the storage's origin: it takes forms, and wants no credential beside what they have."""

    name = "storage"
    uploads: Uploads
    epoch: Epoch

    def sort(self, _received: Received) -> tuple[Operation, str]:
        """Everything here is for storing."""
        return "storage", ""

    def answer(self, received: Received) -> Answer:
        """Take a file."""
        return self.uploads.store(received, self.epoch.now())

    def excuse(self, fault: Fault, _received: Received) -> Answer:
        """What a fault with a bare status answers."""
        return xml_refusal(fault.status or 503, "SlowDown" if fault.status == 503 else "AccessDenied")


def _uris(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _uris(member)
    elif isinstance(value, list):
        for item in value:
            yield from _uris(item)
