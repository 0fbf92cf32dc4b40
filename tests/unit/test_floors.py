"""The rule of the floors: imports only point downwards, and no science imports another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FLOORS = {
    "core": 0,
    "data": 1,
    "epidemic": 2,
    "inference": 2,
    "surveillance": 2,
    "exercise": 3,
    "workflows": 3,
    "report": 4,
    "cli": 5,
}


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, module) for every import of Mamori, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            if module.split(".")[0] == "mamori":
                yield node.lineno, module


def _violations(package: Path) -> list[str]:
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        if len(parts) == 1:
            continue  # the package's own lazy front door and __main__ may name every floor
        own = parts[0]
        for line, module in _imports(path):
            names = module.split(".")
            other = names[1] if len(names) > 1 else ""
            if other in ("", "__version__", own):
                continue
            if other not in FLOORS or FLOORS[other] >= FLOORS[own]:
                found.append(f"{path.relative_to(package)}:{line}: {own} must not import {module}")
    return found


def test_every_folder_has_its_floor(root: Path) -> None:
    folders = {path.parent.name for path in (root / "src/mamori").glob("*/__init__.py")}
    assert folders <= set(FLOORS)


def test_imports_only_point_downwards(root: Path) -> None:
    assert _violations(root / "src/mamori") == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("core/time.py", "from mamori.data.world import World"),
        ("core/time.py", "def late():\n    import mamori.data.world"),
        ("epidemic/model.py", "from mamori.surveillance import ears"),
        ("exercise/loop.py", "from mamori import workflows"),
        ("data/world.py", "import mamori.epidemic.model as model"),
    ],
)
def test_upward_sideways_and_unknown_imports_are_found(tmp_path: Path, file: str, source: str) -> None:
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(source)
    assert len(_violations(tmp_path)) == 1
