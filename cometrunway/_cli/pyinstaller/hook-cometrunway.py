"""Tells PyInstaller which files a program with cometrunway needs: the gallery's page, the demo, and the version."""

from PyInstaller.utils.hooks import collect_data_files, copy_metadata  # type: ignore[import-untyped]

datas = [*collect_data_files("cometrunway"), *copy_metadata("cometrunway")]
