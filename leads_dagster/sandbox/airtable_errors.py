"""Airtable's refusals, byte for byte where they are recorded or documented. No rule about when they apply."""

from __future__ import annotations

from leads_dagster.sandbox.http import RefusedError

_PERMISSION_MESSAGE = (
    "Invalid permissions, or the requested model was not found. Check that both your user and your token have the "
    "required permissions, and that the model names and/or ids are correct."
)
_BILLING_MESSAGE = (
    "API billing plan limit exceeded. You've reached the maximum number of requests allowed for this month."
)


def refusal(status: int, kind: str, message: str | None = None) -> RefusedError:
    error = {"type": kind} if message is None else {"type": kind, "message": message}
    return RefusedError(status, {"error": error})


def authentication_required() -> RefusedError:
    return refusal(401, "AUTHENTICATION_REQUIRED", "Authentication required")


def no_permission_or_model() -> RefusedError:
    return refusal(403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", _PERMISSION_MESSAGE)


def no_permission() -> RefusedError:
    return refusal(403, "INVALID_PERMISSIONS", "You are not permitted to perform this operation")


def table_not_found_2022(table: str, base: str) -> RefusedError:
    return refusal(404, "TABLE_NOT_FOUND", f"Could not find table {table} in application {base}")


def not_found() -> RefusedError:
    return RefusedError(404, {"error": "NOT_FOUND"})


def record_not_found() -> RefusedError:
    return refusal(404, "MODEL_ID_NOT_FOUND", "Record not found")


def row_does_not_exist(record_id: str) -> RefusedError:
    return refusal(422, "ROW_DOES_NOT_EXIST", f"Record ID {record_id} does not exist in this table")


def unknown_field(name: str) -> RefusedError:
    return refusal(422, "UNKNOWN_FIELD_NAME", f'Unknown field name: "{name}"')


def computed_field(name: str) -> RefusedError:
    message = f'Field "{name}" cannot accept a value because the field is computed'
    return refusal(422, "INVALID_VALUE_FOR_COLUMN", message)


def bad_value(name: str) -> RefusedError:
    return refusal(422, "INVALID_VALUE_FOR_COLUMN", f'Field "{name}" cannot accept the provided value')


def bad_option(option: str) -> RefusedError:
    message = f'Insufficient permissions to create new select option ""{option}""'
    return refusal(422, "INVALID_MULTIPLE_CHOICE_OPTIONS", message)


def bad_formula(detail: str) -> RefusedError:
    return refusal(422, "INVALID_FILTER_BY_FORMULA", f"The formula for filtering records is invalid: {detail}")


def missing_fields() -> RefusedError:
    return refusal(422, "INVALID_REQUEST_MISSING_FIELDS", 'Could not find field "fields" in the request body')


def bad_request(
    message: str = "Invalid request: parameter validation failed. Check your request data.",
) -> RefusedError:
    return refusal(422, "INVALID_REQUEST_UNKNOWN", message)


def bad_records(*, with_id: bool) -> RefusedError:
    what = 'an "id" ID field and a "fields" object' if with_id else 'a "fields" object'
    message = f"You must provide an array of up to 10 record objects, each with {what} for cell values."
    return refusal(422, "INVALID_RECORDS", message)


def too_many_records(given: int) -> RefusedError:
    """Airtable's own words, as pyairtable's issue 144 and others quote them."""
    message = f"A maximum of 10 records can be created per request but you have provided {given}."
    return refusal(422, "INVALID_RECORDS", message)


def same_record_twice() -> RefusedError:
    """In Airtable's own words, as those who met it quote them."""
    return refusal(422, "INVALID_RECORDS", "You cannot update the same record multiple times in a single request.")


def base_full(limit: int) -> RefusedError:
    return refusal(422, "RECORD_LIMIT_REACHED", f"The base has reached its limit of {limit} records")


def address_too_long() -> RefusedError:
    """Airtable says that it refuses such addresses, and not with which status; 414 is HTTP's own."""
    return refusal(414, "URL_TOO_LONG", "The URL has more than 16000 characters. Use POST listRecords instead.")


def view_not_found(view: str) -> RefusedError:
    kind = "VIEW_ID_NOT_FOUND" if view.startswith("viw") else "VIEW_NAME_NOT_FOUND"
    return refusal(422, kind, f'View "{view}" not found')


def bad_offset() -> RefusedError:
    return refusal(422, "INVALID_OFFSET_VALUE", "The value of offset is not valid")


def stale_offset() -> RefusedError:
    return refusal(422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE", "The requested list iterator is not available")


def unparsable() -> RefusedError:
    return RefusedError(400, {"error": "BAD_REQUEST"})


def too_large() -> RefusedError:
    return RefusedError(413, {"error": "REQUEST_TOO_LARGE"})


def _throttled(kind: str, message: str) -> RefusedError:
    return RefusedError(429, {"errors": [{"error": kind, "message": message}]})


def rate_limited() -> RefusedError:
    return _throttled("RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later")


def month_used_up() -> RefusedError:
    return _throttled("PUBLIC_API_BILLING_LIMIT_EXCEEDED", _BILLING_MESSAGE)
