"""leads_dagster: a Google Sheet, a lead database, a CRM and Airtable that say the same thing."""

__version__ = "0.1.0"
