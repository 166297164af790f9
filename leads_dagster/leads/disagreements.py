"""Which sources of one lead are at odds: both changed the same field since they last agreed on it.

What belongs here: telling a conflict from a mere difference. Which of the two is kept is the fold's choice, by the
customer's rules; the other is not forgotten.

A difference is not yet a conflict: two sources that both changed a field since they last agreed are one. Who never
agreed is counted from when the later of the two came: what a source says when it is first seen changes nothing, so that
two lists that call one person differently are no thousand conflicts (`leads drift` shows them). Where only one of the
two changed, it is simply the newer, or what the rules prefer. An edit of a lead begins as agreement with everybody who
was there: it was made on top of what the lead said. Where a source that came later overrules it, that is one too: no
edit is overruled in silence. A field that a person decided is no conflict while the decision stands.
Where a field has an owner, a change of anybody else's is one, though the owner changed nothing: it is overruled, not
lost.

What a source says of a field is what would be chosen if it were alone, by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from leads_dagster.leads.choosing import Chooser, live_claims
from leads_dagster.leads.claims import Claim, FieldConflict, FoldedField


class Disagreements:
    """The conflicts of one lead, from everything that its records claimed and what they claim now (`live`)."""

    def __init__(self, claims: Sequence[Claim], live: Mapping[str, Sequence[Claim]], chooser: Chooser) -> None:
        self.live, self.chooser, self.views = live, chooser, chooser.views
        self.several = len({view.source for view in self.views.values()}) > 1
        self.told: dict[tuple[str, str], list[Claim]] = {}
        self.came_at: dict[str, datetime] = {}  # source -> when its first row was seen; not of edits
        for claim in claims if self.several else ():
            view = self.views[claim.record_id]
            self.told.setdefault((claim.field, view.source), []).append(claim)
            if not view.edit:
                self.came_at[view.source] = min(claim.changed_at, self.came_at.get(view.source, claim.changed_at))

    def among(self, chosen: Mapping[str, FoldedField]) -> Iterable[FieldConflict]:
        """The conflicts on these fields: field -> its value, as folded."""
        for name, source in sorted(self.told):
            winner = chosen.get(name)
            if winner is None or winner.record_id is None:
                continue
            kept_source = self.views[winner.record_id].source
            if source == kept_source or not (said := self._says(name, source)):
                continue
            lost = self.chooser.choose(name, said).value
            changed = [source] if "owner" in (winner.rule, *winner.before) else [kept_source, source]
            if lost != winner.value and self._changed(
                name, changed, since=self._last_agreed(name, kept_source, source)
            ):
                yield FieldConflict(name, winner.value, lost, kept_source, source)

    def _says(self, name: str, source: str) -> list[Claim]:
        """What a source says now and no later edit of the lead overrules."""
        standing = self.chooser.not_overruled(name, self.live[name])
        return [claim for claim in standing if self.views[claim.record_id].source == source]

    def _changed(self, name: str, sources: Sequence[str], *, since: datetime | None) -> bool:
        changes = (self.told[name, source] for source in sources)
        return all(since is None or max(c.changed_at for c in told) > since for told in changes)

    def _last_agreed(self, name: str, kept: str, lost: str) -> datetime | None:
        """When the sources last said the same; who never did: when the later of them came; None: before any claim, and
        where one overrules an edit that was made before it came."""
        moments = {claim.changed_at for source in (kept, lost) for claim in self.told[name, source]}
        for moment in sorted(moments, reverse=True):
            if self._agree_at(moment, name, kept, lost):
                return moment
        if lost not in self.came_at:
            return None  # an edit that was made before the other came
        return max(self.came_at[source] for source in (kept, lost) if source in self.came_at)

    def _agree_at(self, moment: datetime, name: str, *sources: str) -> bool:
        words = []
        for source in sources:
            told = [claim for claim in self.told[name, source] if claim.changed_at <= moment]
            came_at = self.came_at.get(source)
            if told:
                words.append(self._word(name, told))
            elif came_at is None:
                return True  # an edit not made yet
            elif came_at <= moment:
                words.append(None)
            else:
                return False
        return len(set(words)) == 1

    def _word(self, name: str, told: Sequence[Claim]) -> str | None:
        """What one source says of a field by these claims, whatever its rows say one by one."""
        (newest,) = live_claims(told).values()
        return self.chooser.choose(name, newest).value
