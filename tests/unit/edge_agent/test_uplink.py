"""The uplink's end."""

from __future__ import annotations

import asyncio

import aiomqtt

from edge_agent.clock import Clock
from edge_agent.settings import AgentSettings
from edge_agent.spool import Spool
from edge_agent.store import Store
from edge_agent.uplink import Uplink


async def test_it_ends_also_when_closing_the_connection_fails(tmp_path, health, monkeypatch) -> None:
    """An error of the broker's that takes the place of the cancellation does not make it connect again."""
    begun = asyncio.Event()

    async def breaks_while_closing(_uplink: Uplink) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise aiomqtt.MqttError("closing failed") from None

    monkeypatch.setattr(Uplink, "_run_connected", breaks_while_closing)
    store = Store(Spool(tmp_path / "spool.db", max_bytes=2**20, gap=lambda *_: None))
    uplink = Uplink(AgentSettings(device="d0", password="p"), store, Clock(), health)
    task = asyncio.create_task(uplink.run())
    await begun.wait()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=10)
    assert done == {task}
    await store.close()
