"""Causes that the cluster's own pods, claims, events, services and ingresses tell. Each case takes the cause away and the operation goes on by itself."""
import os
from cases import rule
from product import wait
from says import ended, told, waits
from ways import Fed

SECRET = "hunter2-of-the-database"


def test_image_and_registry_are_named(t):
    f = Fed(t, "image")
    rule(t, "a", "image.example:5000/fate/nginx", fail="ImagePullBackOff", message="Back-off pulling image: dial tcp: lookup image.example: no such host")
    x = f.exchange(t.ea, registry="image.example:5000/fate")
    o = waits(t, x, "image", "image.example:5000/fate/nginx:", "from image.example:5000 ", "ImagePullBackOff", "no such host")
    told(t, x, o)
    rule(t, "a", "image.example:5000/fate/nginx")
    f.active()
    ended(t, o)


def test_last_words_of_a_crashing_container_without_its_password(t):
    f = Fed(t, "crashing")
    rule(t, "a", "crash.example/fate/nginx", crash=True)
    x = f.exchange(t.ea, registry="crash.example/fate")
    pod = wait(lambda: [p["metadata"]["name"] for p in t.a.items("/api/v1/namespaces/w-crashing/pods") if p["metadata"]["name"].startswith("nginx-")])[0]
    folder = os.path.join(t.rig, "a", "pods", "w-crashing", pod, "nginx")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "log"), "w") as log:
        log.write("starting\nconnecting with db_password=%s to mysql://fate:%s@mysql:3306\nFATAL: cannot bind to port 9300\n" % (SECRET, SECRET))
    o = waits(t, x, "crashing", pod, "FATAL: cannot bind to port 9300")
    told(t, x, o)
    everything = [t.en.get(p) for p in ("/operations/" + o["uuid"], f.page(), f.page() + "?tab=events", "/events")] + [str(t.stack.sql("select row_to_json(x) from %s x" % table)) for table in ("operation", "event", "operation_component", "work")] + [t.stack.log("poller")]
    assert not [x for x in everything if SECRET in x], "the password of the log is shown or stored"
    rule(t, "a", "crash.example/fate/nginx")
    f.active()
    ended(t, o)


def test_scheduler_s_words_about_a_node_that_is_not_there(t):
    f = Fed(t, "selector")
    x = f.exchange(t.ea, yaml=[("nginx:\n", "nginx:\n  nodeSelector:\n    disk: \"fast\"\n")])
    o = waits(t, x, "unschedulable", "nginx-", "0/1 nodes are available", "didn't match Pod's node affinity/selector")
    told(t, x, o)
    assert t.a.call("PATCH", "/api/v1/nodes/node-1", {"metadata": {"labels": {"disk": "fast"}}}, "application/merge-patch+json")[0] == 200
    f.active()
    ended(t, o)


def test_request_that_no_node_can_hold(t):
    """By the cluster's default: a LimitRange gives every container more than there is."""
    t.a.call("POST", "/api/v1/namespaces", {"metadata": {"name": "w-large"}})
    t.a.call("POST", "/api/v1/namespaces/w-large/limitranges", {"metadata": {"name": "large"}, "spec": {"limits": [{"type": "Container", "default": {"cpu": "100"}, "defaultRequest": {"cpu": "100"}}]}})
    f = Fed(t, "large")
    x = f.exchange(t.ea)
    o = waits(t, x, "unschedulable", "Insufficient cpu")
    t.a.call("DELETE", "/api/v1/namespaces/w-large/limitranges/large")
    for p in t.a.items("/api/v1/namespaces/w-large/pods"):  # their requests were written into them when they were made
        t.a.call("DELETE", "/api/v1/namespaces/w-large/pods/" + p["metadata"]["name"])
    f.active()
    ended(t, o)


def test_secret_that_is_missing(t):
    f = Fed(t, "config")
    x = f.exchange(t.ea, cert=1)
    o = waits(t, x, "config", "traffic-server-", 'secret "traffic-server-cert" not found')
    told(t, x, o)
    t.a.call("POST", "/api/v1/namespaces/w-config/secrets", {"metadata": {"name": "traffic-server-cert"}, "stringData": {"proxy.key.pem": "x", "proxy.cert.pem": "x", "ca.cert.pem": "x"}})
    f.active()
    ended(t, o)


