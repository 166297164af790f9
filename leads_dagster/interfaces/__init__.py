"""Command line, later API and dashboard; they have no rules of their own."""
