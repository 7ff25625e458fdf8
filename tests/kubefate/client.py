"""What the contract tests share: a client of KubeFATE, the texts of small deployments, and looks at the cluster behind it."""
import base64, gzip, http.client, json, os, threading, time, urllib.parse
import place
from patience import PATIENCE
from rig import set_rules

FINAL = ("Success", "Failed", "Rollback", "Canceled")


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        try:
            self.body = json.loads(text)
        except ValueError:
            self.body = None

    @property
    def data(self):
        return self.body["data"]

    def __repr__(self):
        return "%d %s" % (self.status, self.text[:600])


class Target:
    """The program under test. With a rig it is placed there; without one only a URL is known, and tests that need the cluster are skipped."""

    def __init__(self, url, rig, password):
        self.rig, self.password, self.pod, self.token = rig, password, None, None
        self.kube = place.admin(rig) if rig else None
        if rig and not url:
            place.install(self.kube)
            url, self.pod = place.address(self.kube)
        self.url = url

    def connection(self):
        part = urllib.parse.urlsplit(self.url)
        return http.client.HTTPConnection(part.hostname, part.port or 80, timeout=30)

    def raw(self, method, path, body=None, headers=None, connection=None):
        """body: bytes go as they are, anything else as JSON."""
        c = connection or self.connection()
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        c.request(method, path, data, headers or {})
        r = c.getresponse()
        out = Answer(r.status, r.headers, r.read().decode())
        if not connection:
            c.close()
        return out

    def login(self):
        a = self.raw("POST", "/v1/user/login", {"username": "admin", "password": self.password})
        assert a.status == 200, a
        self.token = a.body["token"]
        return self.token

    def cookie(self):
        return {"Cookie": "jwt=" + (self.token or self.login())}

    def call(self, method, path, body=None, connection=None):
        return self.raw(method, path, body, self.cookie(), connection)

    def at_once(self, *calls):
        """Answers of calls that start together."""
        out = [None] * len(calls)
        gate = threading.Barrier(len(calls))
        self.cookie()

        def run(i, call):
            gate.wait()
            out[i] = self.call(*call)
        threads = [threading.Thread(target=run, args=(i, c)) for i, c in enumerate(calls)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return out

    # --- jobs and clusters ---
    def job(self, uuid):
        return self.call("GET", "/v1/job/" + uuid).data

    def until(self, uuid, statuses=FINAL, seconds=PATIENCE):
        end = time.time() + seconds
        while True:
            j = self.job(uuid)
            if j["status"] in statuses:
                return j
            if time.time() > end:
                raise AssertionError("job is %s, %s" % (j["status"], j["states"]))
            time.sleep(0.05)

    def settled(self, uuid):
        """The end of an update: a Failed is looked at again, because a rollback may follow."""
        j = self.until(uuid)
        end = time.time() + 2
        while j["status"] == "Failed" and time.time() < end:
            time.sleep(0.1)
            j = self.job(uuid)
        return j

    def trace(self, uuid, seconds=3):
        """Every status the job shows, in order, without repetition; ends some time after a final one."""
        out, quiet, c = [], time.time() + seconds, self.connection()
        while time.time() < quiet:
            s = self.call("GET", "/v1/job/" + uuid, connection=c).data["status"]
            if not out or out[-1] != s:
                out.append(s)
                if s in FINAL:
                    quiet = min(quiet, time.time() + 1)
        c.close()
        return out

    def row(self, uuid):
        return self.call("GET", "/v1/cluster/" + uuid)

    # --- the cluster behind it ---
    def namespace(self, name):
        place.namespace(self.kube, name)
        return name

    def secret(self, namespace, name):
        place.must(self.kube.call("POST", "/api/v1/namespaces/%s/secrets" % namespace, {"metadata": {"name": name}}))

    def objects(self, namespace):
        """Names by kind of what a release may own."""
        kinds = {"ConfigMap": "api/v1:configmaps", "Service": "api/v1:services", "Deployment": "apis/apps/v1:deployments", "StatefulSet": "apis/apps/v1:statefulsets", "Ingress": "apis/networking.k8s.io/v1:ingresses"}
        out = {}
        for kind, where in kinds.items():
            base, plural = where.split(":")
            items = self.kube.items("/%s/namespaces/%s/%s" % (base, namespace, plural))
            out[kind] = {x["metadata"]["name"]: x for x in items if x["metadata"]["name"] != "kube-root-ca.crt"}
        return out

    def owned(self, namespace):
        return {"%s/%s" % (kind, n) for kind, objects in self.objects(namespace).items() for n in objects}

    def releases(self, namespace):
        items = self.kube.items("/api/v1/namespaces/%s/secrets?labelSelector=owner=helm" % namespace)
        return {x["metadata"]["name"]: x for x in items}

    def release_states(self, namespace):
        return {k.rsplit(".", 1)[1]: x["metadata"]["labels"]["status"] for k, x in self.releases(namespace).items()}

    def interrupted(self, namespace):
        """Helm's newest record as a program leaves it that is killed before it could write the end of its update."""
        x = max(self.releases(namespace).values(), key=lambda s: int(s["metadata"]["labels"]["version"]))
        release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(x["data"]["release"]))))
        release["info"]["status"] = "pending-upgrade"
        text = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
        change = {"metadata": {"labels": {"status": "pending-upgrade"}}, "data": {"release": text}}
        code, answer = self.kube.call("PATCH", "/api/v1/namespaces/%s/secrets/%s" % (namespace, x["metadata"]["name"]), change, "application/merge-patch+json")
        assert code == 200, (code, answer)

    def file(self, namespace, config, name):
        code, cm = self.kube.get("/api/v1/namespaces/%s/configmaps/%s" % (namespace, config))
        return cm["data"][name] if code == 200 else None

    def sni(self, namespace):
        return self.file(namespace, "traffic-server-sni", "sni.yaml")

    def pods(self, namespace, name):
        return self.kube.items("/api/v1/namespaces/%s/pods?labelSelector=name=%s" % (namespace, name))

    def rules(self, *more):
        """What the node does with images, beside running the program under test."""
        path = os.path.join(self.rig, "a", "rules.json")
        with open(path) as f:
            kept = [r for r in json.load(f) if "run" in r]
        set_rules(self.rig, "a", kept + list(more))


