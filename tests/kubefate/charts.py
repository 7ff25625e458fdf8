"""The objects of the charts fate-exchange and fate (v1.10.0, v1.11.1, v1.11.2), made by hand from the facts: names, labels, ports, mounts, claims.

Only what a client of the cluster can see and what decides whether pods start is here; the contents of configuration files are a line each, except the
two route tables, which the product reads back."""

VERSIONS = {(chart, version) for chart in ("fate-exchange", "fate") for version in ("v1.10.0", "v1.11.1", "v1.11.2")}
HADOOP = "2.0.0-hadoop3.2.1-java8"
# With persistence and an empty storage class two modules ask for a class of this name, the others for the cluster's default.
DEFAULT_CLASS = {"python": "python", "client": "client"}


class ChartError(Exception):
    pass


def at(values, path):
    """The value under a dotted path, or None."""
    for k in path.split("."):
        values = (values or {}).get(k) if isinstance(values, dict) else None
    return values


class Maker:
    def __init__(self, chart, version, name, namespace, values):
        self.chart, self.name, self.ns, self.v = chart, name, namespace, values
        self.party = str(values.get("partyId", 0))
        self.tag = version.lstrip("v") + "-release"
        self.registry = values.get("registry") or "federatedai"
        self.out = []

    def labels(self, module):
        out = {"name": self.name, "partyId": self.party, "owner": "kubefate", "cluster": self.chart, "fateMoudle": module}
        if module != "traffic-server":  # the one module whose chart part leaves these out
            out.update(heritage="Helm", release=self.name, chart=self.chart)
        return out

    def selector(self, module):
        return {"name": self.name, "fateMoudle": module, "partyId": self.party}

    def add(self, api, kind, name, module, **body):
        meta = {"name": name, "namespace": self.ns, "labels": self.labels(module)}
        self.out.append(dict({"apiVersion": api, "kind": kind, "metadata": meta}, **body))

    def image(self, name):
        return "%s/%s:%s" % (self.registry, name, self.tag)

    def mysql_image(self):
        return (self.registry + "/" if self.v.get("registry") else "") + "mysql:8.0.28"

    def config(self, name, module, *keys, **contents):
        """keys get a line each; contents are whole files of the ending .yaml."""
        data = {k: "# %s\n" % k for k in keys}
        data.update({k + ".yaml": v for k, v in contents.items()})
        self.add("v1", "ConfigMap", name, module, data=data)

    def service(self, name, selects, ports, kind=None, headless=False, module=None):
        spec = {"type": kind or "ClusterIP", "selector": self.selector(selects), "ports": [{"name": n, "port": p, "targetPort": p, "protocol": "TCP"} for n, p in ports]}
        if headless:
            spec["clusterIP"] = "None"
        self.add("v1", "Service", name, module or selects, spec=spec)

    def ingress(self, name, service, port):
        hosts = at(self.v, "ingress.%s.hosts" % name) or [{"name": name + ".example.com"}]
        backend = {"service": {"name": service, "port": {"number": port}}}
        rules = [{"host": h["name"], "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}} for h in hosts]
        self.add("networking.k8s.io/v1", "Ingress", name, name, spec={"ingressClassName": self.v.get("ingressClassName") or "nginx", "rules": rules})

    # --- workloads ---
    def pod(self, module, container, image, volumes, init=()):
        mounts = [{"name": v["name"], "mountPath": "/mnt/" + v["name"]} for v in volumes]
        spec = {"containers": [{"name": container, "image": image, "volumeMounts": mounts}], "volumes": volumes}
        where = at(self.v, {"traffic-server": "trafficServer", "spark-master": "spark.master", "spark-worker": "spark.worker"}.get(module, module) + ".nodeSelector")
        if where:
            spec["nodeSelector"] = where
        if init:
            spec["initContainers"] = [{"name": n, "image": i} for n, i in init]
        if self.v.get("imagePullSecrets"):
            spec["imagePullSecrets"] = self.v["imagePullSecrets"]
        return {"metadata": {"labels": self.labels(module)}, "spec": spec}

    def deployment(self, name, image, volumes=(), replicas=1):
        template = self.pod(name, name, image, list(volumes))
        self.add("apps/v1", "Deployment", name, name, spec={"replicas": replicas, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": self.selector(name)}, "template": template})

    def statefulset(self, name, service, image, store, values, volumes=(), replicas=1, container=None, init=()):
        """store is the name of the data volume: a directory, an existing claim, or a claim made for each pod; values is where its settings are."""
        spec = {"replicas": replicas, "serviceName": service, "selector": {"matchLabels": self.selector(name)}}
        volumes = list(volumes)
        if not self.v.get("persistence"):
            volumes.append({"name": store, "emptyDir": {}})
        elif at(self.v, values + ".existingClaim"):
            volumes.append({"name": store, "persistentVolumeClaim": {"claimName": at(self.v, values + ".existingClaim")}})
        else:
            spec["volumeClaimTemplates"] = [self.claim(store, name, values)]
        spec["template"] = self.pod(name, container or name, image, volumes, init)
        self.add("apps/v1", "StatefulSet", name, name, spec=spec)

    def claim(self, store, module, values):
        spec = {"accessModes": [at(self.v, values + ".accessMode") or "ReadWriteOnce"], "resources": {"requests": {"storage": at(self.v, values + ".size") or "1Gi"}}}
        storage = at(self.v, values + ".storageClass") or DEFAULT_CLASS.get(module)
        if storage:
            spec["storageClassName"] = storage
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": store, "labels": self.labels(module)}, "spec": spec}


def of_config(name, config):
    return {"name": name, "configMap": {"name": config}}


def of_secret(name, secret):
    return {"name": name, "secret": {"secretName": secret}}


# --- the two tables that the product reads back ---
def table_entries(kind, entries):
    lines = ["  %s:" % kind]
    for x in entries:
        first = "  - "
        for k in sorted(x):
            lines.append("%s%s: %s" % (first, k, "" if x[k] is None else x[k]))
            first = "    "
    return lines


def nginx_table(values):
    here = {"proxy": [{"host": "nginx", "http_port": 9300, "grpc_port": 9310}], "fateflow": [{"host": "fateflow", "http_port": 9380, "grpc_port": 9360}]}
    exchange = at(values, "nginx.exchange")
    default = {"proxy": here["proxy"]}
    if exchange:
        default = {"proxy": [{"host": exchange.get("ip"), "http_port": exchange.get("httpPort"), "grpc_port": exchange.get("grpcPort")}]}
    table = {"default": default, str(values.get("partyId", 0)): here}
    for party, entry in (at(values, "nginx.route_table") or {}).items():
        table[str(party)] = entry or {}
    lines = []
    for party, entry in table.items():
        lines.append("%s:" % party)
        for kind in ("proxy", "fateflow"):
            if entry.get(kind):
                lines += table_entries(kind, entry[kind])
    return "\n".join(lines) + "\n"


def sni_table(values):
    lines = ["sni:"]
    for x in at(values, "trafficServer.route_table.sni") or []:
        lines += ["  - fqdn: %s" % x["fqdn"], "    tunnel_route: %s" % x["tunnelRoute"]]
    return "\n".join(lines) + "\n"


# --- modules ---
def nginx(m):
    m.config("nginx-config", "nginx", "nginx.conf", route_table=nginx_table(m.v))
    m.deployment("nginx", m.image("nginx"), [of_config("nginx-confs", "nginx-config")])
    m.service("nginx", "nginx", [("http", 9300), ("grpc", 9310)], at(m.v, "nginx.type"))


def traffic_server(m):
    m.config("traffic-server-config", "traffic-server", "records.config", "ssl_multicert.config")
    m.config("traffic-server-sni", "traffic-server", sni=sni_table(m.v))
    volumes = [of_config("traffic-server-confs", "traffic-server-config"), of_config("traffic-server-sni", "traffic-server-sni"), of_secret("traffic-server-cert-file", "traffic-server-cert")]
    m.deployment("traffic-server", m.registry + "/trafficserver", volumes)
    m.service("traffic-server", "traffic-server", [("443", 443)], at(m.v, "trafficServer.type"))


def mysql(m):
    m.config("mysql-config", "mysql")
    m.statefulset("mysql", "mysql", m.mysql_image(), "data", "mysql", [of_config("mysql-confs", "mysql-config")])
    m.service("mysql", "mysql", [("tcp-mysql", 3306)])


def python(m):
    suffix = "-spark" + ("-nn" if m.v.get("algorithm") == "NN" else "") + {"IPCL": "-ipcl", "GPU": "-gpu"}.get(m.v.get("device"), "")
    m.config("python-config", "python", "service_conf.yaml", "spark-defaults.conf")
    m.config("pulsar-route-table", "python", "pulsar_route_table.yaml")
    m.config("rabbitmq-route-table", "python", "rabbitmq_route_table.yaml")
    volumes = [of_config("python-confs", "python-config"), of_config("pulsar-route-table", "pulsar-route-table")]
    m.statefulset("python", "fateflow", m.image("fateflow" + suffix), "python-data", "python", volumes, container="fateflow", init=[("ping-mysql", m.mysql_image())])
    ports = [("tcp-grpc", 9360), ("tcp-http", 9380)]
    m.service("fateflow", "python", ports, headless=True, module="fateflow")
    m.service("fateflow-client", "python", ports, at(m.v, "python.type"), module="fateflow")


def fateboard(m):
    m.config("fateboard-config", "fateboard", "application.properties")
    m.deployment("fateboard", m.image("fateboard"), [of_config("fateboard-confs", "fateboard-config")])
    m.service("fateboard", "fateboard", [("tcp-fateboard", 8080)], at(m.v, "fateboard.type"))
    m.ingress("fateboard", "fateboard", 8080)


def client(m):
    m.statefulset("client", "notebook", m.image("client"), "persistence", "client")
    m.service("notebook", "client", [("tcp-notebook", 20000)])
    m.ingress("client", "notebook", 20000)


def spark(m):
    suffix = ("-nn" if m.v.get("algorithm") == "NN" else "") + {"IPCL": "-ipcl", "GPU": "-gpu"}.get(m.v.get("device"), "")
    ports = [("web-ui", 8080), ("master", 7077), ("master-rest", 6066)]
    m.config("spark-worker-config", "spark-worker", "service_conf.yaml")
    m.deployment("spark-master", m.image("spark-master"), replicas=at(m.v, "spark.master.replicas") or 1)
    m.deployment("spark-worker", m.image("spark-worker" + suffix), [of_config("spark-worker-confs", "spark-worker-config")], at(m.v, "spark.worker.replicas") or 2)
    m.service("spark-master", "spark-master", ports, headless=True)
    m.service("spark-client", "spark-master", ports)
    m.service("spark-worker-1", "spark-worker", [("tcp-spark", 8081)], headless=True)
    m.ingress("spark", "spark-master", 8080)


def hdfs(m):
    m.config("namenode-config", "namenode", "core-site.xml")
    m.config("namenode-env", "namenode", "MULTIHOMED_NETWORK")
    m.config("datanode-env", "datanode", "MULTIHOMED_NETWORK")
    init = [("delete-lost-found", "busybox")] if m.v.get("persistence") else ()
    m.statefulset("namenode", "namenode", "%s/hadoop-namenode:%s" % (m.registry, HADOOP), "dfs", "hdfs.namenode", [of_config("namenode-confs", "namenode-config")], init=init)
    m.statefulset("datanode", "datanode", "%s/hadoop-datanode:%s" % (m.registry, HADOOP), "dfs", "hdfs.datanode", replicas=at(m.v, "hdfs.datanode.replicas") or 3)
    m.service("namenode", "namenode", [("tcp-9000", 9000), ("tcp-9870", 9870)])
    m.service("datanode", "datanode", [("tcp-9000", 9000), ("tcp-9864", 9864)])


def pulsar(m):
    volumes = [of_config("pulsar-confs", "pulsar-config")]
    if at(m.v, "pulsar.exchange"):
        volumes.append(of_secret("pulsar-cert", "pulsar-cert"))
    m.config("pulsar-config", "pulsar", "standalone.conf")
    m.statefulset("pulsar", "pulsar", m.registry + "/pulsar:2.10.1", "pulsar-data", "pulsar", volumes)
    m.service("pulsar", "pulsar", [("http-port", 6650), ("https-port", 6651), ("mng-port", 8080), ("mngs-port", 8081)], at(m.v, "pulsar.type"))
    if at(m.v, "pulsar.publicLB.enabled"):
        m.service("pulsar-public-tls", "pulsar", [("tls-port", 6651)], "LoadBalancer")
    m.ingress("pulsar", "pulsar", 8080)


MODULES = {
    "fate-exchange": {"trafficServer": traffic_server, "nginx": nginx},
    "fate": {"mysql": mysql, "python": python, "fateboard": fateboard, "client": client, "spark": spark, "hdfs": hdfs, "pulsar": pulsar, "nginx": nginx},
}


def render(chart, version, name, namespace, values):
    if at(values, "podSecurityPolicy.enabled"):
        # The kind is gone since Kubernetes 1.25; the program looks for a custom one and may not.
        raise ChartError('unable to build kubernetes objects from release manifest: error validating "": error validating data: failed to check CRD: failed to list CRDs: '
                         'customresourcedefinitions.apiextensions.k8s.io is forbidden: cannot list resource "customresourcedefinitions" in API group "apiextensions.k8s.io" at the cluster scope')
    m = Maker(chart, version, name, namespace, values)
    wanted = values.get("modules") or []
    for module, make in MODULES[chart].items():
        if module in wanted:
            make(m)
    return m.out
