"""How array kernels are compiled: serial, without the interpreter lock, machine code kept on disk between runs."""

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])

# Sums may be reordered and multiplications joined with additions; NaN and infinity keep their meaning.
FAST = {"contract", "reassoc", "nsz"}


def kernel(function: Function) -> Function:
    """Compile an array function on its first call and cache the machine code on disk."""
    return _compiled(function)


def inner_kernel(function: Function) -> Function:
    """Compile a kernel that only other kernels call: without the wrapper for Python, which takes long to compile."""
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def _compiled(function: Function, **wrappers: bool) -> Function:
    options: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": FAST, "error_model": "numpy", **wrappers}
    return cast("Function", njit(**options)(function))


def _drop_stale_code(package: Path) -> None:
    """Delete the cached machine code of every file of kernels below `package` whose callees changed.

    Numba notices a change in the file of a kernel, but not in the files of the kernels that it calls.
    """
    stamp = package / "core" / "__pycache__" / "kernels.json"
    sources = {p: p.read_text(encoding="utf-8") for p in sorted(package.glob("*/*.py"))}
    kernels = {p: source for p, source in sources.items() if "core.jit import" in source}

    @cache
    def reached(path: Path) -> frozenset[Path]:
        """The files of kernels that `path` calls, itself included."""
        names = re.findall(r"^from mamori\.(\w+)\.(\w+) import", kernels[path], re.MULTILINE)
        called = [p for folder, name in names if (p := package / folder / f"{name}.py") in kernels]
        return frozenset({path, *(p for other in called for p in reached(other))})

    def digest(path: Path) -> str:
        parts = (kernels[p].encode() for p in sorted(reached(path)))
        return hashlib.sha256(Path(__file__).read_bytes() + b"".join(parts)).hexdigest()

    current = {str(path.relative_to(package)): digest(path) for path in kernels}
    try:
        known = json.loads(stamp.read_text()) if stamp.exists() else {}
        if known == current:
            return
        for path in kernels:
            name = str(path.relative_to(package))
            if known.get(name) != current[name]:
                for old in (path.parent / "__pycache__").glob(f"{path.stem}.*.nb[ic]"):
                    old.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(json.dumps(current))
    except (OSError, ValueError):  # a read-only installation: its files change only together
        return


_drop_stale_code(Path(__file__).parent.parent)
