"""docs/options.md says the same as `tricorn --help`: options, spellings, defaults, variables, ranges; its examples work."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from integration.server import ROOT, clean_environment, executable

NO_SUCH_PYTHON = "/nonexistent/python"  # ends a run after the options were read, before anything starts
ENTRY = re.compile(r"^  (?=\S)(?P<usage>.+?)(?:  +(?P<text>\S.*))?$")
FACTS = re.compile(r"default `(?P<default>.+?)`|also `(?P<also>.+?)`|env `(?P<env>.+?)`|file `(?P<file>.+?)`")


@dataclass
class Option:
    """What --help or the document says of one option. `text` of the help is without its remarks."""

    usage: str
    group: str
    default: str = ""
    also: str = ""
    env: str = ""
    file: str = ""  # of the document only: a line of a configuration file
    text: str = field(default="", compare=False)

    def said(self) -> tuple[str, ...]:
        """What both must say alike."""
        return self.group, self.default, self.also, self.env

    @property
    def name(self) -> str:
        """"bind" for "-b, --bind ADDRESS", "APP" for itself."""
        match = re.search(r"--([a-z0-9-]+)", self.usage)
        return match[1] if match else self.usage


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([executable(), *arguments], capture_output=True, text=True, check=False, timeout=30,
                          env=clean_environment(environment))


@cache
def help_options() -> dict[str, Option]:
    """The options of --help by their usage."""
    options: dict[str, Option] = {}
    group = ""
    for line in run("--help").stdout.split("\n\n", 2)[2].splitlines():
        if line and not line.startswith(" "):
            group = line.removesuffix(":")
        elif match := ENTRY.match(line):
            option = options[match["usage"]] = Option(match["usage"], group, text=match["text"] or "")
        elif line:
            option.text += " " + line.strip()
    for option in options.values():
        if match := re.fullmatch(r"(.*) \[((?:default|also|env): .*)\]", option.text):
            option.text = match[1]
            for remark in match[2].split("; "):
                kind, _, value = remark.partition(": ")
                setattr(option, kind, value)
    return options


@cache
def documented_options() -> dict[str, Option]:
    """The options of docs/options.md by their usage: a heading, a line of facts, a paragraph."""
    options: dict[str, Option] = {}
    group = ""
    for line in (ROOT / "docs" / "options.md").read_text().splitlines():
        if line.startswith("## "):
            group = line[3:]
        elif line.startswith("### "):
            usage = line[4:].strip("`")
            assert usage not in options, f"{usage} is there twice"
            option = options[usage] = Option(usage, group)
        elif options and group == option.group and line:
            if not option.text:
                for match in FACTS.finditer(line):
                    setattr(option, str(match.lastgroup), str(match[str(match.lastgroup)]).replace("`", ""))
            option.text += line + "\n"
    return options


def test_every_option_of_help_is_documented_and_the_reverse() -> None:
    assert len(help_options()) > 30
    assert list(documented_options()) == list(help_options())


def test_documented_defaults_spellings_and_variables_are_those_of_help() -> None:
    for usage, option in help_options().items():
        assert documented_options()[usage].said() == option.said(), usage


def test_each_file_line_is_accepted_and_command_line_only_options_have_none(tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("NAME=value\n")
    (tmp_path / "src").mkdir()
    for option in documented_options().values():
        if not option.file:
            assert "command line only" in option.text, f"{option.usage} says neither `file` nor that it cannot be there"
            continue
        key = option.file.partition(" = ")[0]
        assert key == option.name.lower()
        config = tmp_path / "tricorn.toml"
        config.write_text(option.file + "\n")
        app = [] if key == "app" else ["app:app"]
        done = subprocess.run([executable(), "--config", config, "--python", NO_SUCH_PYTHON, "--check", *app], cwd=tmp_path,
                              capture_output=True, text=True, check=False, timeout=30, env=clean_environment())
        assert (done.returncode, "no such executable" in done.stderr) == (1, True), f"{option.file}: {done.stderr}"


def takes_a_value(option: Option) -> bool:
    return option.name != "APP" and bool(re.search(r"--\S+ \S", option.usage)) and "/ --no-" not in option.usage


def test_documented_ranges_are_those_of_the_errors() -> None:
    checked = 0
    for option in filter(takes_a_value, documented_options().values()):
        done = run(f"--{option.name}=\x7f", "--python", NO_SUCH_PYTHON, "--check", "app:app")
        if (match := re.search(r"from \S+ to [^,\s]+", done.stderr)) and done.returncode == 2:
            assert match[0] in option.text.replace("\n", " ").lower(), f"{option.usage}: the range is {match[0]}"
            checked += 1
    assert checked > 10


@pytest.mark.parametrize("document", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    headings = {path: [re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
                       for line in path.read_text().splitlines() if line.startswith("#")]
                for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]}
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{document.name}: {target}"
        assert not anchor or anchor in headings[file], f"{document.name}: {target}"
