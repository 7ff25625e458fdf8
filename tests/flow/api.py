"""A client of the product's JSON API."""
import base64, http.client, json, time, urllib.error, urllib.parse, urllib.request
import chart
from patience import looks

SKIP = {"binding_mode": 1, "common_name": "", "uuid": None}


class Api:
    def __init__(self, url, password="admin"):
        self.url, self.token = url, None
        self.token = self.call("POST", "/user/login", {"username": "Admin", "password": password})

    def raw(self, method, path, body=None, timeout=20):
        data = json.dumps(body).encode() if body is not None else None
        req = urllib.request.Request(self.url + "/api/v1" + path, data=data, method=method, headers={"Content-Type": "application/json"})
        if self.token:
            req.add_header("Authorization", "Bearer " + self.token)
        try:
            with urllib.request.urlopen(req, timeout=timeout) as r:
                return r.status, json.loads(r.read())
        except urllib.error.HTTPError as e:
            text = e.read()
            try:
                return e.code, json.loads(text)
            except ValueError:
                return e.code, {"message": text.decode(errors="replace")}
        except (OSError, http.client.HTTPException) as e:  # nobody there: a part is being started again
            return 0, {"message": str(e)}

    def call(self, method, path, body=None):
        code, v = self.raw(method, path, body)
        if code != 200:
            raise AssertionError("%s %s: %d %s" % (method, path, code, v.get("message")))
        return v.get("data")

    def until(self, path, good, bad=(), field="status", pause=None):
        """Reads until the field (or the HTTP status of a refusal) is one of good; what was read."""
        last = None
        for _ in looks(pause):
            code, v = self.raw("GET", path)
            last = v.get("data", {}).get(field) if code == 200 else code
            if last in good:
                return v.get("data")
            if last in bad:
                break
        raise AssertionError("%s: %s is %s, wanted %s" % (path, field, last, good))

    def events(self, uuid):
        return ["%s %s" % (x["data"]["log_level"], x["data"]["description"]) for x in self.call("GET", "/event/" + uuid)]

    # --- the guide ---
    @staticmethod
    def kubeconfig_body(kubeconfig):
        return {"kubeconfig_content": kubeconfig, "is_in_cluster": False, "namespaces_list": []}

    def add_infra(self, name, kubeconfig, **more):
        """Who got no result of the test within ten seconds asks again, as the answer says."""
        body = {"name": name, "description": "", "type": "Kubernetes", "kubernetes_provider_info": dict(self.kubeconfig_body(kubeconfig), **more)}
        for _ in looks():
            code, v = self.raw("POST", "/infra", body)
            if code not in (503, 429):
                break
        assert code == 200, "POST /infra: %d %s" % (code, v.get("message"))
        return [x for x in self.call("GET", "/infra") if x["name"] == name][0]["uuid"]

    @staticmethod
    def endpoint_body(name, infra, install=True):
        return {"name": name, "infra_provider_uuid": infra, "type": "KubeFATE", "install": install, "ingress_controller_service_mode": 0, "kubefate_deployment_yaml": ""}

    def add_endpoint(self, name, infra, install=True):
        return self.call("POST", "/endpoint", self.endpoint_body(name, infra, install))

    def add_federation(self, name, domain="example.com"):
        return self.call("POST", "/federation/fate/", {"name": name, "description": "", "domain": domain})

    def chart(self, kind, version="v1.11.1"):
        return [x["uuid"] for x in self.call("GET", "/chart?type=%d" % kind) if x["version"] == version][0]

    def store_chart(self, uuid, data):
        """The archive of a chart into the product's store."""
        headers, body = chart.form(data)
        req = urllib.request.Request("%s/api/v1/chart/%s/archive" % (self.url, uuid), data=body, method="POST", headers=dict(headers, Authorization="Bearer " + self.token))
        with urllib.request.urlopen(req, timeout=20) as r:
            return json.loads(r.read())["data"]

    def exchange_body(self, fed, endpoint, name="exchange", namespace="fate-exchange", version="v1.11.1", service=2, registry="", secret=None, cert=3):
        chart = self.chart(1, version)
        q = urllib.parse.urlencode({"chart_uuid": chart, "name": name, "namespace": namespace, "service_type": service, "enable_psp": "false", "use_registry": "true" if registry else "false", "registry": registry or "-",
                                    "use_registry_secret": "true" if secret else "false"})
        yaml = self.call("GET", "/federation/fate/exchange/yaml?" + q)
        return {"name": name, "description": "", "endpoint_uuid": endpoint, "chart_uuid": chart, "namespace": namespace, "deployment_yaml": yaml, "federation_uuid": fed, "service_type": service,
                "registry_config": registry_config(registry, secret), "proxy_server_cert_info": dict(SKIP, binding_mode=cert), "fml_manager_server_cert_info": SKIP, "fml_manager_client_cert_info": SKIP}

    def add_exchange(self, fed, endpoint, **how):
        return self.call("POST", "/federation/fate/%s/exchange" % fed, self.exchange_body(fed, endpoint, **how))

    def cluster_body(self, fed, endpoint, party, name, version="v1.11.1", service=2, namespace=None, registry="", secret=None, cert=3, storage=None):
        """storage: None is without persistence, else the storage class."""
        chart, ns = self.chart(2, version), namespace or "fate-%d" % party
        q = urllib.parse.urlencode({"federation_uuid": fed, "chart_uuid": chart, "party_id": party, "namespace": ns, "name": name, "service_type": service, "enable_psp": "false", "use_registry": "true" if registry else "false",
                                    "registry": registry or "-", "use_registry_secret": "true" if secret else "false", "storage_class": storage or "", "enable_persistence": "false" if storage is None else "true",
                                    "fateflow_gpu_num": 0, "enable_external_spark": "false"})
        yaml = self.call("GET", "/federation/fate/cluster/yaml?" + q + "&")
        return {"name": name, "description": "", "endpoint_uuid": endpoint, "chart_uuid": chart, "namespace": ns, "deployment_yaml": yaml, "party_id": party, "service_type": service,
                "registry_config": registry_config(registry, secret), "pulsar_server_cert_info": dict(SKIP, binding_mode=cert), "site_portal_server_cert_info": SKIP, "site_portal_client_cert_info": SKIP}

    def add_cluster(self, fed, endpoint, party, name, version="v1.11.1", **how):
        return self.call("POST", "/federation/fate/%s/cluster" % fed, self.cluster_body(fed, endpoint, party, name, version, **how))


def registry_config(registry, secret):
    """secret: (server, user, password)."""
    out = {"use_registry": bool(registry), "registry": registry, "use_registry_secret": bool(secret)}
    if secret:
        out["registry_secret_config"] = {"server_url": secret[0], "username": secret[1], "password": secret[2]}
    return out


def values_of(secret):
    """The data of a Secret of Kubernetes as text."""
    return {k: base64.b64decode(v).decode() for k, v in (secret.get("data") or {}).items()}
