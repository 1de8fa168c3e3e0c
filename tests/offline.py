"""No way out: sockets that reach this machine only, for tests, for command lines and for notebook kernels.

    python tests/offline.py ARGUMENTS...       runs the command line `gsv-lab ARGUMENTS...` behind the block

Names are not looked up and connections are refused unless the address is a loopback one. Unix sockets pass. The block
covers Python's sockets; programs that do not use them get proxies that lead nowhere (see `ENVIRONMENT`).
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any, NoReturn

NOWHERE = "http://127.0.0.1:9"
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "http_proxy": NOWHERE,
    "https_proxy": NOWHERE,
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "no_proxy": "localhost,127.0.0.1,::1",
    "NO_PROXY": "localhost,127.0.0.1,::1",
}
"""What a child process gets, so that it too stays offline."""

STARTUP = "import sys; sys.path.insert(0, {folder!r}); import offline; offline.block()\n"
"""One line that blocks the network of a kernel, to be run before its first cell."""


class NetworkBlocked(ConnectionRefusedError):
    """A test tried to reach the network."""


def is_local(host: Any) -> bool:
    """Whether a host name or address means this machine."""
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        name = host.decode() if isinstance(host, bytes) else str(host)
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False


def block() -> None:
    """Refuse every connection of this process that leaves the machine; calling it again changes nothing."""
    if getattr(socket.socket, "is_blocked", False):
        return
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    lookups = {name: getattr(socket, name) for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex")}

    def refuse(host: Any) -> NoReturn:
        raise NetworkBlocked(f"the network is blocked in tests: {host!r}")

    def check(address: Any) -> None:
        if isinstance(address, tuple) and not is_local(address[0]):
            refuse(address[0])

    def guarded(method: Any) -> Any:
        def call(self: socket.socket, *arguments: Any) -> Any:
            check(arguments[-1])
            return method(self, *arguments)

        return call

    def lookup(original: Any) -> Any:
        def call(host: Any, *arguments: Any, **options: Any) -> Any:
            if not is_local(host) and host != socket.gethostname():
                refuse(host)
            return original(host, *arguments, **options)

        return call

    for name, method in (("connect", connect), ("connect_ex", connect_ex), ("sendto", sendto)):
        setattr(socket.socket, name, guarded(method))
    for name, original in lookups.items():
        setattr(socket, name, lookup(original))
    socket.socket.is_blocked = True  # type: ignore[attr-defined]


if __name__ == "__main__":
    block()
    from gsv_lab.cli import main

    sys.exit(main(sys.argv[1:]))
