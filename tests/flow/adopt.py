"""A KubeFATE that somebody else installed: found by the scan, adopted, used, given back untouched."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kubefate"))
import place


def test_foreign_kubefate_is_found_and_not_overwritten(t):
    t.put(clean=t.b.inventory())
    place.install(t.b)
    place.address(t.b)
    t.put(foreign=t.b.inventory() - t.clean)
    t.put(i9=t.api.add_infra("adopts", open(t.rig + "/b/admin.kubeconfig").read()))
    found = t.api.call("POST", "/endpoint/scan", {"infra_provider_uuid": t.i9, "type": "KubeFATE"})
    assert [(x["is_managed"], x["is_compatible"]) for x in found] == [(False, True)], found
    e = t.api.add_endpoint("overwrites", t.i9)
    t.api.until("/endpoint/" + e, [4], [2])
    o = t.stack.operation(e)
    assert o["state"] == "failed" and "kube-fate" in t.page.text("/operations/" + o["uuid"]), o
    t.api.call("DELETE", "/endpoint/%s?uninstall=true" % e)
    t.api.until("/endpoint/" + e, [404])
    assert {x for x in t.b.inventory() - t.clean if not x.startswith("Pod ")} == {x for x in t.foreign if not x.startswith("Pod ")}


def test_adopted_endpoint_becomes_ready_and_deploys(t):
    t.put(e9=t.api.add_endpoint("adopted", t.i9, install=False))
    d = t.api.until("/endpoint/" + t.e9, [2], [4])
    assert d["kubefate_version"] == "v1.4.5", d
    t.put(fed9=t.api.add_federation("adopted", "adopted.example.com"))
    f = "/federation/fate/" + t.fed9
    x = t.api.add_exchange(t.fed9, t.e9, name="adopted-x", namespace="adopted-x")
    t.api.until(f + "/exchange/" + x, [1], [5])
    t.api.call("DELETE", "%s/exchange/%s?force=false" % (f, x))
    t.api.until(f + "/exchange/" + x, [404])
    t.api.call("DELETE", f)


def test_uninstalling_an_adopted_endpoint_leaves_what_is_not_ours(t):
    t.api.call("DELETE", "/endpoint/%s?uninstall=true" % t.e9)
    t.api.until("/endpoint/" + t.e9, [404])
    t.api.call("DELETE", "/infra/" + t.i9)
    assert t.b.inventory() - t.clean == t.foreign, (t.b.inventory() - t.clean) ^ t.foreign
    pod = place.address(t.b)
    assert pod, "the adopted KubeFATE does not run any more"


ALL = (test_foreign_kubefate_is_found_and_not_overwritten, test_adopted_endpoint_becomes_ready_and_deploys, test_uninstalling_an_adopted_endpoint_leaves_what_is_not_ours)
