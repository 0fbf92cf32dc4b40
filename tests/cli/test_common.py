"""What the commands share."""

import time

import pytest

from mamori.cli import _common, main
from mamori.epidemic import model


@pytest.mark.parametrize(("seconds", "said"), [(0.0, ""), (0.3, "Compiling the kernels")])
def test_a_wait_for_the_compiler_is_explained_and_a_short_one_is_not(
    seconds: float, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_common, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(model, "compile_kernels", lambda: time.sleep(seconds))
    _common.prepare_kernels()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(said)
    assert bool(captured.err) == bool(said)


def test_a_language_that_is_not_there_is_told_before_the_work_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["data", "world", "--lang", "jp"]) == 2
    assert capsys.readouterr().err == "error: language 'jp' is not available; choose one of en, ja.\n"
