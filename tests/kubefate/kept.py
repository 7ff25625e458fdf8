"""Connections to an API server that are kept from one request to the next, for any number of threads. Here rather than in tests/lib because the stand-in is
copied elsewhere with its folder alone (tests/demo/place.py)."""
import http.client
import time

IDLE_S = 4  # a connection that rested longer is not used again


class Kept:
    def __init__(self, host, port, context, timeout):
        self.host, self.port, self.context, self.timeout = host, port, context, timeout
        self.idle = []  # connections that nobody uses just now, and since when

    def rested(self):
        """A connection that is open, as far as can be known; or None."""
        try:
            while True:
                c, since = self.idle.pop()
                if time.monotonic() - since < IDLE_S:
                    return c
                c.close()
        except IndexError:
            return None

    def request(self, method, path, data, headers):
        """(status, body). What only reads is sent again when the connection was closed at the other end meanwhile."""
        kept = self.rested()
        c = kept or http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=self.timeout)
        try:
            c.request(method, path, data, headers)
            r = c.getresponse()
            body = r.read()
        except BaseException as e:
            c.close()
            if kept and method == "GET" and isinstance(e, (OSError, http.client.HTTPException)):
                return self.request(method, path, data, headers)
            raise
        if r.will_close:
            c.close()
        else:
            self.idle.append((c, time.monotonic()))
        return r.status, body
