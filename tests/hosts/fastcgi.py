"""A GET of a FastCGI worker over its socket, without nginx."""
import socket, struct

BEGIN, PARAMS, STDIN, STDOUT = 1, 4, 5, 6


def record(kind, data):
    return struct.pack(">BBHHBB", 1, kind, 1, len(data), 0, 0) + data


def get(sock, path, cookies=""):
    """Status, header lines in one text, body."""
    env = {"REQUEST_METHOD": "GET", "DOCUMENT_URI": path, "HTTP_HOST": "localhost", "HTTP_COOKIE": cookies}
    pairs = b"".join(bytes([len(k), len(v)]) + k.encode() + v.encode() for k, v in env.items())
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(sock)
        s.sendall(record(BEGIN, struct.pack(">HB5x", 1, 0)) + record(PARAMS, pairs) + record(PARAMS, b"") + record(STDIN, b""))
        raw, out = b"", b""
        while True:
            more = s.recv(65536)
            if not more:
                break
            raw += more
    while len(raw) >= 8:
        _, kind, _, n, padding = struct.unpack(">BBHHB", raw[:7])
        out += raw[8:8 + n] if kind == STDOUT else b""
        raw = raw[8 + n + padding:]
    head, _, body = out.decode().partition("\r\n\r\n")
    return int(head.split("Status: ")[1].split()[0]), head, body
