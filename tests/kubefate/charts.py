"""The objects of the charts fate-exchange and fate (v1.10.0, v1.11.1, v1.11.2), made by hand from the facts: names, labels, ports, mounts."""

VERSIONS = {("fate-exchange", v) for v in ("v1.10.0", "v1.11.1", "v1.11.2")} | {("fate", v) for v in ("v1.10.0", "v1.11.1", "v1.11.2")}


class Maker:
    def __init__(self, chart, version, name, namespace, values):
        self.chart, self.version, self.name, self.ns, self.v = chart, version, name, namespace, values
        self.out = []
        self.tag = version.lstrip("v") + "-release"
        self.registry = values.get("registry") or "federatedai"

    def meta(self, name, module):
        return {"name": name, "namespace": self.ns, "labels": {"name": self.name, "partyId": str(self.v.get("partyId", 0)), "owner": "kubefate", "cluster": "fate-exchange" if self.chart == "fate-exchange" else "fate", "fateMoudle": module, "heritage": "Helm",
                                                                "release": self.name, "chart": self.chart}}

    def add(self, api, kind, name, module, **body):
        self.out.append(dict({"apiVersion": api, "kind": kind, "metadata": self.meta(name, module)}, **body))

    def workload(self, kind, name, image, secrets=(), configs=(), replicas=1):
        labels = {"name": self.name, "fateMoudle": name, "partyId": str(self.v.get("partyId", 0))}
        volumes = [{"name": s, "secret": {"secretName": s}} for s in secrets] + [{"name": c, "configMap": {"name": c}} for c in configs]
        mounts = [{"name": x["name"], "mountPath": "/mnt/" + x["name"]} for x in volumes]
        pod = {"containers": [{"name": name, "image": image, "volumeMounts": mounts}], "volumes": volumes}
        if self.v.get("imagePullSecrets"):
            pod["imagePullSecrets"] = self.v["imagePullSecrets"]
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": dict(labels)}, "spec": pod}}
        if kind == "StatefulSet":
            spec["serviceName"] = name
        else:
            spec["strategy"] = {"type": "Recreate"}
        self.add("apps/v1", kind, name, name, spec=spec)

    def image(self, name, suffix=""):
        return "%s/%s%s:%s" % (self.registry, name, suffix, self.tag)

    def service(self, name, module, ports, kind="ClusterIP", headless=False):
        spec = {"type": kind, "selector": {"name": self.name, "fateMoudle": module}, "ports": [{"name": n, "port": p, "targetPort": p, "protocol": "TCP"} for n, p in ports]}
        if headless:
            spec["clusterIP"] = "None"
        self.add("v1", "Service", name, module, spec=spec)

    def config(self, name, module, data):
        self.add("v1", "ConfigMap", name, module, data=data)

    def ingress(self, key, service, port):
        hosts = (((self.v.get("ingress") or {}).get(key) or {}).get("hosts")) or [{"name": key + ".example.com"}]
        rules = [{"host": h["name"], "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": port}}}}]}} for h in hosts]
        self.add("networking.k8s.io/v1", "Ingress", key, key, spec={"ingressClassName": self.v.get("ingressClassName") or "nginx", "rules": rules})


def nginx_table(values, chart):
    n = values.get("nginx") or {}
    lines = ["default:", "  proxy:"]
    ex = n.get("exchange") or {}
    lines += ["  - host: %s" % (ex.get("ip") or "nginx"), "    http_port: %s" % (ex.get("httpPort") or 9300), "    grpc_port: 9310"]
    lines += ["%s:" % values.get("partyId", 0), "  proxy:", "  - host: nginx", "    http_port: 9300", "    grpc_port: 9310", "  fateflow:", "  - host: fateflow", "    http_port: 9380", "    grpc_port: 9360"]
    for party, table in (n.get("route_table") or {}).items():
        lines.append("%s:" % party)
        for kind in ("proxy", "fateflow"):
            if (table or {}).get(kind):
                lines.append("  %s:" % kind)
                for x in table[kind]:
                    lines.append("  - host: %s" % x["host"])
                    lines += ["    %s: %s" % (k, x[k]) for k in ("http_port", "grpc_port") if k in x]
    return "\n".join(lines) + "\n"


def sni_table(values):
    lines = ["sni:"]
    for x in (((values.get("trafficServer") or {}).get("route_table") or {}).get("sni")) or []:
        lines += ["- fqdn: %s" % x["fqdn"], "  tunnel_route: %s" % x["tunnelRoute"]]
    return "\n".join(lines) + "\n"


