"""Where leads come from: a sheet today; each source turns what it finds into source records and knows no rule."""
