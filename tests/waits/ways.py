"""Federations, exchanges and ways to cluster a of a case's own, so that no case's trouble is another's."""
import socket, struct, threading, time
import proxy as P
from product import wait

DOOR = threading.Semaphore(3)  # these calls wait for the poller, and the product keeps eight workers for such; more are turned away with 429


class Fed:
    """A federation; its exchange is external (clusters can be deployed at once) or one that the case deploys."""

    def __init__(self, t, name, external=False):
        self.t, self.name = t, name
        self.fed = t.api.add_federation(name, name + ".example.com")
        self.f = "/federation/fate/" + self.fed
        if external:
            t.api.call("POST", self.f + "/exchange/external", {"name": name + "-x", "description": "", "traffic_server_access_info": {"host": "192.0.2.1", "port": 443}, "nginx_access_info": {"host": "192.0.2.1", "port": 9370}})

    def exchange(self, endpoint, ns=None, registry="", yaml=None, **how):
        """Deploys an exchange; its uuid. yaml: (old, new) pairs for its text."""
        body = self.t.api.exchange_body(self.fed, endpoint, name=self.name, namespace=ns or "w-" + self.name, registry=registry, **how)
        for old, new in yaml or ():
            assert old in body["deployment_yaml"], body["deployment_yaml"]
            body["deployment_yaml"] = body["deployment_yaml"].replace(old, new, 1)
        self.x = self.t.api.call("POST", self.f + "/exchange", body)
        return self.x

    def cluster(self, endpoint, party, name=None, **how):
        return self.t.api.add_cluster(self.fed, endpoint, party, name or "%s-%d" % (self.name, party), namespace="w-%d" % party, **how)

    def outside(self, party):
        return self.t.api.call("POST", self.f + "/cluster/external", {"name": "outside-%d" % party, "description": "", "party_id": party, "pulsar_access_info": {"host": "192.0.2.7", "port": 31651}, "nginx_access_info": {"host": "192.0.2.8", "port": 30007}})

    def path(self, cluster=None):
        return "%s/cluster/%s" % (self.f, cluster) if cluster else "%s/exchange/%s" % (self.f, self.x)

    def page(self, cluster=None):
        return "%s/cluster/detail/%s" % (self.f, cluster) if cluster else "%s/exchange/detail/%s" % (self.f, self.x)

    def active(self, cluster=None):
        return self.t.api.until(self.path(cluster), [1], [])


class Way:
    """An infrastructure of a case's own: cluster a through a proxy, the cluster's KubeFATE adopted."""

    def __init__(self, t, name, host="127.0.0.1"):
        self.t, self.name = t, name
        self.proxy = P.Proxy(t.rig + "/a", t.a.port, t.tls, name)
        self.infra = add_infra(t, name, self.proxy.kubeconfig.replace("https://127.0.0.1:", "https://%s:" % host))
        self.endpoint = adopt(t, name, self.infra)

    def circuit(self):
        """(failures in a row, open since or "", class)"""
        return self.t.stack.sql("select circuit_failures, coalesce(circuit_since::text, ''), circuit_class from infra where uuid = '%s'" % self.infra)[0]


def add_infra(t, name, kubeconfig):
    """All begin at once here; whoever got no result within ten seconds asks again."""
    def asked():
        with DOOR:
            code, v = t.api.raw("POST", "/infra", {"name": name, "description": "", "type": "Kubernetes", "kubernetes_provider_info": t.api.kubeconfig_body(kubeconfig)})
        assert code in (200, 503, 429), (code, v)
        return code == 200
    wait(asked, pause=1)
    return [x for x in t.api.call("GET", "/infra") if x["name"] == name][0]["uuid"]


def adopt(t, name, infra):
    with DOOR:
        e = t.api.add_endpoint(name, infra, install=False)
    t.api.until("/endpoint/" + e, [2], [4])
    return e


class Deaf(threading.Thread):
    """In a proxy's place: takes connections and ends them at once. How many there were."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.times, self.over = [], False
        self.socket = wait(lambda: self.bound(port))
        self.start()

    @staticmethod
    def bound(port):
        try:
            return socket.create_server(("127.0.0.1", port), backlog=64)
        except OSError:
            return None

    def run(self):
        self.socket.settimeout(0.2)
        while not self.over:
            try:
                c, _ = self.socket.accept()
            except TimeoutError:
                continue
            self.times.append(time.time())
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()

    def end(self):
        self.over = True
        self.join()
        self.socket.close()
