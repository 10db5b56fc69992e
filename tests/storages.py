"""A server of S3's protocol, for tests that keep files in a bucket."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from attrs import frozen

NOWHERE = "http://127.0.0.1:9"
_REGION = "us-east-1"


@frozen
class Storage:
    """A running server with a bucket `bucket`, and a client of another make to look into it."""

    endpoint: str
    key: str
    secret: str
    client: Any

    @classmethod
    def at(cls, endpoint: str, key: str, secret: str) -> "Storage":
        """Return a server that runs."""
        import boto3  # type: ignore[import-untyped]  # it has no types

        client = boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name=_REGION
        )
        made = cls(endpoint, key, secret, client)
        made.make("bucket")
        return made

    @property
    def environment(self) -> dict[str, str]:
        """What a user sets to reach it."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": _REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_METADATA_ENDPOINT": NOWHERE,
        }

    def make(self, bucket: str) -> None:
        """Make a bucket, unless an earlier run has left it."""
        with suppress(self.client.exceptions.BucketAlreadyOwnedByYou):
            self.client.create_bucket(Bucket=bucket)

    def get(self, name: str) -> bytes:
        """Return the content of an object."""
        content: bytes = self.client.get_object(Bucket="bucket", Key=name)["Body"].read()
        return content

    def names(self, bucket: str = "bucket") -> list[str]:
        """Return the names of the objects in a bucket."""
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]


@contextmanager
def running_storage() -> Iterator[Storage]:
    """Run a server, or use the one that COMETRUNWAY_STORAGE names: its endpoint, a key and its secret, with spaces."""
    named = os.environ.get("COMETRUNWAY_STORAGE")
    if named:
        yield Storage.at(*named.split())
        return
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Storage.at(f"http://{host}:{port}", "AKIDTEST", "secret")
    finally:
        server.stop()
