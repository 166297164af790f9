"""The offline twin of Airtable and Google, served over real HTTP; imported by tests and the command line only."""
