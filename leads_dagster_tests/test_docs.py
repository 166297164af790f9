"""The pages under docs: nothing a user can set, meet or install goes without a line there."""

from __future__ import annotations

import configparser
import re

import pytest

from leads_dagster import errors
from leads_dagster.customers import KEYS, Key
from leads_dagster.interfaces import configuration_page
from leads_dagster.settings_table import SETTINGS, Setting
from leads_dagster.store import tables
from leads_dagster_tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def direct_dependencies() -> list[str]:
    """Names of what setup.cfg asks for, extras too."""
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"].splitlines()
    for extra in setup["options.extras_require"].values():
        lines += extra.splitlines()
    return sorted({re.split(r"[\[<>=!;\s]", line.strip())[0] for line in lines if line.strip()})


def leaves(kind: type[errors.LeadsError]) -> list[type[errors.LeadsError]]:
    """The errors that are really raised: those with no kinds below them, and AccessError."""
    below = kind.__subclasses__()
    return [leaf for child in below for leaf in leaves(child)] if below else [kind]


def test_the_configuration_page_is_what_the_settings_say() -> None:
    assert read("configuration.md") == configuration_page.page()


def test_check_says_that_the_page_is_current() -> None:
    assert configuration_page.main(["--check"]) == 0


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.env)
def test_every_variable_stands_on_the_page(setting: Setting) -> None:
    assert f"| `{setting.env}` |" in read("configuration.md")


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key.section}.{key.name}")
def test_every_key_stands_on_the_page(key: Key) -> None:
    assert f"| `{key.name}` |" in read("configuration.md")


@pytest.mark.parametrize("kind", leaves(errors.LeadsError), ids=lambda kind: kind.__name__)
def test_every_error_has_its_mend_in_troubleshooting(kind: type[errors.LeadsError]) -> None:
    assert kind.__name__ in read("troubleshooting.md")


@pytest.mark.parametrize("name", direct_dependencies())
def test_every_direct_dependency_says_why_it_is_there(name: str) -> None:
    assert re.search(rf"(^\| |[ ,(]){re.escape(name)}\b", read("dependencies.md"), re.MULTILINE)


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", read(page))

    assert [target for target in targets if not (DOCS / target).exists()] == []


@pytest.mark.parametrize("table", sorted(tables.metadata.tables))
def test_every_table_of_the_store_stands_in_the_data_model(table: str) -> None:
    assert f"\n| `{table}` |" in read("architecture.md")


def test_every_part_of_the_house_is_drawn() -> None:
    package = REPOSITORY / "leads_dagster"
    parts = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    modules = {path.name for path in package.glob("[a-z]*.py")}
    drawn = read("architecture.md").partition("## The house")[2].partition("## ")[0]

    assert [part for part in sorted(parts) if f"      {part}/ " not in drawn] == []
    assert [module for module in sorted(modules) if module not in drawn] == []


def test_every_variable_that_users_are_told_of_is_there() -> None:
    known = {setting.env for setting in SETTINGS}
    named = {
        variable
        for page in ("configuration.md", "troubleshooting.md", "../README.md", "../CHANGELOG.md", "../Makefile")
        for variable in re.findall(r"\bLEADS?_[A-Z_]+\b", read(page))
    }

    assert named <= known
