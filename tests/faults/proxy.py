"""A proxy before a real API server that can be told to misbehave, per request, at run time. It ends TLS with a certificate of its own and asks the API
server with the admin's client certificate (a client certificate cannot be passed through TLS that ends here), so the kubeconfig of a proxy names its
address and its CA, and any token.

    p = Proxy(kube_directory, upstream_port, tls); p.kubeconfig
    f = p.fault(SLOW, r"PATCH .*/secrets/", seconds=12)     # f.hits: what it met; f.end() makes the way clean again
    p.refuse(); p.accept()                                  # nobody listens; somebody listens again

A pattern is searched in "METHOD /path?query\\nbody". Each request is kept in p.seen with its times, so a test can tell how long a client waited."""
import base64, collections, http.client, http.server, json, os, re, socket, ssl, struct, subprocess, threading, time

SLOW = "slow"                # waits, then answers truly: what the request does happens late
LATE = "late"                # does it at once, answers late
CUT = "cut"                  # half of the answer, then the connection ends
HALF = "half"                # half of the body, well framed
LOST = "lost"                # does it, then the connection is reset without an answer
TORN = "torn"                # half of the request's body is passed on, then both connections are cut
RESET = "reset"              # the connection is reset, nothing is done
HTML = "html"                # somebody else's page, status 200
STATUS = "status"            # an error of Kubernetes; code, reason, retry_after
DENY = "deny"                # KubeFATE's word that the token is worth nothing
GATEWAY = "gateway"          # an error of a gateway: HTML with status 503
HEADERS = "headers"          # headers without end
BODY = "body"                # a body without end
IDLE_S = 4                   # a connection to the API server that rested longer is not used again


