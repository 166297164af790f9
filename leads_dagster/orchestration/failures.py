"""A step's failure in words for people.

What belongs here: that one sentence. The trace stands in the run.
"""

from __future__ import annotations

from typing import Any


def words_of_failure(failure: Any) -> str:
    """Our own errors carry their message; of another only its first line is for people.

    Args:
        failure: the `step_failure_data` of a step's event.
    """
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    cause = failure.error.cause or failure.error if failure.error is not None else None
    return str(cause.message).strip().partition("\n")[0] if cause is not None else "It failed."
