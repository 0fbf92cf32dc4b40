"""The one place where work runs in parallel: chunks of draws, places or series over threads."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from mamori.core.errors import InputError

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def run_chunks(
    function: Callable[[Chunk], Result],
    chunks: Sequence[Chunk],
    *,
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[int, Result]]:
    """Run `function` on each chunk over `workers` threads; yield (index of the chunk, result) as each ends.

    The order of the results depends on the machine; a caller that needs one order sorts by the index.
    `progress` is called with (chunks done, chunks in all) in the caller's thread before each yield. At most
    2 x `workers` results wait in memory. An exception in a chunk, Ctrl-C, or closing the iterator cancels
    what has not begun; what has begun ends first, because a compiled kernel cannot be stopped half-way.

    Raises `InputError` when `workers` is below 1.
    """
    if workers < 1:
        raise InputError(f"workers is {workers}; it must be >= 1. Give the number of threads to use")
    return _run(function, chunks, workers, progress)


def _run(
    function: Callable[[Chunk], Result],
    chunks: Sequence[Chunk],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[int, Result]]:
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="mamori")
    waiting = enumerate(chunks)
    running: dict[Future[Result], int] = {}
    done = 0
    try:
        while True:
            while len(running) < 2 * workers and (following := next(waiting, None)) is not None:
                running[pool.submit(function, following[1])] = following[0]
            if not running:
                return
            # The time-out lets Ctrl-C through on systems where a lock cannot be interrupted.
            for future in wait(running, timeout=0.5, return_when=FIRST_COMPLETED).done:
                index = running.pop(future)
                result = future.result()
                done += 1
                if progress is not None:
                    progress(done, len(chunks))
                yield index, result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
