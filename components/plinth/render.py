"""Text from templates: Jinja2, strict, plain values only.

Templates are looked for in the checkout first and in the installed package second, so that an
editable install and a wheel give the same text.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import jinja2


#: Ten times as fast where PyYAML was built with libyaml, as its wheels are.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_.@/-]*")


def data_folder(name: str) -> Path:
    """A folder of data files (``templates``, ``policies/packs``) in checkout or wheel."""
    checkout = Path(__file__).parents[2] / name
    return checkout if checkout.is_dir() else Path(str(files("plinth"))) / "_data" / name


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # 80 ms that validation can do without

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_folder("templates")),
        undefined=jinja2.StrictUndefined,
        # Only pages hold names that others chose. Dashboards and rules hold `{{ }}` of their own,
        # hence the delimiters that neither Grafana, Prometheus nor Helm uses.
        autoescape=jinja2.select_autoescape(["html.j2"]),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["json"] = json.dumps
    environment.filters["yaml"] = scalar
    return environment


def scalar(value: str) -> str:
    """Text as a YAML scalar that is read back as the same text, in any context.

    Bare where nothing about it could mean more to YAML, else in quotes.
    """
    if _BARE.fullmatch(value) and yaml.load(value, Loader=_LOADER) == value:  # noqa: S506 - safe
        return value
    quoted: str = yaml.safe_dump(value, default_style='"', width=float("inf"), allow_unicode=True)
    return quoted.removesuffix("\n")


def text(template: str, **values: Any) -> str:
    """Renders one template.

    Args:
        template: Path below ``templates/``, such as ``monitoring/alerts.yaml.j2``.
        values: Plain data; an ``Output`` would render as an error text and is refused.

    Raises:
        TypeError: When a value is an ``Output``.
        jinja2.TemplateError: When the template is missing or uses a value that is not given.
    """
    for name, value in values.items():
        if hasattr(value, "__pulumi_output__") or type(value).__name__ == "Output":
            raise TypeError(f"{template}: {name} is an Output; render inside Context.text")
    return _environment().get_template(template).render(**values)


def data(template: str, **values: Any) -> Any:
    """Renders a YAML or JSON template and parses it."""
    return yaml.load(text(template, **values), Loader=_LOADER)  # noqa: S506 - a safe loader
