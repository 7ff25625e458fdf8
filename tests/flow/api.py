"""A client of the product's JSON API."""
import json, time, urllib.error, urllib.parse, urllib.request


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

    def call(self, method, path, body=None):
        code, v = self.raw(method, path, body)
        if code != 200:
            raise AssertionError("%s %s: %d %s" % (method, path, code, v.get("message")))
        return v.get("data")

    def until(self, path, good, bad=(), field="status", seconds=90, pause=0.1):
        end, last = time.time() + seconds, None
        while time.time() < end:
            code, v = self.raw("GET", path)
            last = v.get("data", {}).get(field) if code == 200 else code
            if last in good:
                return v.get("data")
            if last in bad:
                break
            time.sleep(pause)
        raise AssertionError("%s: %s is %s, wanted %s" % (path, field, last, good))

    def events(self, uuid):
        return ["%s %s" % (x["data"]["log_level"], x["data"]["description"]) for x in self.call("GET", "/event/" + uuid)]

    # --- the guide ---
    def add_infra(self, name, kubeconfig):
        self.call("POST", "/infra", {"name": name, "description": "", "type": "Kubernetes", "kubernetes_provider_info": {"kubeconfig_content": kubeconfig, "is_in_cluster": False, "namespaces_list": []}})
        return [x for x in self.call("GET", "/infra") if x["name"] == name][0]["uuid"]

    def add_endpoint(self, name, infra):
        return self.call("POST", "/endpoint", {"name": name, "infra_provider_uuid": infra, "type": "KubeFATE", "install": True, "ingress_controller_service_mode": 0, "kubefate_deployment_yaml": ""})

    def chart(self, kind, version="v1.11.1"):
        return [x["uuid"] for x in self.call("GET", "/chart?type=%d" % kind) if x["version"] == version][0]

    def add_exchange(self, fed, endpoint, name="exchange", namespace="fate-exchange", version="v1.11.1", service=2):
        chart = self.chart(1, version)
        q = urllib.parse.urlencode({"chart_uuid": chart, "name": name, "namespace": namespace, "service_type": service, "enable_psp": "false", "use_registry": "false", "registry": "-"})
        yaml = self.call("GET", "/federation/fate/exchange/yaml?" + q)
        cert = {"binding_mode": 3, "common_name": "", "uuid": None}
        skip = {"binding_mode": 1, "common_name": "", "uuid": None}
        return self.call("POST", "/federation/fate/%s/exchange" % fed, {"name": name, "description": "", "endpoint_uuid": endpoint, "chart_uuid": chart, "namespace": namespace, "deployment_yaml": yaml, "federation_uuid": fed,
                         "registry_config": {"use_registry": False, "use_registry_secret": False}, "proxy_server_cert_info": cert, "fml_manager_server_cert_info": skip, "fml_manager_client_cert_info": skip})

    def add_cluster(self, fed, endpoint, party, name, version="v1.11.1", service=2):
        chart, ns = self.chart(2, version), "fate-%d" % party
        q = urllib.parse.urlencode({"federation_uuid": fed, "chart_uuid": chart, "party_id": party, "namespace": ns, "name": name, "service_type": service, "enable_psp": "false", "use_registry": "false", "registry": "-", "storage_class": "",
                                    "enable_persistence": "false", "fateflow_gpu_num": 0, "enable_external_spark": "false"})
        yaml = self.call("GET", "/federation/fate/cluster/yaml?" + q + "&")
        cert = {"binding_mode": 3, "common_name": "", "uuid": None}
        skip = {"binding_mode": 1, "common_name": "", "uuid": None}
        return self.call("POST", "/federation/fate/%s/cluster" % fed, {"name": name, "description": "", "endpoint_uuid": endpoint, "chart_uuid": chart, "namespace": ns, "deployment_yaml": yaml, "party_id": party,
                         "registry_config": {"use_registry": False, "use_registry_secret": False}, "pulsar_server_cert_info": cert, "site_portal_server_cert_info": skip, "site_portal_client_cert_info": skip})
