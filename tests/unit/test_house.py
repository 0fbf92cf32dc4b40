"""What the house says about itself in several places is the same everywhere."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from mamori import __all__, __version__
from mamori.core.provenance import DATA_PACKAGES


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return document


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_version_is_the_same_everywhere(root: Path, project: dict[str, Any]) -> None:
    assert project["version"] == __version__
    assert f"\nversion: {__version__}\n" in (root / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {__version__}" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


def test_dependencies_are_those_that_are_imported(root: Path, project: dict[str, Any]) -> None:
    modules = set()
    for path in (root / "src/mamori").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(str(node.module).split(".")[0])
    owners = packages_distributions()
    imported = {_plain(owners[module][0]) for module in modules - sys.stdlib_module_names - {"mamori"}}
    declared = {_plain(re.split(r"[<>=~! ]", requirement)[0]) for requirement in project["dependencies"]}
    # pydantic-core comes with pydantic; a data package may be read as files, without an import.
    assert imported - {"pydantic-core"} <= declared
    assert declared <= imported | set(DATA_PACKAGES)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_has_hashes_and_one_version_each_and_names_no_address(root: Path, name: str) -> None:
    lock = (root / name).read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"^-", lock, flags=re.MULTILINE)
    entries = re.findall(r"^([a-z0-9-]+)==(\S+)[^\n]* \\\n    --hash=sha256:", lock, flags=re.MULTILINE)
    assert len(entries) == len(re.findall(r"^\S+==", lock, flags=re.MULTILINE)) > 0
    assert len({package for package, _ in entries}) == len(entries)


def test_the_test_environment_is_the_users_with_tools_added(root: Path) -> None:
    user, developer = (
        set(re.findall(r"^\S+==\S+", (root / name).read_text(encoding="utf-8"), flags=re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert user < developer


def test_every_public_name_is_there_and_explained() -> None:
    import mamori

    assert set(__all__) == {*mamori._EXPORTS, "__version__"}
    for name in mamori._EXPORTS:
        assert getattr(mamori, name).__doc__


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    import mamori

    with pytest.raises(AttributeError, match="module 'mamori' has no attribute 'Wrold'"):
        getattr(mamori, "Wrold")  # noqa: B009
