#!/usr/bin/env python3
"""A stand-in of the KubeFATE v1.4.5 service for tests: python3 tests/kubefate/kubefate.py [--time-limit SECONDS] [--state FILE]

Runs where the rig (tests/realkube) starts the image federatedai/kubefate, and speaks to the cluster with that pod's service account. It exists because
the real program needs its source, its charts and minutes of building, none of which belong in this repository; contract_test.py holds both to the same
behaviour (FACTS.md). Listens on FATECLOUD_SERVER_ADDRESS:FATECLOUD_SERVER_PORT, that is 0.0.0.0:8080; only in the rig, whose pods share one network
namespace, on POD_IP."""
import argparse, base64, binascii, hashlib, hmac, json, os, re, secrets, sys, time, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.dont_write_bytecode = True
import archive
from archive import BadArchive
from helm import Helm
from jobs import Crash, Refusal, Work
from kubeapi import Kube
from tables import Tables

VERSION = "v1.4.5"
LOGIN_SECONDS = 0.15  # the real one spends this on the password's hash, right or wrong
TOKEN_SECONDS = 30 * 60


class Denied(Exception):
    """401 with this message."""


class BadRequest(Exception):
    """400 with this text."""


# --- tokens ---
def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """JWT, HS256. The key is made at the start, so a restart makes every token worthless."""

    def __init__(self):
        self.key = secrets.token_bytes(32)

    def sign(self, text):
        return b64url(hmac.new(self.key, text.encode(), hashlib.sha256).digest())

    def issue(self, user):
        at = int(time.time())
        text = "%s.%s" % (b64url(b'{"alg":"HS256","typ":"JWT"}'), b64url(json.dumps({"exp": at + TOKEN_SECONDS, "id": user, "orig_iat": at}).encode()))
        return "%s.%s" % (text, self.sign(text)), at + TOKEN_SECONDS

    def user(self, token):
        parts = token.split(".")
        if len(parts) != 3:
            raise Denied("token contains an invalid number of segments")
        try:
            head, claims = json.loads(unb64url(parts[0])), json.loads(unb64url(parts[1]))
        except ValueError as e:
            raise Denied("illegal base64 data at input byte 0") from e
        if head.get("alg") != "HS256":
            raise Denied("invalid signing algorithm")
        if not hmac.compare_digest(self.sign(parts[0] + "." + parts[1]).encode(), parts[2].encode()):
            raise Denied("signature is invalid")
        if claims["exp"] < time.time():
            raise Denied("Token is expired")
        return claims["id"]


# --- bodies ---
ARGS = {"name": str, "namespace": str, "chart_name": str, "chart_version": str, "cover": bool, "data": str, "Keep_upgrade_job": bool}
GO_NAME = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}


