"""The packages of the extra `retrieval`, loaded when they are needed."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import import_module
from typing import Any

from outlay.errors import ConfigurationError


@cache
def faiss() -> Any:
    """Give FAISS.

    On macOS its wheel and torch's bring an OpenMP runtime each, and two of them in one process end it
    (https://github.com/faiss-wheels/faiss-wheels/issues/73): there the second is allowed, and FAISS keeps
    to one thread, so that only one of them ever runs in parallel. On Linux they get along.

    Raises:
        ConfigurationError: It is not installed.
    """
    if sys.platform == "darwin":
        os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "TRUE")
    try:
        package = import_module("faiss")
    except ModuleNotFoundError as exc:
        raise missing("an index of vectors", "FAISS") from exc
    if sys.platform == "darwin":
        package.omp_set_num_threads(1)
    return package


def missing(what: str, package: str) -> ConfigurationError:
    """Give the error for a part of the extra that is not installed."""
    return ConfigurationError(f"{what} needs {package}: run `pip install 'outlay[retrieval]'`")
