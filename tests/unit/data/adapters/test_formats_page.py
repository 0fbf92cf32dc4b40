"""The example files on the page of formats are read as the page says."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mamori.data.adapters.read import read_observations

nan = np.nan
EXAMPLES: dict[str, tuple[dict[str, Any], list[list[float]]]] = {
    "long.csv": ({}, [[3, nan], [0, 4]]),
    "wide.csv": ({}, [[3, nan], [0, 4]]),
    "cases.csv": ({"date": "onset", "by": ["district"]}, [[2, 0, 1]]),
    "dhis2.csv": ({}, [[12, 3], [nan, 1]]),
    "dhis2.json": ({}, [[12, 9]]),
    "flunet.csv": ({}, [[5, nan], [1, nan]]),
    "erviss.csv": ({}, [[3, nan], [nan, 2]]),
    "sormas.csv": ({"date": "report", "drop": ["firstName"]}, [[1]]),
    "godata.json": ({}, [[1]]),
}


@pytest.fixture(scope="module")
def shown(root: Path) -> dict[str, str]:
    page = (root / "docs/methods/formats.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^`([a-z0-9]+\.(?:csv|json))`:\n\n```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL))


def test_every_example_is_tried(shown: dict[str, str]) -> None:
    assert shown.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(shown: dict[str, str], write: Callable[..., Path], name: str) -> None:
    options, counts = EXAMPLES[name]
    np.testing.assert_array_equal(read_observations(write(shown[name], name), **options).counts, counts)
