"""The offline twin of Airtable and Google, served over real HTTP; imported by tests and the command line only."""

from __future__ import annotations

from leads_dagster.sandbox.server import Sandbox, serve

__all__ = ["Sandbox", "serve"]
