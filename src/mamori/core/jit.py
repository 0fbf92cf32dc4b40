"""How array kernels are compiled: serial, without the interpreter lock, machine code kept on disk between runs."""

import hashlib
from collections.abc import Callable
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


def _drop_stale_code() -> None:
    """Delete cached machine code when the source of any kernel changed.

    Numba notices a change in the file of a kernel, but not in the files of the kernels that it calls.
    """
    package = Path(__file__).parent.parent
    sources = [p for p in sorted(package.glob("*/*.py")) if b"core.jit import" in p.read_bytes()]
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in [Path(__file__), *sources])).hexdigest()
    stamp = Path(__file__).parent / "__pycache__" / "kernels.sha256"
    try:
        if stamp.exists() and stamp.read_text() == digest:
            return
        for folder in {p.parent / "__pycache__" for p in sources}:
            for old in [*folder.glob("*.nbi"), *folder.glob("*.nbc")]:
                old.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest)
    except OSError:  # a read-only installation: its files change only together
        return


_drop_stale_code()