class Tls:
    """A CA and a certificate for 127.0.0.1 and further names ("DNS:a,DNS:b"), made with the openssl program."""

    def __init__(self, directory, names=""):
        self.dir = directory
        os.makedirs(directory, exist_ok=True)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self.openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=faults", "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE")
        self.openssl("req", "-new", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=faults")
        with open(self.path("server.ext"), "w") as f:
            f.write("subjectAltName=IP:127.0.0.1%s\n" % ("," + names if names else ""))
        self.openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt", "-days", "2", "-extfile", "server.ext")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.path("server.crt"), self.path("server.key"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def openssl(self, *args):
        r = subprocess.run(["openssl"] + list(args), cwd=self.dir, capture_output=True, text=True)
        assert r.returncode == 0, (args, r.stderr)

    def ca(self):
        with open(self.path("ca.crt"), "rb") as f:
            return base64.b64encode(f.read()).decode()


class Fault:
    def __init__(self, proxy, kind, pattern, times, options):
        self.proxy, self.kind, self.pattern, self.left, self.options, self.hits = proxy, kind, re.compile(pattern, re.S), times, options, []

    def end(self):
        with self.proxy.lock:
            if self in self.proxy.faults:
                self.proxy.faults.remove(self)


class Seen:
    def __init__(self, method, path, body):
        self.method, self.path, self.body, self.began, self.ended, self.fault, self.code, self.passed_on = method, path, body, time.time(), None, None, None, False

    def __repr__(self):
        return "%s %s -> %s%s" % (self.method, self.path, self.code, " (%s)" % self.fault.kind if self.fault else "")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def handle_error(self, *_):
        pass  # clients that give up are the purpose here


class Proxy:
    def __init__(self, directory, upstream_port, tls, name="proxied", remember=None):
        """remember: how many requests are kept in seen; None: all."""
        self.tls, self.upstream_port, self.lock, self.faults, self.seen, self.open = tls, upstream_port, threading.Lock(), [], collections.deque(maxlen=remember), set()
        self.up = ssl.create_default_context(cafile=os.path.join(directory, "ca.crt"))
        self.up.load_cert_chain(os.path.join(directory, "admin.crt"), os.path.join(directory, "admin.key"))
        self.port = 0
        self.accept()
        self.server_url = "https://127.0.0.1:%d" % self.port
        self.kubeconfig = ("apiVersion: v1\nkind: Config\ncurrent-context: %s\nclusters:\n- name: x\n  cluster:\n    server: %s\n    certificate-authority-data: %s\nusers:\n- name: x\n  user:\n    token: any-token-will-do\n"
                           "contexts:\n- name: %s\n  context:\n    cluster: x\n    user: x\n" % (name, self.server_url, tls.ca(), name))

    def accept(self):
        for left in range(100, -1, -1):
            try:
                self.server = Server(("127.0.0.1", self.port), type("Bound", (Handler,), {"proxy": self}))
                break
            except OSError:  # a connection of somebody else has the port for its own end just now
                if not left:
                    raise
                time.sleep(0.2)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def refuse(self):
        """Nobody listens any more, and what is open is cut."""
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            connections = list(self.open)
        for c in connections:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def fault(self, kind, pattern, times=None, **options):
        """times: it happens so often, then no more."""
        f = Fault(self, kind, pattern, times, options)
        with self.lock:
            self.faults.append(f)
        return f

    def met(self, seen):
        text = "%s %s\n%s" % (seen.method, seen.path, seen.body.decode(errors="replace"))
        with self.lock:
            self.seen.append(seen)
            for f in self.faults:
                if f.left != 0 and f.pattern.search(text):
                    if f.left is not None:
                        f.left -= 1
                    f.hits.append(seen)
                    return f
        return None

    def requests(self, pattern):
        with self.lock:
            return [s for s in self.seen if re.search(pattern, "%s %s" % (s.method, s.path))]


def reset(connection):
    """RST instead of FIN: closed with nothing lingering, beneath TLS, which would say goodbye."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())
    except OSError:
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy = up = None
    rested = 0.0

    def setup(self):
        self.request.settimeout(60)
        self.request = self.proxy.tls.context.wrap_socket(self.request, server_side=True)  # here, not in the loop that accepts
        with self.proxy.lock:
            self.proxy.open.add(self.request)
        super().setup()

    def finish(self):
        with self.proxy.lock:
            self.proxy.open.discard(self.request)
        try:
            if self.up:
                self.up.close()
            super().finish()
            self.request.close()
        except (OSError, ValueError):
            pass

    def log_message(self, *_):
        pass

    def upstream(self, seen):
        """The true answer: status, headers, body."""
        c, self.up = self.up, None
        if not c or time.time() - self.rested > IDLE_S:
            c = http.client.HTTPSConnection("127.0.0.1", self.proxy.upstream_port, context=self.proxy.up, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("authorization", "host", "connection", "content-length", "accept-encoding")}
        c.request(seen.method, seen.path, seen.body or None, headers)
        seen.passed_on = True
        r = c.getresponse()
        body = r.read()
        kept = [(k, v) for k, v in r.getheaders() if k.lower() not in ("transfer-encoding", "connection", "content-length", "date")]
        self.up, self.rested = c, time.time()  # one that broke is not kept
        return r.status, kept, body

    def tear(self, seen):
        c = http.client.HTTPSConnection("127.0.0.1", self.proxy.upstream_port, context=self.proxy.up, timeout=60)
        c.putrequest(seen.method, seen.path, skip_accept_encoding=True)
        for k, v in self.headers.items():
            if k.lower() not in ("authorization", "host", "connection", "accept-encoding"):
                c.putheader(k, v)
        c.endheaders()
        c.send(seen.body[:len(seen.body) // 2])
        time.sleep(0.2)  # it is read at the other end
        reset(c.sock)

    def reply(self, status, headers, body, length=None):
        self.send_response_only(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def serve(self):
        seen = Seen(self.command, self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        fault = seen.fault = self.proxy.met(seen)
        try:
            if fault:
                self.misbehave(fault, seen)
            else:
                answer = self.upstream(seen)
                seen.code = answer[0]
                self.reply(*answer)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            seen.ended = time.time()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def wait(self, seconds):
        """Until then, or until the client has gone away."""
        end = time.time() + seconds
        self.request.settimeout(0.05)
        while time.time() < end:
            try:
                if self.request.recv(1) == b"":
                    raise ConnectionError("the client has gone")
            except (TimeoutError, ssl.SSLWantReadError):
                pass
        self.request.settimeout(60)

    def misbehave(self, f, seen):
        kind, o = f.kind, f.options
        if kind == SLOW:
            self.wait(o["seconds"])
            answer = self.upstream(seen)
            seen.code = answer[0]
            return self.reply(*answer)
        if kind == STATUS:
            code = seen.code = o["code"]
            body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": o.get("message", "made by a test"), "reason": o.get("reason", ""), "code": code}
            after = [("Retry-After", str(o["retry_after"]))] if "retry_after" in o else []
            return self.reply(code, [("Content-Type", "application/json")] + after, json.dumps(body).encode())
        if kind == DENY:
            seen.code = 401
            return self.reply(401, [("Content-Type", "application/json")], b'{"code":401,"message":"signature is invalid"}')
        if kind in (HTML, GATEWAY):
            seen.code = 200 if kind == HTML else 503
            return self.reply(seen.code, [("Content-Type", "text/html")], b"<html><body><h1>A gateway's own page</h1></body></html>")
        if kind == RESET:
            return self.drop()
        if kind == TORN:
            self.tear(seen)
            return self.drop()
        if kind == HEADERS:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"X-More: " + b"x" * 1000 + b"\r\n")
                time.sleep(0.002)
        if kind == BODY:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            self.wfile.write(b"2\r\n[1\r\n")
            while True:
                self.wfile.write(b"8000\r\n" + b",1" * 0x4000 + b"\r\n")
        status, headers, body = self.upstream(seen)
        seen.code = status
        if kind == LATE:
            self.wait(o["seconds"])
            return self.reply(status, headers, body)
        if kind == LOST:
            return self.drop()
        self.close_connection = True
        half = body[:len(body) // 2]
        if kind == CUT:
            self.reply(status, headers, half, len(body))
            return self.drop()
        self.reply(status, headers, half)

    def drop(self):
        self.close_connection = True
        reset(self.request)
