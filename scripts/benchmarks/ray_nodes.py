"""A Ray cluster of several processes on one machine, whose nodes can be killed as machines fail: all at once."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

START_S = 300
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # the nodes are of this machine, and leave no token in the home
    "RAY_raylet_start_wait_time_s": str(START_S),
    "RAY_agent_register_timeout_ms": str(1000 * START_S),
    "RAY_gcs_rpc_server_reconnect_timeout_s": "20",
    "OMP_NUM_THREADS": "1",
}
"""For the nodes, and for what joins them."""


AGENT_PORTS = (
    "--dashboard-agent-grpc-port",
    "--dashboard-agent-listen-port",
    "--runtime-env-agent-port",
    "--metrics-export-port",
)


class RayNode:
    """One node: `ray start`, and all that it starts.

    Args:
        log: Where its output goes.
        arguments: Those of `ray start`.
    """

    def __init__(self, log: Path, *arguments: str) -> None:
        self._log = log
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--object-store-memory=100000000"]
        # A raylet ends itself after half a minute without the ports of its agents, if it does not know them.
        command += [
            f"{option}={port}" for option, port in zip(AGENT_PORTS, _free_ports(len(AGENT_PORTS)), strict=True)
        ]
        with log.open("w") as file:
            self._process = subprocess.Popen(
                [*command, *arguments],
                env=os.environ | ENVIRONMENT,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def wait(self) -> Self:
        """Until it has joined."""
        deadline_s = time.monotonic() + START_S
        while "Ray runtime started" not in self._log.read_text():
            is_starting = self._process.poll() is None and time.monotonic() < deadline_s
            assert is_starting, self._log.read_text()[-2000:]
            time.sleep(0.2)
        return self

    def kill(self) -> None:
        """End it as a power failure does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def ray_nodes(folder: Path, num_workers: int = 2) -> Iterator[tuple[str, list[RayNode]]]:
    """Address of a cluster, and its nodes: a head that does no work, and nodes with a core each.

    Args:
        folder: For logs.
        num_workers: Nodes beside the head.
    """
    (port,) = _free_ports(1)
    address = f"127.0.0.1:{port}"
    here = ("--node-ip-address=127.0.0.1",)
    nodes = []
    try:
        nodes.append(
            RayNode(
                folder / "head.log", "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", *here
            )
        )
        nodes[0].wait()
        for number in range(num_workers):
            nodes.append(RayNode(folder / f"node{number}.log", f"--address={address}", "--num-cpus=1", *here))
        for node in nodes[1:]:
            node.wait()
        yield address, nodes
    finally:
        for node in reversed(nodes):
            node.kill()


def _free_ports(num: int) -> list[int]:
    """Ports that nobody has now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(num)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
