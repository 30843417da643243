"""A process that has everything imported and forks a part whenever it is told to, so that a part starts in no time.

Told in lines of JSON on its input: ``{"arguments", "output", "errors", "crooked", "env", "folder"}``. It says
``{"started": pid}``, and when a part ended ``{"ended": pid, "code": …}``, negative for a signal, as in
:mod:`subprocess`. The parts are processes of their own, which run what people run; only their imports are done before.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

PARTS = (
    "roadworthy", "ingest.commands", "ingest.pipeline", "ingest.broker", "ingest.enrolment", "ingest.presenting",
    "edge_agent.commands", "edge_agent.agent", "api.commands", "api.app",
)  # fmt: skip
MORE = ("edge_agent.buses.csv", "ingest.storage.history", "sqlalchemy.dialects.sqlite", "alembic.command", "psycopg")


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def grow_up(order: dict[str, Any]) -> NoReturn:
    """Becomes the part, in the child."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["env"])
        appended = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        output, errors = (os.open(order[name], appended, 0o600) for name in ("output", "errors"))
        for ours, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (errors, 2)):
            os.dup2(ours, target)
        for wrong in order["crooked"]:
            runpy.run_path(str(Path(__file__).with_name("crooked.py")))["spoil"](*wrong)
        sys.argv = ["roadworthy", *order["arguments"]]
        importlib.import_module("roadworthy").main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  a part's own traceback belongs into its log
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            say(ended=ended[0], code=os.waitstatus_to_exitcode(ended[1]))


def main() -> None:
    """Imports, then forks until its input ends; what still runs then is killed."""
    for name in (*PARTS, *MORE):
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, reap)
    children = []
    say(ready=os.getpid())
    for line in sys.stdin:
        order = json.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # it is said that it started before that it ended
        child = os.fork()
        if child == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            grow_up(order)
        children.append(child)
        say(started=child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
