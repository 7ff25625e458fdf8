"""Runs inside the rig's network namespace: main.py RIG_DIR. See run.sh."""
import os, re, sys, threading, time, urllib.parse
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "flow"), os.path.join(HERE, "..", "lib")]
import cases, dead
from api import Api
from product import KubeFate, Page, Stack, Tests
from proxy import Tls
from rig import Kube, audit


PATIENCE = 8  # seconds, fewer than the ten of a call


class Watcher(threading.Thread):
    """Somebody who goes on using the pages and the API all the while; how long each answer took."""
    PATHS = ("/", "/infra", "/endpoint", "/federation", "/operations", "/events")

    def __init__(self, url):
        super().__init__(daemon=True)
        self.page, self.times, self.stopped = Page(url), [], False

    def run(self):
        i = 0
        while not self.stopped:
            path = self.PATHS[i % len(self.PATHS)]
            i += 1
            began = time.time()
            code, _ = self.page.open(path)
            self.times.append((time.time() - began, path, code))
            time.sleep(0.1)


def test_other_pages_stayed_fast(t):
    t.watcher.stopped = True
    t.watcher.join()
    times = sorted(t.watcher.times)
    print("       %d pages, median %.0f ms, 99th percentile %.0f ms, slowest %.0f ms (%s)" % (len(times), times[len(times) // 2][0] * 1000, times[len(times) * 99 // 100][0] * 1000, times[-1][0] * 1000, times[-1][1]), flush=True)
    assert {x[2] for x in times} == {200}, [x for x in times if x[2] != 200][:5]
    assert times[-1][0] < PATIENCE, times[-5:]  # whoever waited for a cluster has waited for a call


def test_what_is_sent_once_was_done_once(t):
    """The API server's own record of installs that reached KubeFATE, against KubeFATE's list of jobs; none was refused as a second one."""
    seen = [x for x in audit(t.rig, "a") if x["verb"] == "create" and re.search(r"/services/kubefate:8080/proxy/v1/cluster$", x["uri"])]
    jobs = t.ka.jobs(method="ClusterInstall")
    assert {x["code"] for x in seen} == {200}, [x for x in seen if x["code"] != 200]
    assert len(seen) == len(jobs), (len(seen), len(jobs))
    assert {j["status"] for j in jobs} == {"Success"}, [(j["meta_data"]["name"], j["status"]) for j in jobs]


def main():
    rig = sys.argv[1]
    t = Tests("faults")
    with Stack(rig + ".state") as stack:
        a, b = Kube(rig, "a"), Kube(rig, "b")
        page = Page(stack.url)
        token = re.search(r'name="_csrf" value="([^"]+)"', page.get("/")).group(1)
        t.put(rig=rig, stack=stack, api=Api(stack.url), page=page, a=a, b=b, ka=KubeFate(a), tls=Tls(rig + "/tls"), watcher=Watcher(stack.url), csrf=lambda: urllib.parse.urlencode({"_csrf": token}).encode())
        with open(rig + "/a/admin.kubeconfig") as f:
            own = t.api.add_infra("own", f.read())
        t.api.until("/endpoint/" + t.api.add_endpoint("own", own), [2], [4])
        t.watcher.start()
        t.lanes(*cases.LANES)
        t.lane(dead.test_deployment_beside_a_dead_cluster_takes_no_longer, test_other_pages_stayed_fast, test_what_is_sent_once_was_done_once)
        if t.failed:
            text = stack.log("poller").splitlines()
            print("--- poller\n%s" % "\n".join(text[-60:]))
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
