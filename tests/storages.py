"""A server of S3's protocol, for tests that keep files in a bucket."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import frozen

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
NOWHERE = "http://127.0.0.1:9"


@frozen
class Storage:
    """A running server, and a client of another make to look into it."""

    endpoint: str
    client: Any

    @property
    def environment(self) -> dict[str, str]:
        """What a user sets to reach it."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.endpoint, "AWS_METADATA_ENDPOINT": NOWHERE}

    def get(self, name: str, bucket: str = "bucket") -> bytes:
        """Return the content of an object."""
        content: bytes = self.client.get_object(Bucket=bucket, Key=name)["Body"].read()
        return content

    def names(self, bucket: str = "bucket") -> list[str]:
        """Return the names of the objects in a bucket."""
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]


@contextmanager
def running_storage() -> Iterator[Storage]:
    """Run a server with one empty bucket, `bucket`."""
    import boto3  # type: ignore[import-untyped]  # it has no types
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            region_name=KEYS["AWS_REGION"],
        )
        client.create_bucket(Bucket="bucket")
        yield Storage(endpoint, client)
    finally:
        server.stop()
