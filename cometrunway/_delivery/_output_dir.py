"""What a session's `output_dir` means."""

import os
from pathlib import Path

from cometrunway._delivery._folder import FolderOutput
from cometrunway._delivery._output import NoOutput, Output
from cometrunway._paths import expanded

_BUCKET = "s3://"
_BUCKET_AS_PATH = os.fspath(Path(_BUCKET) / "x").removesuffix("x")


def output_of(output_dir: str | os.PathLike[str] | None) -> Output:
    """Return the output that a session's `output_dir` means.

    Raises:
        TypeError: it is neither text nor a path.
        ValueError: it is a file, or a path through a file; it is a wrong address of a bucket, or such an address as a
            path; or the extra for buckets is missing.
    """
    if output_dir is None:
        return NoOutput()
    if isinstance(output_dir, Path) and str(output_dir).startswith(_BUCKET_AS_PATH):
        raise ValueError(
            f"output_dir {output_dir} is a path: give a bucket as text, Session(output_dir='s3://bucket/prefix'); the "
            "command keeps files in folders only"
        )
    if not (isinstance(output_dir, str) and output_dir.startswith(_BUCKET)):
        return FolderOutput(_folder(expanded(output_dir, "output_dir")))
    try:
        from cometrunway._delivery._bucket_output import BucketOutput  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        raise ValueError(
            f"output_dir {output_dir} needs an extra: pip install 'cometrunway[s3]' (there is no {error.name})"
        ) from error
    return BucketOutput(output_dir)


def _folder(path: Path) -> Path:
    """Return the path if a folder exists or can be made there."""
    file = next((each for each in (path, *path.parents) if each.is_file()), None)
    if file is not None:
        raise ValueError(f"output_dir {path} cannot be a folder: {file} is a file")
    return path