def test_claim_of_a_storage_class_that_is_missing(t):
    f = Fed(t, "claim", external=True)
    c = f.cluster(t.ea, 41001, storage="no-such-class")
    o = waits(t, c, "claim", "data-mysql-0", "no-such-class")
    told(t, c, o)
    t.a.call("POST", "/apis/storage.k8s.io/v1/storageclasses", {"metadata": {"name": "no-such-class"}, "provisioner": "by.hand/volumes"})

    def provision():
        """What the class's provisioner does."""
        for x in t.a.items("/api/v1/namespaces/w-41001/persistentvolumeclaims"):
            if x["status"].get("phase") == "Pending" and not x["spec"].get("volumeName"):
                m = x["metadata"]
                t.a.call("POST", "/api/v1/persistentvolumes", {"metadata": {"name": "pv-" + m["uid"]}, "spec": {"storageClassName": "no-such-class", "accessModes": x["spec"]["accessModes"], "capacity": {"storage": "20Gi"}, "hostPath": {"path": "/nowhere"},
                                                                "claimRef": {"kind": "PersistentVolumeClaim", "namespace": m["namespace"], "name": m["name"], "uid": m["uid"]}}})
        return t.api.call("GET", f.path(c))["status"] == 1
    wait(provision, pause=1, say=lambda: [(x["metadata"]["name"], x["status"]) for x in t.a.items("/api/v1/namespaces/w-41001/persistentvolumeclaims")])
    ended(t, o)


def test_quota_of_a_namespace_that_was_there(t):
    t.a.call("POST", "/api/v1/namespaces", {"metadata": {"name": "w-quota"}})
    t.a.call("POST", "/api/v1/namespaces/w-quota/resourcequotas", {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}})
    f = Fed(t, "quota")
    x = f.exchange(t.ea)
    o = waits(t, x, "quota", "exceeded quota: small", "pods=1", "limited: pods=0")
    told(t, x, o)
    t.a.call("DELETE", "/api/v1/namespaces/w-quota/resourcequotas/small")
    f.active()
    ended(t, o)


def test_pod_security_refuses(t):
    label = "pod-security.kubernetes.io/enforce"
    t.a.call("POST", "/api/v1/namespaces", {"metadata": {"name": "w-admission", "labels": {label: "restricted"}}})
    f = Fed(t, "admission")
    x = f.exchange(t.ea)
    o = waits(t, x, "admission", "violates PodSecurity", "restricted", "allowPrivilegeEscalation", "seccompProfile")
    told(t, x, o)
    assert t.a.call("PATCH", "/api/v1/namespaces/w-admission", {"metadata": {"labels": {label: "privileged"}}}, "application/merge-patch+json")[0] == 200
    f.active()
    ended(t, o)


def test_no_load_balancer_address(t):
    no = os.path.join(t.rig, "a", "no-loadbalancer")
    open(no, "w").close()
    try:
        f = Fed(t, "balancer")
        x = f.exchange(t.ea, service=1)
        o = waits(t, x, "loadbalancer", "nginx", "NodePort")
        told(t, x, o)
    finally:
        os.unlink(no)
    for name in ("nginx", "traffic-server"):  # the balancer looks at a service when it changes
        t.a.call("PATCH", "/api/v1/namespaces/w-balancer/services/" + name, {"metadata": {"annotations": {"look": "again"}}}, "application/merge-patch+json")
    f.active()
    ended(t, o)


def test_no_ingress_address(t):
    """A class without a controller. The first ingress gets an address by hand, without the second one the deployment goes on after a while and says so."""
    f = Fed(t, "ingress", external=True)
    c = f.cluster(t.ways["ingress"].endpoint, 41002)
    o = waits(t, c, "ingress", "fateboard")
    told(t, c, o)
    assert t.a.call("PATCH", "/apis/networking.k8s.io/v1/namespaces/w-41002/ingresses/fateboard/status", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.80"}]}}}, "application/merge-patch+json")[0] == 200
    waits(t, c, "ingress", "client")
    f.active(c)
    d = t.api.call("GET", f.path(c))["ingress_info"]
    assert d["fateboard"]["addresses"] == ["192.0.2.80"] and d["client"]["addresses"] == [], d
    assert any("client" in e and "goes on without" in e for e in t.api.events(c)), t.api.events(c)
    ended(t, o)


LANES = [(test_image_and_registry_are_named, test_quota_of_a_namespace_that_was_there), (test_last_words_of_a_crashing_container_without_its_password, test_secret_that_is_missing),
         (test_scheduler_s_words_about_a_node_that_is_not_there, test_pod_security_refuses), (test_request_that_no_node_can_hold, test_no_load_balancer_address), (test_claim_of_a_storage_class_that_is_missing,), (test_no_ingress_address,)]
ONLY_REAL = {test_request_that_no_node_can_hold: "the simulator's LimitRanges do nothing", test_pod_security_refuses: "the simulator has no Pod Security", test_no_ingress_address: "the simulator is the controller of every class"}
