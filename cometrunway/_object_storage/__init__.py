"""Files in a bucket of S3, or of another storage with its protocol. Only this package imports `obstore` (extra `s3`).

It is on the same level as `_transport`, and may import only what is below. Begin with `_bucket.py`. `_refusals.py`
explains why the storage refused.
"""
