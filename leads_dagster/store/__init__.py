"""The system of record: tables, engine, lead database, ledger, holds. Nothing here fetches or pushes."""
