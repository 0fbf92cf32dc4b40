"""What every report is made with: one HTML page with its styles, script and data inside, which asks for nothing."""

import json
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

import jinja2

_SCRIPT_WORD = re.compile(r'\bt\(\s*"((?:[^"\\]|\\.)*)"')
"""A message in a page's script: a call ``t("...")``."""


def template_text(name: str) -> str:
    """Return a file of the folder of templates."""
    return (resources.files("mamori.report") / "templates" / name).read_text(encoding="utf-8")


def joined(names: Sequence[str]) -> str:
    """Return several files of the folder of templates, one after the other."""
    return "\n".join(template_text(name) for name in names)


def render(template: str, context: dict[str, Any]) -> str:
    """Return the page that `template` makes of `context`; every value is escaped unless the template says not to."""
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(template_text),
    )
    return environment.get_template(template).render(context)


def script_messages(script: str) -> list[str]:
    """Return the messages that a page's script shows, each once, in alphabetical order."""
    return sorted(set(_SCRIPT_WORD.findall(script)))


def as_json(data: dict[str, Any]) -> str:
    """Write `data` so that it can stand inside a script element: no character of it closes the element."""
    document = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return document.replace("<", "\\u003c")
