"""What the HTTP tests share: a client that keeps nothing by itself, SQL on the database of the stack, seeded rows, the web log."""
import atexit
import http.client
import json
import os
import re
import signal
import subprocess
import time
import unittest
import urllib.parse
import uuid

from patience import looks

URL = urllib.parse.urlsplit(os.environ["HTTP_URL"])
STATE = os.environ["HTTP_STATE"]
API = "/api/v1"
NOBODY = "00000000-0000-4000-8000-00000000dead"
ROUTES = [line.split() for line in os.environ.get("HTTP_ROUTES", "").splitlines() if line[:1].isupper()]


class Answer:
    def __init__(self, r, seconds):
        self.status, self.headers, self.body, self.seconds = r.status, r.headers, r.read(), seconds

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body, object_pairs_hook=lambda pairs: dict(pairs))

    @property
    def data(self):
        return self.json["data"]

    @property
    def message(self):
        return self.json["message"]

    def cookie(self, name):
        """Attributes of the cookie that is set: {"": value, "path": "/", "httponly": ""}."""
        for line in self.headers.get_all("Set-Cookie") or []:
            parts = [p.strip().partition("=") for p in line.split(";")]
            if parts[0][0] == name:
                return dict([("", parts[0][2])] + [(k.lower(), v) for k, _, v in parts[1:]])
        return None


def raw(method, path, body=None, headers=None, timeout=30):
    """One request on a connection of its own; body is bytes, text, or something to be sent as JSON."""
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    c = http.client.HTTPConnection(URL.hostname, URL.port, timeout=timeout)
    start = time.monotonic()
    try:
        c.putrequest(method, path, skip_accept_encoding=True)
        for k, v in (headers or {}).items():
            c.putheader(k, v)
        if body is not None or method in ("POST", "PUT"):
            c.putheader("Content-Length", str(len(body or b"")))
        c.endheaders()
        try:
            if body:
                c.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a refusal may come before the end of a body that is too large
        r = c.getresponse()
        return Answer(r, time.monotonic() - start)
    finally:
        c.close()


def login(name="Admin", password="admin"):
    r = raw("POST", API + "/user/login", {"username": name, "password": password}, {"Content-Type": "application/json"})
    assert r.status == 200, (r.status, r.text)
    return r.data


_token = None


def token():
    global _token
    _token = _token or login()
    return _token


def call(method, path, body=None, headers=None, timeout=30, who=None):
    """An API call of the administrator (or of the token given)."""
    h = {"Authorization": "Bearer " + (who or token()), "Content-Type": "application/json"}
    h.update(headers or {})
    return raw(method, API + path, body, h, timeout)


def form(path, fields, cookie, headers=None):
    """A page's form, posted by a browser."""
    h = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie, "Origin": os.environ["HTTP_URL"], "Sec-Fetch-Site": "same-origin"}
    h.update(headers or {})
    return raw("POST", path, urllib.parse.urlencode(fields), {k: v for k, v in h.items() if v is not None})


def page_login(password="admin", name="Admin"):
    """Cookie header of a page session."""
    r = form("/login", {"username": name, "password": password}, "")
    assert r.status == 303, (r.status, r.text[:300])
    return "fedlcm=" + r.cookie("fedlcm")[""]


def csrf(path, cookie):
    """The hidden token of the first form of a page that has one."""
    r = raw("GET", path, headers={"Cookie": cookie})
    assert r.status == 200, (path, r.status)
    m = re.search(r'name="_csrf" value="([^"]+)"', r.text)
    return m.group(1) if m else None


