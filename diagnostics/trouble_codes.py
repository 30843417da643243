"""Detector of trouble codes: what the car's own monitors have confirmed, said at once.

Why it works: a stored code has failed its monitor, on two drive cycles for most; no statistics of ours add to that. A
pending code is not reported (one drive cycle, often gone by itself). A code that the car reports gone clears its
finding; the same code stored again is a new one.
When not: codes erased with a scan tool look like a repair; codes of other units than those that answer OBD are not
seen. A particulate filter's P2463 and a traction battery's P0A7E are not said when they are stored first, only when
they are stored again or have outlived so many warm drives that the car would have forgotten them, had their test not
failed again: a car of short drives that never warms up has them long before we say it. Where soot is measured, the
filter's own detector tells earlier, and that of the battery's cooling where its temperature is; of a car that tells no
temperature a hot battery is said the second time only, and of one that tells current and coolant too it is left to that
detector. P0128 (coolant below the thermostat's temperature) is said once four longer drives in a row, or forty of any
length, have not shown a warm engine after it: its monitors fail in frost and on short drives of sound cars as well, and
the thermostat's own detector tells a leak without it.

Signals needed: events of kind ``dtc`` with state ``stored``, or ``active`` from trucks. Without them: not observable,
which is not "no fault".

Source: states by ISO 15031-6 and SAE J1979 services 03, 07, 0A, and of trucks by SAE J1939-73 (DM1, active); severities
and words: ``codes.csv`` and ``spn.csv``, our choice.

False-alarm rate: that of the car's monitors; ours add none, since each confirmed code is stated once. P2463, of a state
that passes (:data:`HEALS`), was right in 1 of 10 first storings (seeds 12 and 13, 1,002 vehicle-years), and is said
once it is stored again, or stands beyond what a passed one can: 2 alarms there, none right. P2463 and P0101 were right
in 2 of 15 alarms on the development fleet, so they are for the next service and book nothing. P0128 was right in 2 of
14 that our own detector had not told (seeds 17 and 18, 1,132 vehicle-years with stresses and the rehearsal's), so the
coolant has to bear it out since: 4 of 7 (set there). Of codes that need no second drive (:data:`ONE_DRIVE`) P0562 was
right in 9 of 14 storings (development fleet, seeds 11 and 12, 1,300 vehicle-years): a flat battery is enough, so the
first of them is advice to look, and a booking is left to what is measured or to the code itself, stored again. P0A7E
was right in 0 of 4 there and in 0 of 4 on seeds 12 and 13: a hot afternoon is enough, and it is said since only when it
comes again. Of these further storings none of 11 alerts was right (seeds 17 to 19, 32 and 33), all in cars that tell
the battery's balance of heat; there the third within a month is said since. C0750, which simulated cars set for a low
tyre, was right in 7 of 13 alerts there (4 of the others on seed 33, with its frost), and raised 11 false ones in a
whole year (seed 34): tyres that nobody filled for a season. They are low all the same, so the first of them is advice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING

from diagnostics.codes import explain
from diagnostics.findings import Evidence, Finding, Severity
from diagnostics.prognosis.dose import DAY_MS
from diagnostics.suggestions.statement import finding_id, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from diagnostics.suggestions.standing import Run

NAME = "trouble_codes"
CONFIRMED, ACTIVE = "stored", "active"
STATED = frozenset({CONFIRMED, ACTIVE})
ONE_DRIVE = frozenset({"P0562", "P0A7E", "C0750", "C0755", "C0760", "C0765"})
"""Codes that a single drive stores of what may pass. Voltage and heat have detectors of their own that watch the same
reading. A tyre's sensor that did not answer is said by C0750 to C0765 in GM's manuals, a low tyre by C0750 of simulated
cars; both are for a look first. Insulation may pass too, but a person may touch it: its code keeps its severity."""
WATCHED = frozenset({"P0A7E"})
"""Codes of heat whose balance drives tell us too: where one did within :data:`AGAIN_DAYS`, the detector of the part
judges whether cooling is missing, and a code that is stored again is left to it, until it is stored for the third time
within so long. A long climb or a fast charge in the desert is enough for the code, now and again (simulated cars;
whether of real ones too, outcomes will tell). The detector learns a car that comes with failed cooling as it is."""
HEALS = frozenset({"P0128", "P2463", "P0A7E"})
"""Codes of a state that the next drives may end: soot, which a long drive burns, heat of the traction battery, which a
night ends, an engine that stays cold, which a longer drive shows to be warm. GM sets P0A7E above 55 degC, without the
lamp, and makes it history once the battery is cooler (service information of 2006). The detectors of the filter and of
the battery's cooling read the same soot and the same hottest module, remind of a longer drive, say that several
stretches were too hot, and book what does not pass; so the code is said once it is stored again, or stands longer than
a passed one can. Of :data:`COLD` and :data:`WATCHED` see there."""
FORGOTTEN = 40
"""Warm-ups without a failure after which a car forgets a code (California's OBD rule, 13 CCR 1968.2, as quoted)."""
COLD = frozenset({"P0128"})
"""Codes that say that the engine does not get warm. Their monitors compare with a model of the warm-up, which frost,
short drives or a heater at full beat again and again; the coolant of a longer drive tells whether it is so."""
STAYS_COLD_C, COLD_DRIVES = 75.0, 4
"""A coolant that stays below on so many drives in a row that should have warmed it bears the code out (75 degC:
Suzuki's manual asks for them within 15 minutes; four, as the thermostat's detector asks: our choice)."""
WARM_UP_S = 1200.0
"""A drive that ran so long has warmed the engine up, also in winter (our choice)."""
AGAIN_DAYS = 30.0
"""A code of :data:`ONE_DRIVE` or :data:`HEALS` that is stored again within so long is no chance (our choice)."""
THIRD = 3
"""So many storings within :data:`AGAIN_DAYS`, each on a day of its own, are said whatever drives tell (our choice)."""
CONFIDENCE = 0.95
"""That the code stands for a real fault of its circuit or function (our choice; outcomes will tell)."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CodeEvent:
    """A code that came or went."""

    vehicle_id: str
    ecu: str
    code: str
    time_ms: int
    state: str
    present: bool


def severity_of(code: str, at_ms: float, before_ms: Iterable[float]) -> Severity:
    """How bad a code is that is stored now; ``before_ms`` are the moments at which the car stored it before."""
    known = explain(code).severity
    if code not in ONE_DRIVE or _again(at_ms, before_ms) or known.rank >= Severity.NEXT_SERVICE.rank:
        return known
    return Severity.NEXT_SERVICE


def _again(at_ms: float, before_ms: Iterable[float]) -> bool:
    """Whether one of the moments lies a day to :data:`AGAIN_DAYS` before."""
    return any(1.0 <= (at_ms - before) / DAY_MS <= AGAIN_DAYS for before in before_ms)


def code_findings(events: Iterable[CodeEvent], driven: Mapping[str, Sequence[Run]] | None = None) -> list[Finding]:
    """Findings of confirmed codes, those gone included; the order in which events arrived makes no difference.

    ``driven`` are each vehicle's drives since, in order.
    """
    confirmed = sorted({event for event in events if event.state in STATED})
    found: list[Finding] = []
    episodes: dict[tuple[str, str, str], list[CodeEvent]] = {}
    for event in confirmed:
        episodes.setdefault((event.vehicle_id, event.ecu, event.code), []).append(event)
    for (vehicle_id, _, _), series in episodes.items():
        found += _findings(series, (driven or {}).get(vehicle_id, ()))
    return sorted(found, key=lambda finding: (finding.found_at, finding.id))


def episodes(
    code: str, changes: Sequence[tuple[float, bool]], driven: Sequence[Run] = ()
) -> Iterator[tuple[float, float | None, Severity]]:
    """When a code came and went, in order of time, and how bad it was each time; None where it still stands.

    Those of :data:`HEALS` begin when they are stored again, but for :data:`COLD`, or when the drives since bear them
    out: see there.

    ``changes`` are the moments, in order, and whether it was present then; ``driven`` the drives, in order.
    """
    before: list[float] = []
    began: float | None = None
    for at_ms, present, outlived in (*_looks(code, changes, driven), (None, False, False)):
        if present and at_ms is not None and began is None:
            borne_out = code not in HEALS or outlived or (code not in COLD and _again(at_ms, before))
            if borne_out and (outlived or not _is_judged(code, at_ms, before, driven)):
                began = at_ms
            else:
                before.append(at_ms)
        elif not present and began is not None:
            yield began, at_ms, severity_of(code, began, before)
            before.append(began)
            began = None


def _is_judged(code: str, at_ms: float, before: Sequence[float], driven: Sequence[Run]) -> bool:
    """Whether a code of :data:`WATCHED` that is stored again is left to the detector of its part."""
    since_ms = at_ms - AGAIN_DAYS * DAY_MS
    earlier = {int((at_ms - moment_ms) // DAY_MS) for moment_ms in before if moment_ms >= since_ms} - {0}
    if code not in WATCHED or len(earlier) >= THIRD - 1:
        return False
    since_ms = max(since_ms, before[0])
    return any(since_ms <= run.ended_ms <= at_ms and run.tells_heat for run in driven)


def _looks(
    code: str, changes: Sequence[tuple[float, bool]], driven: Sequence[Run]
) -> Iterator[tuple[float, bool, bool]]:
    """Each change, and after it, of a code that heals, when the drives since have borne it out (True).

    A code that is only told again goes on, but for what has to be stored again.
    """
    if code in COLD:
        changes = [next(same) for _, same in groupby(changes, key=itemgetter(1))]
    for (at_ms, present), (until_ms, _) in zip(changes, (*changes[1:], (inf, False)), strict=True):
        yield at_ms, present, False
        if present and code in HEALS:
            since = [run for run in driven if at_ms < run.ended_ms < until_ms]
            begun = [run for run in since if at_ms <= run.started_ms]
            borne_out_ms = _stayed_cold_ms(begun) if code in COLD else _outlived_ms(since, code)
            if borne_out_ms is not None:
                yield borne_out_ms, True, True


def _outlived_ms(since: Sequence[Run], code: str) -> float | None:
    """When a code has stood for more warm drives than the car would keep a passed one for; None while not.

    Of :data:`WATCHED` a drive that tells the balance of heat begins the count anew.
    """
    warm = 0
    for run in since:
        warm = 0 if code in WATCHED and run.tells_heat else warm + (run.running_s >= WARM_UP_S)
        if warm > FORGOTTEN:
            return float(run.ended_ms)
    return None


def _stayed_cold_ms(since: Sequence[Run]) -> float | None:
    """When the drives bear out that an engine stays cold; None while they do not.

    So many in a row that should have warmed it stayed cold, or did not tell: then the code is taken at its word. Or
    none was warm of as many in a row, of any length, as a passed code is kept for.
    """
    long = every = 0
    for run in since:
        warm = run.hottest_c >= STAYS_COLD_C
        long = 0 if warm else long + (run.engine_s >= WARM_UP_S)
        every = 0 if warm else every + 1
        if long >= COLD_DRIVES or every >= FORGOTTEN:
            return float(run.ended_ms)
    return None


def _findings(series: Sequence[CodeEvent], driven: Sequence[Run]) -> Iterator[Finding]:
    changes = [(event.time_ms, event.present) for event in series]
    for began_ms, ended_ms, severity in episodes(series[0].code, changes, driven):
        stored = (event for event in series if event.present and event.time_ms <= began_ms)
        began = max(stored, key=lambda event: event.time_ms)
        ended = None if ended_ms is None else int(ended_ms)
        yield _finding(replace(began, time_ms=int(began_ms)), severity, ended_ms=ended)


def _finding(began: CodeEvent, severity: Severity, *, ended_ms: int | None) -> Finding:
    known = explain(began.code)
    check = {"en": " Check first: ", "zh": "优先检查："}
    return Finding(
        id=finding_id(began.vehicle_id, NAME, f"{began.ecu}/{began.code}", began.time_ms),
        vehicle_id=began.vehicle_id,
        detector=NAME,
        cause=began.code,
        component=known.component,
        severity=severity,
        confidence=CONFIDENCE,
        since=moment(began.time_ms),
        found_at=moment(began.time_ms),
        cleared_at=None if ended_ms is None else moment(ended_ms),
        evidence=_evidence(began),
        title={"en": f"{began.code}: {known.title['en']}", "zh": f"{began.code}：{known.title['zh']}"},
        text={
            language: f"{known.meaning[language]}{check[language]}{known.check_first[language]}"
            for language in known.meaning
        },
        job=f"diagnose_{began.code.lower().replace(' ', '_')}",
    )


def _evidence(began: CodeEvent) -> Evidence:
    return Evidence(
        feature=f"code:{began.code}",
        unit="",
        label={
            "en": f"Code {began.code} stored by unit {began.ecu}",
            "zh": f"控制单元{began.ecu}存储故障码{began.code}",
        },
        points=((began.time_ms, 1.0),),
        expectation=0.0,
        threshold=None,
        window=(began.time_ms, began.time_ms),
        signals=(),
    )
