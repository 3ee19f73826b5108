"""What stands in the path as `penstock`: it imports little, because each call is a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

NUMBER = struct.Struct("!q")
"""The length of what is asked, and the return code as of `subprocess.Popen`."""
PASSED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def main(server: socket.socket) -> None:
    """Have the command run, and end as it does."""
    asked = {"arguments": sys.argv[1:], "cwd": str(Path.cwd()), "env": dict(os.environ)}
    body = json.dumps(asked).encode()
    for number in PASSED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda passed, _: server.sendall(bytes([passed])))
    socket.send_fds(server, [NUMBER.pack(len(body))], [0, 1, 2])
    server.sendall(body)
    [code] = NUMBER.unpack(server.recv(NUMBER.size, socket.MSG_WAITALL))
    if code < 0:
        if -code in PASSED:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(Path(sys.argv[0]).with_name("socket")))
        main(connection)
