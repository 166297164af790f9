"""Where leads go: Airtable and the CRM. Only differences are sent."""
