"""The dashboard: pages for people, rendered here, on what the API's `Answering` keeps open; no rules of their own."""
