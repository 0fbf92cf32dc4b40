"""Read a JSON file that a user gives."""

import json
from pathlib import Path
from typing import Any

from mamori.core.errors import InputError


def read_json(path: Path) -> Any:
    """Return what the JSON file `path` holds; raises `InputError` when it cannot be read, with the place."""
    if not path.is_file():
        raise InputError(f"{path} is not a file. Name a JSON file")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path} is no JSON: line {error.lineno}, column {error.colno}: {error.msg}. Mend it"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply to be data. Give another file") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check its permissions") from error
