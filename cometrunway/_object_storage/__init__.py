"""Files in a bucket of S3, or of what speaks its protocol. The only place that imports `obstore`, of the extra `s3`.

May import only what is below it, as `_transport` does. Begin with `_bucket.py`; `_refusals.py` puts what the storage
answers into words.
"""
