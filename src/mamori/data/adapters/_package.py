"""Where an installed data package lies, found without importing it."""

import importlib.util
from pathlib import Path

from mamori.core.errors import MamoriError


def package_file(package: str, distribution: str, name: str) -> Path:
    """Return the path of the file or folder `name` of the installed `package`.

    Raises `MamoriError` naming the `distribution` to install when it is not there.
    """
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    path = Path(next(iter(folders))) / name if folders else None
    if path is None or not path.exists():
        raise MamoriError(
            f"the data package {distribution} is missing or lacks {name}. "
            f"Install it: pip install --upgrade {distribution}"
        )
    return path