# --- deployments ---
def arguments(name, namespace, text, chart="fate-exchange", version="v1.11.1", **more):
    out = {"name": name, "namespace": namespace, "chart_name": chart, "chart_version": version, "cover": False, "data": base64.b64encode(text.encode()).decode()}
    return dict(out, **more)


def exchange_text(name, namespace, host=None, extra=""):
    sni = "[{fqdn: 9999.example.com, tunnelRoute: '%s:6651'}]" % host if host else "[]"
    table = "{9999: {proxy: [{host: %s, http_port: 9300}], fateflow: [{host: %s, http_port: 9380, grpc_port: 9360}]}}" % (host, host) if host else "{}"
    return ("name: %s\nnamespace: %s\nchartName: fate-exchange\nchartVersion: v1.11.1\npartyId: 1\nmodules:\n- trafficServer\n- nginx\n"
            "trafficServer:\n  type: NodePort\n  route_table:\n    sni: %s\nnginx:\n  type: NodePort\n  route_table: %s\n%s" % (name, namespace, sni, table, extra))


def exchange(name, namespace, host=None, extra="", **more):
    return arguments(name, namespace, exchange_text(name, namespace, host, extra), **more)


FATE_TEXT = """name: %s
namespace: %s
chartName: fate
chartVersion: v1.11.1
partyId: 9999
ingressClassName: nginx
modules:
- mysql
- python
- fateboard
- client
- spark
- hdfs
- pulsar
- nginx
computing: Spark
federation: Pulsar
storage: HDFS
algorithm: Basic
device: CPU
ingress:
  fateboard:
    hosts:
    - name: board.example.com
nginx:
  type: NodePort
  exchange:
    ip: 192.0.2.1
    httpPort: 30614
pulsar:
  publicLB:
    enabled: true
  exchange:
    ip: 192.0.2.1
    port: 32105
    domain: example.com
"""


def fate(name, namespace, change=("", ""), **more):
    return arguments(name, namespace, (FATE_TEXT % (name, namespace)).replace(*change) if change[0] else FATE_TEXT % (name, namespace), **dict({"chart": "fate"}, **more))