def cluster_arguments(body):
    try:
        given = json.loads(body) if body else None
    except ValueError as e:
        raise BadRequest("invalid character in the request: %s" % e) from e
    if given is None:
        raise BadRequest("EOF")
    if not isinstance(given, dict):
        raise BadRequest("json: cannot unmarshal %s into Go value of type modules.ClusterArgs" % GO_NAME[type(given)])
    out = {}
    for k, kind in ARGS.items():
        v = given.get(k)
        if v is not None and not isinstance(v, kind):
            raise BadRequest("json: cannot unmarshal %s into Go struct field ClusterArgs.%s of type %s" % (GO_NAME[type(v)], k, GO_NAME[kind]))
        out[k] = kind() if v is None else v
    try:
        base64.b64decode(out["data"], validate=True)
    except binascii.Error as e:
        raise BadRequest("illegal base64 data at input byte 0") from e
    return out


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, work, user, password):
        super().__init__(address, Handler)
        self.work, self.tokens, self.account = work, Tokens(), (user, password)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    # method, path (exact: the slashes are part of the contract), does it need a token, what answers
    ROUTES = [
        ("GET", "/", False, "hello"),
        ("GET", "/v1/", False, "error_path"),
        ("POST", "/v1/user/login", False, "login"),
        ("POST", "/v1/user/logout", False, "logout"),
        ("GET", "/v1/version/", True, "version"),
        ("POST", "/v1/chart", True, "upload"),
        ("GET", "/v1/chart/", True, "charts"),
        ("GET", "/v1/chart/ID", True, "chart"),
        ("DELETE", "/v1/chart/ID", True, "delete_chart"),
        ("GET", "/v1/cluster/", True, "clusters"),
        ("POST", "/v1/cluster", True, "install"),
        ("PUT", "/v1/cluster", True, "update"),
        ("GET", "/v1/cluster/ID", True, "cluster"),
        ("DELETE", "/v1/cluster/ID", True, "delete"),
        ("GET", "/v1/job/", True, "jobs"),
        ("GET", "/v1/job/ID", True, "job"),
        ("PUT", "/v1/job/ID", True, "stop"),
    ]

    # --- plumbing ---
    def send(self, status, body, kind="application/json; charset=utf-8", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        if self.command != "GET" or status >= 400:  # the reads are many
            self.log_request(status)
        self.send_response_only(status)  # without a Server header
        self.send_header("Date", self.date_time_string())
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        if data:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, form, *args):
        print("%s %s" % (time.strftime("%H:%M:%S"), form % args), flush=True)

    @classmethod
    def route(cls, method, path):
        for m, pattern, guarded, name in cls.ROUTES:
            found = re.fullmatch(pattern.replace("ID", "([^/]+)"), path)
            if m == method and found:
                return name, guarded, found.groups()
        return None

    def token(self):
        """Header, then query, then cookie; a header that is no Bearer token is passed over."""
        head = self.headers.get("Authorization") or ""
        if head.startswith("Bearer ") and len(head.split(" ", 1)[1]) > 0:
            return head.split(" ", 1)[1]
        for t in self.query.get("token", []):
            if t:
                return t
        for part in (self.headers.get("Cookie") or "").split(";"):
            k, _, v = part.strip().partition("=")
            if k == "jwt" and v:
                return v
        raise Denied("cookie token is empty")

    def serve(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qs(url.query)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = self.route(self.command, url.path)
        if not found:
            other = url.path[:-1] if url.path.endswith("/") else url.path + "/"
            if not self.route(self.command, other):
                return self.send(404, b"404 page not found", "text/plain")
            where = other + ("?" + url.query if url.query else "")
            if self.command != "GET":
                return self.send(307, b"", Location=where)
            return self.send(301, b'<a href="%s">Moved Permanently</a>.\n\n' % where.encode(), "text/html; charset=utf-8", Location=where)
        name, guarded, args = found
        try:
            self.user = self.server.tokens.user(self.token()) if guarded else ""
            getattr(self, name)(*args)
        except Denied as e:
            self.send(401, {"code": 401, "message": str(e)}, WWW_Authenticate="JWT realm=gin jwt")
        except BadRequest as e:
            self.send(400, {"error": str(e)})
        except (Refusal, BadArchive) as e:
            self.send(500, {"error": str(e)})
        except Crash:
            self.send(500, b"")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    def done(self, what, data):
        self.send(200, {"msg": what + " Success", "data": data})

    # --- answers ---
    def hello(self):
        self.send(200, {"msg": "kubefate run Success"})

    def error_path(self):
        self.send(400, {"error": "error path"})

    def login(self):
        try:
            given = json.loads(self.body)
        except ValueError as e:
            raise Denied("missing Username or Password") from e
        if not isinstance(given, dict) or any(not isinstance(given.get(k, ""), str) for k in ("username", "password")):
            raise Denied("missing Username or Password")
        time.sleep(LOGIN_SECONDS)
        user = given.get("username", "")
        if (user, given.get("password", "")) != self.server.account:
            raise Denied("incorrect Username or Password")
        token, end = self.server.tokens.issue(user)
        self.send(200, {"code": 200, "expire": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)), "token": token})

    def logout(self):
        self.send(200, {"code": 200})

    def version(self):
        self.send(200, {"msg": "getVersion Success", "version": VERSION})

    def upload(self):
        row = archive.chart_of(archive.file_of(self.headers.get("Content-Type"), self.body))
        self.server.work.t.replace_chart(row)
        self.done("CreateChart", {"helmUUID": row["uuid"]})

    def charts(self):
        t = self.server.work.t
        with t.lock:
            self.done("getChartList", [c for c in t.charts if not c["DeletedAt"]])

    def chart(self, chart_id):
        c = self.server.work.t.chart(chart_id)
        if not c:
            raise Refusal("record not found")
        self.done("getChart", c)

    def delete_chart(self, chart_id):
        t = self.server.work.t
        c = t.chart(chart_id)
        if c:
            t.set(c, DeletedAt=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        self.send(200, {"msg": "deleteChart Success"})

    def clusters(self):
        t = self.server.work.t
        everything = self.query.get("all") == ["true"]
        with t.lock:
            self.done("getClusterList", [c for c in t.clusters if everything or not c["DeletedAt"]])

    def cluster(self, cluster_id):
        c = self.server.work.t.cluster(cluster_id)
        if not c:
            raise Refusal("record not found")
        self.done("getCluster", self.server.work.look_at(c))

    def install(self):
        self.done("createCluster", self.server.work.install(cluster_arguments(self.body), self.user))

    def update(self):
        self.done("setCluster", self.server.work.update(cluster_arguments(self.body), self.user))

    def delete(self, cluster_id):
        self.done("deleteCluster", self.server.work.delete(cluster_id, self.user))

    def jobs(self):
        with self.server.work.t.lock:
            self.done("getJobList", self.server.work.t.jobs)

    def job(self, job_id):
        t = self.server.work.t
        with t.lock:
            j = t.job(job_id)
            if not j:
                raise Refusal("record not found")
            self.done("getJob", j)

    def stop(self, job_id):
        if self.query.get("jobStatus") != ["stop"]:
            raise BadRequest("jobStatus error")
        self.server.work.stop(job_id)
        self.send(200, {"msg": "stop Job Success", "data": "Stop Job Success"})


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--time-limit", type=float, default=3600, metavar="SECONDS", help="after this an unfinished job is Failed (the real one: one hour)")
    p.add_argument("--state", metavar="FILE", help="where jobs and clusters are kept, as on a volume; without it they are lost with the process")
    given = p.parse_args()
    e = os.environ
    address = e.get("POD_IP") or e.get("FATECLOUD_SERVER_ADDRESS") or "0.0.0.0"
    kube = Kube()
    server = Server((address, int(e.get("FATECLOUD_SERVER_PORT") or 8080)), Work(kube, Helm(kube), given.time_limit, Tables(given.state)), e.get("FATECLOUD_USER_USERNAME") or "admin", e.get("FATECLOUD_USER_PASSWORD") or "admin")
    server.serve_forever()


if __name__ == "__main__":
    main()
