"""Certificates: the authorities that connections trust. The environment is read when a session is opened."""

import os
import ssl
from functools import lru_cache
from pathlib import Path


def tls_context(*, trust_env: bool) -> ssl.SSLContext:
    """Return the TLS context with the authorities of SSL_CERT_FILE and SSL_CERT_DIR if set, else of the system.

    As in OpenSSL, a variable that is set replaces only its own default. The function reads files, which takes tens of
    milliseconds. A file that has not changed is read only once.

    Raises:
        ValueError: a variable names a path that does not exist or has no certificate.
    """
    named_file = os.environ.get("SSL_CERT_FILE") if trust_env else None
    named_folder = os.environ.get("SSL_CERT_DIR") if trust_env else None
    if named_folder and not any(Path(part).is_dir() for part in named_folder.split(os.pathsep)):
        raise ValueError(f"SSL_CERT_DIR={named_folder!r} is no folder; Session(trust_env=False) ignores it")
    paths = ssl.get_default_verify_paths()
    file = named_file or (paths.openssl_cafile if Path(paths.openssl_cafile).is_file() else None)
    folder = named_folder or (paths.openssl_capath if Path(paths.openssl_capath).is_dir() else None)
    try:
        return _context(file, Path(file).stat().st_mtime_ns if file else 0, folder)
    except OSError as error:
        is_other = isinstance(error, ssl.SSLError)
        problem = "contains no certificates in the PEM format" if is_other else f"cannot be read: {error.strerror}"
        named = f"SSL_CERT_FILE={named_file!r}" if named_file else f"the system's file of certificates, {file!r},"
        raise ValueError(f"{named} {problem}; Session(trust_env=False) ignores SSL_CERT_FILE") from error


@lru_cache(maxsize=8)
def _context(file: str | None, _changed_at: int, folder: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=file, capath=folder)  # with neither, those of Windows
    context.set_alpn_protocols(["http/1.1"])
    return context
