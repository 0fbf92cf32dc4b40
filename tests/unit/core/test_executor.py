import threading
import time

import pytest

from mamori.core.errors import InputError
from mamori.core.executor import run_chunks


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_every_chunk_gives_its_result_under_its_index(workers: int) -> None:
    chunks = list(range(23))
    results = dict(run_chunks(lambda chunk: chunk**2, chunks, workers=workers))
    assert results == {index: index**2 for index in chunks}


def test_nothing_to_do_gives_nothing() -> None:
    assert list(run_chunks(str, [], workers=2)) == []


def test_chunks_run_at_the_same_time() -> None:
    both_there = threading.Barrier(2, timeout=10)
    assert len(list(run_chunks(lambda _: both_there.wait(), [0, 1], workers=2))) == 2


def test_progress_counts_up_to_all() -> None:
    seen: list[tuple[int, int]] = []
    list(run_chunks(str, [1, 2, 3], workers=2, progress=lambda done, total: seen.append((done, total))))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_exception_ends_the_run_and_cancels_what_has_not_begun() -> None:
    begun: list[int] = []

    def work(chunk: int) -> None:
        begun.append(chunk)
        raise ValueError(chunk)

    with pytest.raises(ValueError, match="0"):
        list(run_chunks(work, range(100), workers=1))
    assert len(begun) <= 2


def test_an_interrupt_in_the_callers_thread_cancels_what_has_not_begun() -> None:
    begun: list[int] = []

    def work(chunk: int) -> None:
        begun.append(chunk)
        time.sleep(0.02)

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_chunks(work, range(100), workers=2, progress=interrupt))
    assert len(begun) <= 4


def test_results_do_not_pile_up_when_the_caller_is_slow() -> None:
    begun: list[int] = []
    results = run_chunks(begun.append, range(100), workers=2)
    next(results)
    time.sleep(0.1)
    assert len(begun) <= 4
    results.close()  # type: ignore[attr-defined]


def test_no_workers_are_refused_before_the_first_result_is_asked_for() -> None:
    with pytest.raises(InputError, match="workers is 0"):
        run_chunks(str, [1], workers=0)