def exchange(m):
    mods = m.v.get("modules") or []
    if "trafficServer" in mods:
        m.config("traffic-server-config", "traffic-server", {"records.config": "# records\n"})
        m.config("traffic-server-sni", "traffic-server", {"sni.yaml": sni_table(m.v)})
        m.workload("Deployment", "traffic-server", m.registry + "/trafficserver", ["traffic-server-cert"], ["traffic-server-config", "traffic-server-sni"])
        m.service("traffic-server", "traffic-server", [("443", 443)], (m.v.get("trafficServer") or {}).get("type") or "ClusterIP")
    if "nginx" in mods:
        nginx(m)


def nginx(m):
    m.config("nginx-config", "nginx", {"nginx.conf": "# nginx\n", "route_table.yaml": nginx_table(m.v, m.chart)})
    m.workload("Deployment", "nginx", m.image("nginx"), (), ["nginx-config"])
    m.service("nginx", "nginx", [("http", 9300), ("grpc", 9310)], (m.v.get("nginx") or {}).get("type") or "ClusterIP")


def cluster(m):
    mods = m.v.get("modules") or []
    if "mysql" in mods:
        m.config("mysql-config", "mysql", {"init.sql": "-- init\n"})
        m.workload("StatefulSet", "mysql", "mysql:8.0.28")
        m.service("mysql", "mysql", [("tcp-mysql", 3306)])
    if "python" in mods:
        m.config("python-config", "python", {"service_conf.yaml": "# conf\n"}), m.config("pulsar-route-table", "python", {"pulsar_route_table.yaml": "{}\n"}), m.config("rabbitmq-route-table", "python", {"rabbitmq_route_table.yaml": "{}\n"})
        m.workload("StatefulSet", "python", m.image("fateflow", "-spark"), (), ["python-config", "pulsar-route-table"])
        m.service("fateflow", "python", [("tcp-grpc", 9360), ("tcp-http", 9380)], headless=True), m.service("fateflow-client", "python", [("tcp-grpc", 9360), ("tcp-http", 9380)])
    if "fateboard" in mods:
        m.config("fateboard-config", "fateboard", {"application.properties": "# board\n"})
        m.workload("Deployment", "fateboard", m.image("fateboard"), (), ["fateboard-config"])
        m.service("fateboard", "fateboard", [("tcp", 8080)]), m.ingress("fateboard", "fateboard", 8080)
    if "client" in mods:
        m.workload("StatefulSet", "client", m.image("client"))
        m.service("notebook", "client", [("tcp", 20000)]), m.ingress("client", "notebook", 20000)
    if "spark" in mods:
        m.config("spark-worker-config", "spark-worker", {"spark-defaults.conf": "# spark\n"})
        m.workload("Deployment", "spark-master", m.image("spark-master")), m.workload("Deployment", "spark-worker", m.image("spark-worker"), (), ["spark-worker-config"], 2)
        m.service("spark-master", "spark-master", [("http", 8080), ("tcp", 7077), ("rest", 6066)], headless=True), m.service("spark-client", "spark-master", [("http", 8080)]), m.service("spark-worker-1", "spark-worker", [("http", 8081)])
        m.ingress("spark", "spark-client", 8080)
    if "hdfs" in mods:
        m.config("namenode-config", "namenode", {"core-site.xml": "<configuration/>"}), m.config("namenode-env", "namenode", {"env": "x"}), m.config("datanode-env", "datanode", {"env": "x"})
        m.workload("StatefulSet", "namenode", m.registry + "/hadoop-namenode:2.0.0-hadoop3.2.1-java8", (), ["namenode-config"]), m.workload("StatefulSet", "datanode", m.registry + "/hadoop-datanode:2.0.0-hadoop3.2.1-java8", (), (), 3)
        m.service("namenode", "namenode", [("rpc", 9000), ("http", 9870)]), m.service("datanode", "datanode", [("rpc", 9000), ("http", 9864)])
    if "pulsar" in mods:
        p = m.v.get("pulsar") or {}
        m.config("pulsar-config", "pulsar", {"standalone.conf": "# pulsar\n"})
        m.workload("StatefulSet", "pulsar", m.registry + "/pulsar:2.10.1", ["pulsar-cert"] if p.get("exchange") else (), ["pulsar-config"])
        m.service("pulsar", "pulsar", [("http-port", 6650), ("https-port", 6651), ("mng-port", 8080), ("mngs-port", 8081)])
        if (p.get("publicLB") or {}).get("enabled"):
            m.service("pulsar-public-tls", "pulsar", [("tls-port", 6651)], "LoadBalancer")
        m.ingress("pulsar", "pulsar", 8080)
    if "nginx" in mods:
        nginx(m)


def render(chart, version, name, namespace, values):
    m = Maker(chart, version, name, namespace, values)
    (exchange if chart == "fate-exchange" else cluster)(m)
    return m.out
