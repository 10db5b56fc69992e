"""Files in a bucket of S3, or of a storage with its protocol. The only place that imports `obstore`, of the extra `s3`.

May import only what is below it, as `_transport` does. Begin with `_bucket.py`; `_refusals.py` says why the
storage refused.
"""
