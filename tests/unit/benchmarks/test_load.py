"""The load of the ingest benchmarks: its messages are right, and what counts as kept up with is strict."""

from __future__ import annotations

import pytest

from benchmarks import workers
from benchmarks.drives import BATCH_ROWS, shipped
from benchmarks.ingest import failure, quantile
from benchmarks.load import EPOCH, Phase, numbered
from vehicle.wire import Lane, decode_batch, decode_envelope, encode_telemetry


def test_a_numbered_message_is_the_same_batch_under_another_sequence() -> None:
    """With a checksum that fits."""
    chosen, batch = shipped().batches[0]
    message = encode_telemetry(epoch=EPOCH, sequence=1, lane=Lane.LIVE, batch=batch)
    found = decode_envelope(numbered(message, 77, int(Lane.BACKLOG)))
    assert (found.epoch, found.sequence, found.lane) == (EPOCH, 77, Lane.BACKLOG)
    assert decode_batch(found.body, chosen) == batch
    assert (len(batch.columns), len(batch.times_ms)) == (27, BATCH_ROWS)


def phase(**changes: object) -> Phase:
    usual = {
        "rate": 100.0, "seconds": 8.0, "sent": 800, "held_back": 0, "acknowledged": 790, "resent": 0, "cpu_s": 0.1,
        "waits_s": [0.1] * 790, "backlog_left": 0, "drain_s": 0.0,
    }  # fmt: skip
    return Phase(**(usual | changes))


def test_what_counts_as_kept_up_with() -> None:
    """Not when a window was full, when too much was missing at the end, or when it took too long; it is said why."""
    assert failure(phase()) == ""
    assert "1 of 801 batches were held back" in failure(phase(held_back=1))
    assert "700 of 800 batches were acknowledged" in failure(phase(acknowledged=700))
    assert "took 6.0 s to be durable" in failure(phase(waits_s=[0.1] * 700 + [6.0] * 90))
    assert "took 7.0 s to be queryable" in failure(phase(), [0.1, 7.0])
    assert "2000 batches waited for history" in failure(phase(), [0.1], 2000)
    assert failure(phase(), [0.1], 1000) == ""
    assert failure(phase(waits_s=[]))


def test_quantiles() -> None:
    """Of an ordered list; none of nothing."""
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0
    assert quantile([1.0, 2.0], 1.0) == 2.0
    assert quantile([], 0.5) is None


@pytest.mark.parametrize(("lost", "equal"), [(0, True), (1, False)])
def test_two_workers_stand_beside_one(monkeypatch: pytest.MonkeyPatch, lost: int, equal: bool) -> None:
    """The middle of the rounds counts, and one lost batch in one of them says that the results are not equal."""
    rates = iter([(1, 100), (2, 150), (1, 90), (2, 130), (1, 500), (2, 140)])

    def one_round(_drive: object, workers_now: int) -> dict[str, int]:
        expected, rate = next(rates)
        assert workers_now == expected
        return {"durable_batches_per_second": rate, "lost_or_doubled": lost if rate == 500 else 0}

    monkeypatch.setattr(workers, "_round", one_round)
    found = workers.measure()
    assert (found.ours, found.peers, found.equal) == (140.0, {"one worker": 100.0}, equal)
