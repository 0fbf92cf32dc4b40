"""Write the JSON Schemas of Mamori's input files into ``schemas/``."""

from pathlib import Path

from mamori.exercise.scenario import json_schema

FOLDER = Path(__file__).resolve().parent.parent / "schemas"


def main() -> None:
    """Write every schema."""
    (FOLDER / "scenario.schema.json").write_text(json_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
