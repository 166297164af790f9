"""Markers that became better while nothing changed, for the life of the process.

What belongs here: remembering. A sheet that did not change writes nothing, so the stored marker stays as it was
when the sheet last changed: too young to be trusted, or of a full read long ago. What a later fetch learned about
the very same bytes is kept here, so that a watching process does not read in full every time.
"""

from __future__ import annotations

import functools
import os
import threading

from leads_dagster.sources.fetched import SheetMarker


class MarkerMemory:
    """The last marker of each source; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_source: dict[str, SheetMarker] = {}

    def keep(self, marker: SheetMarker) -> None:
        """Remember what the newest fetch of a source learned."""
        with self._lock:
            self._by_source[marker.source] = marker

    def best(self, stored: SheetMarker) -> SheetMarker:
        """What is remembered of the same source and the same bytes, else `stored`."""
        with self._lock:
            remembered = self._by_source.get(stored.source)
        return remembered if remembered is not None and remembered.checksum == stored.checksum else stored


@functools.cache
def shared_markers() -> MarkerMemory:
    """The process's own memory."""
    return MarkerMemory()


# A forked child must not wait for a lock that a thread of its parent held.
os.register_at_fork(after_in_child=shared_markers.cache_clear)
