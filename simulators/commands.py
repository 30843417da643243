"""``roadworthy simulate``: cars to try things with."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from simulators.ecu import Behaviour
    from simulators.j1939 import Truck
    from simulators.live import LiveCar

simulate = typer.Typer(add_completion=False, no_args_is_help=True, help="Simulated cars.")
DEFAULT_ELM327 = "127.0.0.1:35000"
SAY_EVERY_S = 10.0


@simulate.callback()
def _simulate() -> None:
    """Simulated cars."""


@simulate.command("car")
def car(
    *,
    can: Annotated[str, typer.Option(help="A CAN bus, as udp_multicast:239.74.163.2 or virtual:car.")] = "",
    elm327: Annotated[str, typer.Option(help="Host and port of an ELM327 adapter, as 127.0.0.1:35000.")] = "",
    scenario: Annotated[str, typer.Option(help="A shipped scenario's name, or a TOML file.")] = "healthy",
    day: Annotated[float, typer.Option(min=0, help="How many days its story has gone on.")] = 0.0,
    vin: Annotated[str, typer.Option(help="Its VIN; without it the scenario's.")] = "",
    dtc: Annotated[
        list[str] | None, typer.Option(help="A stored trouble code, as P0301; more than once for more.")
    ] = None,
    behaviour: Annotated[str, typer.Option(help="normal, silent, no_data, garbage, pending or one_pid.")] = "normal",
    seed: Annotated[int, typer.Option(help="Chance is the same for the same seed.")] = 1,
    duration: Annotated[float | None, typer.Option(min=0, help="Seconds until it ends by itself.")] = None,
    bus_log: Annotated[Path | None, typer.Option(help="File for all frames of its bus, as candump writes.")] = None,
) -> None:
    """One car in real time: its control units answer on a CAN bus and at an ELM327 port."""
    import numpy as np
    from rich.console import Console

    from simulators.live import LiveCar
    from simulators.scenario import load
    from vehicle.dtc import Dtc
    from vehicle.vin import Vin

    live = LiveCar(
        load(scenario),
        rng=np.random.default_rng(seed),
        day=day,
        codes=[Dtc(code.upper()) for code in dtc or []],
        vin=Vin.parse(vin) if vin else None,
        behaviour=_behaviour(behaviour),
    )
    port = elm327 or ("" if can else DEFAULT_ELM327)
    asyncio.run(_run(live, can, port, duration, bus_log, Console()))


@simulate.command("truck")
def truck(
    can: Annotated[str, typer.Option(help="A CAN bus, as udp_multicast:239.74.163.2 or virtual:truck.")],
    *,
    vin: Annotated[str, typer.Option(help="Its VIN, said now and then; without one it says none.")] = "",
    dtc: Annotated[
        list[str] | None, typer.Option(help='An active trouble code, as "SPN 100 FMI 1"; more than once for more.')
    ] = None,
    seed: Annotated[int, typer.Option(help="Chance is the same for the same seed.")] = 1,
    duration: Annotated[float | None, typer.Option(min=0, help="Seconds until it ends by itself.")] = None,
) -> None:
    """One truck in real time: its engine tells on a CAN bus what it measures and what is wrong (J1939)."""
    import numpy as np
    from rich.console import Console

    from simulators.j1939 import Truck, truck_code
    from simulators.live import LiveCar
    from simulators.scenario import load
    from vehicle.vin import Vin

    live = LiveCar(load("healthy"), rng=np.random.default_rng(seed))
    codes = tuple(truck_code(code.upper()) for code in dtc or [])
    identity = Vin.parse(vin) if vin else None
    asyncio.run(_speak(live, lambda: Truck(values=live.values, codes=codes, vin=identity), can, duration, Console()))


async def _speak(live: LiveCar, now: Callable[[], Truck], can: str, duration_s: float | None, out: Console) -> None:
    from simulators.can_bus import open_bus
    from simulators.j1939 import EngineOnCan

    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    engine = EngineOnCan(open_bus(can), now)
    try:
        async with asyncio.TaskGroup() as group:
            running = (live.run(), engine.run(), _say(live, out))
            tasks = [group.create_task(one) for one in running]
            out.print(f"The engine of a truck speaks J1939 on [bold]{can}[/]", highlight=False)
            out.print("Ctrl-C ends it.")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), duration_s)
            for task in tasks:
                task.cancel()
    finally:
        engine.close()


def _behaviour(word: str) -> Behaviour:
    from simulators.ecu import Behaviour
    from simulators.errors import SimulatorError

    try:
        return Behaviour(word)
    except ValueError as error:
        raise SimulatorError(f"there is no behaviour {word!r}; there are {', '.join(Behaviour)}") from error


async def _run(
    live: LiveCar, can: str, port: str, duration_s: float | None, bus_log: Path | None, out: Console
) -> None:
    from simulators.can_bus import EcuOnCan, frame_of, log_of, open_bus
    from simulators.elm327 import Elm327, parse_address

    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    async with asyncio.TaskGroup() as group, contextlib.AsyncExitStack() as open_things:
        tasks = [group.create_task(live.run(), name="car")]
        log = open_things.enter_context(log_of(bus_log)) if bus_log is not None else lambda _: None
        if can:
            ecu = EcuOnCan(open_bus(can), live.units, log)
            open_things.callback(ecu.close)
            tasks.append(group.create_task(ecu.run(), name="can"))
            out.print(f"Control units 7E8 and 7E9 answer on [bold]{can}[/]", highlight=False)
        if port:
            host, number = parse_address(port)
            adapter, ready = Elm327(live.units, lambda *frame: log(frame_of(*frame))), asyncio.Event()
            tasks.append(group.create_task(adapter.run(host, number, ready), name="elm327"))
            await ready.wait()
            out.print(f"An ELM327 adapter listens on [bold]{host}:{adapter.port}[/]", highlight=False)
        out.print("Ctrl-C ends it.")
        tasks.append(group.create_task(_say(live, out), name="say"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), duration_s)
        for task in tasks:
            task.cancel()


async def _say(live: LiveCar, out: Console) -> None:
    from vehicle import signals

    while True:
        now = live.values
        out.print(
            f"{now[signals.SPEED]:5.0f} km/h  {now[signals.ENGINE_SPEED]:5.0f} 1/min  "
            f"coolant {now[signals.COOLANT_TEMPERATURE]:4.0f} °C  {now[signals.CONTROL_MODULE_VOLTAGE]:5.2f} V",
            highlight=False,
        )
        await asyncio.sleep(SAY_EVERY_S)
