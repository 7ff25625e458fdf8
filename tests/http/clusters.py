"""API servers that a kubeconfig can point to: one that answers like Kubernetes as far as a connection test asks, one that answers HTML, one that never answers;
and the certificates for them, made with the openssl program."""
import base64
import http.server
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading

DIR = tempfile.TemporaryDirectory(prefix="fhttp.")


def _path(name):
    return os.path.join(DIR.name, name)


def _openssl(*args):
    r = subprocess.run(["openssl"] + list(args), cwd=DIR.name, capture_output=True, text=True)
    assert r.returncode == 0, (args, r.stderr)


def make_ca(name):
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name + ".key", "-out", name + ".crt", "-subj", "/CN=" + name, "-days", "30",
             "-addext", "basicConstraints=critical,CA:TRUE")
    return name


def make_cert(name, ca, san="", days=30, expired=False):
    _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
    with open(_path(name + ".ext"), "w") as f:
        f.write("subjectAltName=%s\n" % san if san else "basicConstraints=CA:FALSE\n")
    if not expired:
        _openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".crt", "-CAkey", ca + ".key", "-CAcreateserial", "-out", name + ".crt", "-days", str(days), "-extfile", name + ".ext")
        return name
    for f in ("index", "serial"):
        with open(_path(f), "w") as out:
            out.write("01\n" if f == "serial" else "")
    with open(_path("ca.conf"), "w") as f:
        f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
    _openssl("ca", "-batch", "-config", "ca.conf", "-cert", ca + ".crt", "-keyfile", ca + ".key", "-in", name + ".csr", "-out", name + ".crt", "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-notext")
    return name


def pem(name):
    with open(_path(name)) as f:
        return f.read()


def b64(name):
    return base64.b64encode(pem(name).encode()).decode()


CA, OTHER_CA = make_ca("test-ca"), make_ca("other-ca")
make_cert("server", CA, "IP:127.0.0.1,DNS:localhost")


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class _Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json"):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Html(_Quiet):
    def do_GET(self):
        self.answer(200, "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Company proxy: please sign in</body></html>", "text/html")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()


class _Kube(_Quiet):
    """Enough of Kubernetes for a connection test and a scan."""

    def allowed(self):
        good = self.headers.get("Authorization") in self.server.accept
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization")))
        if not good:
            self.answer(401, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized", "message": "Unauthorized", "code": 401})
        return good

    def do_GET(self):
        if not self.allowed():
            return
        path = self.path.partition("?")[0]
        if path == "/version":
            self.answer(200, {"major": "1", "minor": "30", "gitVersion": "v1.30.1"})
        elif path.rsplit("/", 1)[-1] in ("nodes", "storageclasses", "ingressclasses"):
            self.answer(200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []})
        else:
            self.answer(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "message": "not found", "code": 404})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.allowed():
            v = json.loads(body)
            v["status"] = {"allowed": True}
            self.answer(201, v)


def _tls(handler, cert="server"):
    s = _Server(("127.0.0.1", 0), handler)
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(_path(cert + ".crt"), _path(cert + ".key"))
    s.socket = ctx.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)
    s.seen, s.accept = [], set()
    threading.Thread(target=s.serve_forever, daemon=True).start()
    s.url = "https://127.0.0.1:%d" % s.server_address[1]
    return s


def html_server():
    return _tls(_Html)


def kube_server(*tokens, cert="server"):
    s = _tls(_Kube, cert)
    s.accept = {"Bearer " + t for t in tokens}
    return s


class SilentServer:
    """Takes connections and never says a word."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = "https://127.0.0.1:%d" % self.sock.getsockname()[1]

    def close(self):
        self.sock.close()


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return "https://127.0.0.1:%d" % s.getsockname()[1]


def kubeconfig(server="https://10.1.2.3:6443", user=None, cluster=None, ca=CA, **top):
    """JSON is YAML too. user, cluster: members of the selected entries."""
    c = {"server": server}
    if ca:
        c["certificate-authority-data"] = b64(ca + ".crt")
    c.update(cluster or {})
    v = {"apiVersion": "v1", "kind": "Config", "current-context": "a", "clusters": [{"name": "a", "cluster": c}], "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
         "users": [{"name": "a", "user": user if user is not None else {"token": "a-token"}}]}
    v.update(top)
    return json.dumps({k: x for k, x in v.items() if x is not None}, indent=1)
