"""Files with prompts and answers in them: new ones are their owner's alone, others keep their mode.

New files get mode 0600 and new directories 0700, whatever the umask is. SQLite gives its `-wal` and
`-shm` files the mode of the database, so `create` is called before a database is opened.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from os import PathLike

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700


def create(path: str | PathLike[str]) -> Path:
    """Make an empty file if there is none, and give its path: whoever writes to it keeps its mode.

    Raises:
        OSError: It cannot be made.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    return Path(path)


def make_directory(path: str | PathLike[str]) -> Path:
    """Make a directory with its parents, those that are not there, and give its path.

    Raises:
        OSError: It cannot be made.
    """
    path = Path(path)
    for directory in (*reversed(path.parents), path):
        if not directory.is_dir():
            directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    return path


def write(path: str | PathLike[str], content: str | bytes) -> None:
    """Write a file in place.

    Raises:
        OSError: It cannot be written.
    """
    create(path).write_bytes(content.encode("utf-8", "replace") if isinstance(content, str) else content)


def replace(path: str | PathLike[str], content: str | bytes, *, durable: bool = False) -> None:
    """Write a file whole or not at all.

    Args:
        path: Of the file; one that is there keeps its mode.
        content: UTF-8 where it is a text.
        durable: Whether a power cut must not lose it.

    Raises:
        OSError: It cannot be written.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with create(part).open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if target.exists():
            part.chmod(target.stat().st_mode & 0o777)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
