"""Google's refusals, as recorded from Sheets v4 or documented for Drive v3. No rule about when they apply."""

from __future__ import annotations

from leads_dagster.sandbox.http import JsonObject, RefusedError

PROJECT_NUMBER = "172000000001"


def _error(code: int, status: str, message: str, **more: object) -> RefusedError:
    return RefusedError(code, {"error": {"code": code, "message": message, "status": status, **more}})


def not_found() -> RefusedError:
    return _error(404, "NOT_FOUND", "Requested entity was not found.")


def permission_denied() -> RefusedError:
    return _error(403, "PERMISSION_DENIED", "The caller does not have permission")


def unauthenticated() -> RefusedError:
    return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")


def invalid_argument(message: str, field: str = "") -> RefusedError:
    violation = {"field": field, "description": message} if field else {"description": message}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return _error(400, "INVALID_ARGUMENT", message, details=details)


def unparsable_range(text: str) -> RefusedError:
    return invalid_argument(f"Unable to parse range: {text}")


def quota_exceeded(*, kind: str, per_user: bool) -> RefusedError:
    """`kind` is Read or Write. No Retry-After is sent (recorded so)."""
    scope = "per minute per user" if per_user else "per minute"
    message = (
        f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests {scope}' of service "
        f"'sheets.googleapis.com' for consumer 'project_number:{PROJECT_NUMBER}'."
    )
    metadata = {
        "consumer": f"projects/{PROJECT_NUMBER}",
        "quota_limit": f"{kind}RequestsPerMinutePer{'User' if per_user else 'Project'}",
        "quota_metric": f"sheets.googleapis.com/{kind.lower()}_requests",
        "service": "sheets.googleapis.com",
    }
    info: JsonObject = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    return _error(429, "RESOURCE_EXHAUSTED", message, details=[info])


def file_not_found(file_id: str) -> RefusedError:
    message = f"File not found: {file_id}."
    error = {
        "message": message,
        "domain": "global",
        "reason": "notFound",
        "location": "fileId",
        "locationType": "parameter",
    }
    return RefusedError(404, {"error": {"code": 404, "message": message, "errors": [error]}})