class _Sql:
    """One psql that is kept: starting one for every count would be half of the layer's time."""
    END = "--end-of-answer--"

    def __init__(self):
        with open(os.path.join(STATE, "pg.owner")) as f:
            env = dict(os.environ, PGPASSWORD=f.read().strip(), PGOPTIONS="-c client_min_messages=warning")
        self.p = subprocess.Popen(["psql", "-h", os.environ["HTTP_PG_DIR"], "-U", "fedlcm_owner", "-d", "fedlcm", "-qAtX", "-F", "\t"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env=env, text=True, bufsize=1)
        atexit.register(self.p.kill)

    def ask(self, text):
        self.p.stdin.write("%s;\n\\echo %s\n" % (text, self.END))
        self.p.stdin.flush()
        out = []
        while True:
            line = self.p.stdout.readline()
            assert line, "psql ended: " + "".join(out)
            if line.rstrip("\n") == self.END:
                return out
            out.append(line.rstrip("\n"))


_sql = None


def sql(text):
    """Rows of a statement as lists of text."""
    global _sql
    _sql = _sql or _Sql()
    out = _sql.ask(text)
    assert not [line for line in out if line.startswith(("ERROR:", "FATAL:"))], (text[:300], out)
    return [line.split("\t") for line in out]


def one(text):
    return sql(text)[0][0]


def truncate(tables):
    """Takes everything out of them. The poller works on: who locks in another order may meet it, and then simply tries again."""
    for left in range(9, -1, -1):
        try:
            return sql("truncate " + tables)
        except AssertionError as e:
            if "deadlock detected" not in str(e) or not left:
                raise


# Counts of all rows, and the content of what people own. Sessions change by being used, and failed logins are counted on purpose.
OWNED = ["infra", "endpoint", "federation", "participant", "chart", "certificate", "certificate_binding", "authority", "named_secret", "setting", "app_user"]
STARTED = ["operation", "operation_step", "work", "probe", "hold", "health_check", "event", "secret"]


def snapshot(but=()):
    parts = ["select '%s', count(*), coalesce(sum(hashtext(t::text)), 0) from %s t" % (t, t) for t in OWNED if t not in but]
    parts += ["select '%s', count(*), 0 from %s" % (t, t) for t in STARTED if t not in but]
    return sql(" union all ".join(parts) + " order by 1")


class Case(unittest.TestCase):
    maxDiff = None

    def refused(self, r, status, *words):
        """An error in the envelope, with a sentence."""
        self.assertIn(r.status, status if isinstance(status, tuple) else (status,), r.text[:400])
        v = r.json
        self.assertEqual(list(v), ["code", "message", "data"])
        self.assertEqual(v["code"], r.status if r.status in (401, 403) else 10001)
        self.assertIsNone(v["data"])
        self.assertTrue(v["message"])
        self.sentence(v["message"])
        for w in words:
            self.assertIn(w.lower(), v["message"].lower())
        return r

    def sentence(self, text):
        """Words that a person can act on, not a code: several of them, and nothing of our inside."""
        self.assertGreaterEqual(len(re.findall(r"[A-Za-z]{2,}", text)), 3, text)
        self.assertNotRegex(text, r"(?i)sqlstate|errno|\bnull\b|\.c:\d|\(null\)|\{=?\d\}|msg_|assert")

    def done(self, r, data=...):
        self.assertEqual(r.status, 200, r.text[:400])
        v = r.json
        self.assertEqual(list(v), ["code", "message", "data"])
        self.assertEqual((v["code"], v["message"]), (0, ""))
        self.assertEqual(r.headers["Content-Type"], "application/json; charset=utf-8")
        if data is not ...:
            self.assertEqual(v["data"], data)
        return v["data"]

    def unchanged(self, but=()):
        """with self.unchanged(): nothing is written by what happens inside."""
        case = self

        class Watch:
            def __enter__(self):
                self.before = snapshot(but)

            def __exit__(self, kind, *_):
                if kind is None:
                    case.assertEqual(self.before, snapshot(but), "a refused request changed the database")

        return Watch()


def statements(answer):
    """SQL statements of a request, session look-up included, from the web workers' log."""
    want = "id=%s " % answer.headers["X-Request-Id"]
    for _ in range(50):
        with open(os.path.join(STATE, "log", "web.log"), "rb") as f:
            f.seek(0, os.SEEK_END)
            f.seek(max(0, f.tell() - 200000))
            for line in f.read().decode(errors="replace").splitlines():
                if want in line and "msg=request" in line:
                    return int(re.search(r"\bsql=(\d+)", line).group(1))
        time.sleep(0.02)
    raise AssertionError("no log line for " + want)


def infra_body(kubeconfig, name=None, info=None, **more):
    """Body of POST and PUT /infra. info: more members of kubernetes_provider_info."""
    i = {"kubeconfig_content": kubeconfig, "is_in_cluster": False, "namespaces_list": []}
    i.update(info or {})
    b = {"name": unique("infra") if name is None else name, "description": "", "type": "Kubernetes", "kubernetes_provider_info": i}
    b.update(more)
    return b


# --- rows that were not made through the API ---
def unique(word):
    return "%s-%s" % (word, uuid.uuid4().hex[:8])


def seed_secret(kind="kubeconfig"):
    u = str(uuid.uuid4())
    sql("insert into secret (id, kind, sealed) values ('%s', '%s', '<enc-v2:00000000>AAAA')" % (u, kind))
    return u


SHOWN = """apiVersion: v1
kind: Config
current-context: "a"
clusters:
- name: "a"
  cluster:
    server: "%s"
contexts:
- name: "a"
  context:
    cluster: "a"
    user: "a"
users:
- name: "a"
  user:
    token: "(stored: %s/token)"
"""


def seed_infra(n=1, server="https://10.1.2.3:6443", registry=False):
    """Infrastructures as if they had been tested and stored; their credentials are no use. Uuids."""
    out = []
    text = ""
    for _ in range(n):
        u, sec, reg = str(uuid.uuid4()), seed_secret() if n < 5 else None, seed_secret("registry") if registry else None
        text += ("insert into infra (uuid, name, description, kubeconfig_secret, config_sha256, kubeconfig_shown, api_host, auth_kind, tested_at, test_ok, use_registry_secret, registry_server, registry_username, registry_secret) values "
                 "('%s', '%s', 'seeded', %s, '%s', '%s', '%s', 'token', now(), true, %s, '%s', '%s', %s);\n"
                 % (u, unique("infra"), "'%s'" % sec if sec else "null", uuid.uuid4().hex, SHOWN % (server, u), server, "true" if registry else "false", "https://reg.example.com" if registry else "", "robot" if registry else "",
                    "'%s'" % reg if reg else "null"))
        out.append(u)
    sql(text)
    return out


def seed_endpoint(infra, n=1, status=2, namespaces=False):
    out, text = [], ""
    for i in range(n):
        u = str(uuid.uuid4())
        text += "insert into endpoint (uuid, infra_uuid, namespace, name, description, version, status, manifest, host, address, way) values ('%s', '%s', '%s', '%s', '', 'v1.4.5', %d, 'kind: Namespace', 'kubefate.net', 'via Kubernetes API', 'proxy');\n" % (
            u, infra, "ns-%s" % uuid.uuid4().hex[:8] if namespaces or n > 1 else "", unique("kf"), status)
        out.append(u)
    sql(text)
    return out


def seed_federation(domain="example.com"):
    u = str(uuid.uuid4())
    sql("insert into federation (uuid, name, description, domain) values ('%s', '%s', 'seeded', '%s')" % (u, unique("fed"), domain))
    return u


ACCESS = {
    1: '{"traffic-server": {"service_type": "NodePort", "host": "10.0.0.1", "port": 30651, "tls": true, "fqdn": "proxy.example.com"}, "nginx": {"service_type": "NodePort", "host": "10.0.0.1", "port": 30093, "tls": false, "fqdn": ""}}',
    2: '{"nginx": {"service_type": "NodePort", "host": "10.0.0.7", "port": 30677, "tls": false, "fqdn": ""}, "pulsar-public-tls": {"service_type": "NodePort", "host": "10.0.0.7", "port": 30435, "tls": true, "fqdn": "9999.example.com"}}',
}
INGRESS = '{"client": {"hosts": ["party-a.notebook.example.com"], "addresses": ["10.0.0.7:30637"], "tls": false}, "fateboard": {"hosts": ["party-a.fateboard.example.com"], "addresses": ["10.0.0.7:30637"], "tls": false}}'
CERTS = {
    1: '{"proxy_server_cert_info": {"binding_mode": 3, "uuid": "8e1c0000-0000-4000-8000-000000000001", "common_name": "proxy.example.com"}, "fml_manager_server_cert_info": {"binding_mode": 1, "uuid": "", "common_name": ""}, "fml_manager_client_cert_info": {"binding_mode": 1, "uuid": "", "common_name": ""}}',
    2: '{"pulsar_server_cert_info": {"binding_mode": 3, "uuid": "8e1c0000-0000-4000-8000-000000000002", "common_name": "9999.example.com"}, "site_portal_server_cert_info": {"binding_mode": 1, "uuid": "", "common_name": ""}, "site_portal_client_cert_info": {"binding_mode": 1, "uuid": "", "common_name": ""}}',
}
CHART = {1: "19c7c751-0de0-4780-95d6-e152440ab287", 2: "d81d2b48-930d-4c5e-b522-322b93e8ef39"}


def seed_party(federation, kind, n=1, endpoint=None, infra=None, status=1, first=9999):
    """Managed participants of an endpoint; kind 1 exchange, 2 cluster."""
    out, text = [], ""
    for i in range(n):
        u = str(uuid.uuid4())
        text += ("insert into participant (uuid, federation_uuid, endpoint_uuid, infra_uuid, chart_uuid, name, description, type, party_id, status, is_managed, namespace, deployment_name, deployment_yaml, chart_version, cluster_uuid, access_info, "
                 "ingress_info, cert_modes, was_active) values ('%s', '%s', %s, %s, '%s', '%s', 'seeded', %d, %d, %d, true, '%s', 'party', 'name: party', 'v1.11.1', '%s', '%s', %s, '%s', true);\n"
                 % (u, federation, "'%s'" % endpoint if endpoint else "null", "'%s'" % infra if infra else "null", CHART[kind], unique("party"), kind, 0 if kind == 1 else first + i, status, unique("ns"), uuid.uuid4(), ACCESS[kind],
                    "'%s'" % INGRESS if kind == 2 else "null", CERTS[kind]))
        out.append(u)
    sql(text)
    return out


def seed_certificate(federation, participant=None, n=1, service=2):
    out, auth = [], str(uuid.uuid4())
    text = "insert into authority (uuid, federation_uuid, name, cert_pem, not_after, current) values ('%s', '%s', 'ca', 'x', now() + interval '10 years', false);\n" % (auth, federation)
    for _ in range(n):
        u = str(uuid.uuid4())
        text += ("insert into certificate (uuid, authority_uuid, name, subject_cn, sans, serial_dec, fingerprint_sha256, key_alg, pem, not_before, not_after) values ('%s', '%s', 'Certificate for a.example.com', 'a.example.com', '{a.example.com}', "
                 "'%d', 'f', 'RSA 2048', 'x', now(), '2031-01-05T07:11:32Z');\n" % (u, auth, uuid.uuid4().int))
        if participant and n == 1:
            text += "insert into certificate_binding (certificate_uuid, participant_uuid, service_type, federation_uuid) values ('%s', '%s', %d, '%s');\n" % (u, participant, service, federation)
        out.append(u)
    sql(text)
    return out


def seed_events(entity, n=1):
    sql("insert into event (entity_uuid, entity_type, level, class, args) select '%s', 2, 'Info', 'event.endpoint-start', '[\"kf\", \"lab\"]' from generate_series(1, %d)" % (entity, n))


def poller_stands(still):
    """Stops the poller with its runners, or lets them go on: what is asked for stays as the request left it."""
    root = int(os.environ["HTTP_POLLER"])
    with open("/proc/%d/task/%d/children" % (root, root)) as f:
        for pid in [root] + [int(p) for p in f.read().split()]:
            os.kill(pid, signal.SIGSTOP if still else signal.SIGCONT)


def forget(subject):
    """Ends what the poller does for a subject, as if it had never been asked: later tests count rows."""
    sql("delete from work where class = 'operation' and ref in (select id from operation where subject = '%s'); delete from operation where subject = '%s'; delete from event where entity_uuid = '%s'" % (subject, subject, subject))


def wait_for(ask, pause=None):
    """The value of ask() as soon as it is true, or the last one that was not."""
    for _ in looks(pause):
        v = ask()
        if v:
            break
    return v


if __name__ == "__main__":
    raise SystemExit("run tests/http/run.sh")
