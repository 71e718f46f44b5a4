"""Connect standard input and output to a port of the job: `python -m atlas_worker.relay PORT`.

The first byte of the output is a `+`: the connection is made. Without it the exit code is 1, and
the reason is on standard error.
"""

import os
import sys


def main(port: int) -> int:
    """Pass bytes on until the port closes the connection; return the exit code."""
    # `-m` puts the job's directory first: a file of the job must not shadow a module needed here.
    if sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    import socket
    import threading

    try:
        connection = socket.create_connection(("localhost", port), timeout=3)
    except OSError as error:
        sys.stderr.write("{}\n".format(error.strerror or error))
        return 1
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send() -> None:
        try:
            piece = os.read(0, 65536)
            while piece:
                connection.sendall(piece)
                piece = os.read(0, 65536)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            return

    threading.Thread(target=send, daemon=True).start()
    _write(b"+")
    try:
        piece = connection.recv(65536)
        while piece:
            _write(piece)
            piece = connection.recv(65536)
    except OSError:
        return 0
    return 0


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    status = main(int(sys.argv[1]))
    sys.stderr.flush()
    # Not by the interpreter's own end, which waits for a thread that reads.
    os._exit(status)
