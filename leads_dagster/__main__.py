"""`python -m leads_dagster` is `leads`."""

from leads_dagster.interfaces.cli import main

if __name__ == "__main__":
    main()
