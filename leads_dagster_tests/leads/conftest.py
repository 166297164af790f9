"""How the property tests of the pure modules are run."""

from __future__ import annotations

from hypothesis import settings

# Examples are not timed: the first one pays for imports, and a busy machine is no fault of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
