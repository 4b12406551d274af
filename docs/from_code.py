"""Directives that write the reference from the code, so that it cannot say anything else.

``{parameters}`` lists the parameters of all nodes, ``{settings} module:class`` those of one class
(with ``:prefix:`` before their names and ``:only:`` some of them), ``{endpoints}`` topics and
services, ``{messages}`` their types, ``{commands}`` what the command line offers.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mbrl_ros.cli.main import COMMANDS
from mbrl_ros.core.extensions import load
from mbrl_ros.core.kinds import KINDS, find_kind
from mbrl_ros.core.numbers import shown
from mbrl_ros.core.settings import Spec, specs
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.system.schema import node_settings

ROOT = Path(__file__).resolve().parent.parent
_NODES = ROOT / "mbrl_ros" / "nodes"
# Page of the site to the file that it shows.
_OF_ROOT = {"start": "README.md", "changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}
# Calls by which a node takes part in the graph; their first argument is a type, then a name.
_PARTS = {
    "create_publisher": "publishes",
    "create_subscription": "subscribes to",
    "subscribe_to_all": "subscribes to",
    "create_service": "serves",
    "create_client": "calls",
}


class FromCode(SphinxDirective):
    """Parses the Markdown that a subclass makes."""

    def text(self) -> str:
        """Return Markdown."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return what the Markdown says."""
        return self.parse_text_to_nodes(self.text(), allow_section_headings=True)


class Settings(FromCode):
    """A table of the settings of a class."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "prefix": directives.unchanged,
        "only": directives.unchanged,
    }

    def text(self) -> str:
        """Return the table.

        Raises:
            ValueError: if a setting that is named does not exist.
        """
        found = specs(load(self.arguments[0], "settings"))
        only = self.options.get("only", "").split()
        if missing := set(only) - {spec.name for spec in found}:
            raise ValueError(f"{self.arguments[0]} has no {', '.join(sorted(missing))}")
        named = [spec for spec in found if not only or spec.name in only]
        return table(named, self.options.get("prefix", ""))


class Parameters(FromCode):
    """The parameters of all nodes; those of a kind of model once for each kind."""

    def text(self) -> str:
        """Return a section for all nodes, one for each node, and one for each kind."""
        shared = {spec.name for spec in specs(TaskSettings)}
        parts = [_section("All nodes, under `/**`", specs(TaskSettings))]
        for node, settings in node_settings({}).items():
            own = [spec for spec in specs(settings) if spec.name not in shared]
            if node == "model_trainer":
                own = [spec for spec in own if not spec.name.startswith("model.")]
            parts.append(_section(f"`{node}`", own))
        for kind in KINDS:
            parts.append(
                _section(
                    f"`model_trainer` with `learner: {kind}`",
                    specs(find_kind(kind).settings, "model."),
                )
            )
        return "\n".join(parts)


class Endpoints(FromCode):
    """What each node publishes, hears, serves and calls under a name of its own."""

    def text(self) -> str:
        """Return a table; names that a parameter gives are not in it."""
        rows = ["| node | | name | type |", "|---|---|---|---|"]
        for node, part, name, kind in parts_of_nodes():
            rows.append(f"| `{node}` | {part} | `{name}` | `{kind}` |")
        return "\n".join(rows)


class Messages(FromCode):
    """The types of messages and services."""

    def text(self) -> str:
        """Return a section for each, with its file as it is."""
        files = [*sorted((ROOT / "msg").glob("*.msg")), *sorted((ROOT / "srv").glob("*.srv"))]
        return "\n".join(
            f"## {path.stem}\n\n```text\n{path.read_text(encoding='utf-8').rstrip()}\n```\n"
            for path in files
        )


class Commands(FromCode):
    """The commands of ``mbrl-ros``."""

    def text(self) -> str:
        """Return a section for each command, with its help, and that of its own commands."""
        os.environ["COLUMNS"] = "96"
        parts = []
        for name, description in COMMANDS.items():
            parser = argparse.ArgumentParser(prog=f"mbrl-ros {name}", description=description)
            importlib.import_module(f"mbrl_ros.cli.{name}").configure(parser)
            helps = "\n\n".join(each.format_help().rstrip() for each in _parsers(parser))
            parts.append(f"## {name}\n\n```text\n{helps}\n```\n")
        return "\n".join(parts)


def table(found: list[Spec] | tuple[Spec, ...], prefix: str = "") -> str:
    """Return a Markdown table of settings."""
    rows = ["| parameter | default | allowed | |", "|---|---|---|---|"]
    for spec in found:
        live = " *(live)*" if spec.live else ""
        name, default = f"`{prefix}{spec.name}`", f"`{_default(spec.default)}`"
        cells = name, default, spec.expected, f"{spec.description}{live}"
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _section(title: str, found: list[Spec] | tuple[Spec, ...]) -> str:
    return f"## {title}\n\n{table(found)}"


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return shown(value) if isinstance(value, float) else str(value) or "''"


def parts_of_nodes() -> list[tuple[str, str, str, str]]:
    """Return node, how it takes part, under which name, and the type, by node."""
    return sorted(
        {
            (path.stem, *part)
            for path in _NODES.glob("*.py")
            if "\ndef main(" in path.read_text(encoding="utf-8")
            for file in _with_imported(path)
            for part in _endpoints(file)
        }
    )


def _with_imported(path: Path) -> set[Path]:
    """Return a file of the nodes' folder, and those there that it imports."""
    names = re.findall(r"from mbrl_ros\.nodes\.(\w+) import", path.read_text(encoding="utf-8"))
    return {path}.union(*(_with_imported(_NODES / f"{name}.py") for name in names))


def _endpoints(path: Path) -> Iterator[tuple[str, str, str]]:
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        called = getattr(call.func, "attr", getattr(call.func, "id", ""))
        kinds = [a.attr for a in call.args if isinstance(a, ast.Attribute) and _is_ri(a.value)]
        names = [str(a.value) for a in call.args if isinstance(a, ast.Constant)]
        if called in _PARTS and kinds and names:
            yield _PARTS[called], names[0], kinds[0]


def _is_ri(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "ri"


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for own in action.choices.values():
                yield from _parsers(own)


def _as_on_the_site(app: Sphinx, docname: str, source: list[str]) -> None:
    """Show the files of the root as pages, and lead links to them there."""
    if docname in _OF_ROOT:
        text = (ROOT / _OF_ROOT[docname]).read_text(encoding="utf-8")
        source[0] = (
            text.replace("](docs/algorithms/)", "](algorithms/icem.md)")
            .replace("](docs/", "](")
            .replace("](examples/)", "](examples.md)")
        )
    if docname == "experiments/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"
    for page, file in _OF_ROOT.items():
        source[0] = re.sub(rf"\]\((\.\./)*{file}", rf"](/{page}.md", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    for name, directive in (
        ("settings", Settings),
        ("parameters", Parameters),
        ("endpoints", Endpoints),
        ("messages", Messages),
        ("commands", Commands),
    ):
        app.add_directive(name, directive)
    app.connect("source-read", _as_on_the_site)
    return {"parallel_read_safe": True}
