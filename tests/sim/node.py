"""Scheduler and node: pods find their node, wait for what they need, start, and may run a local program in the place of a container.

What happens to an image is said by DIR/rules.json (README), read anew at every decision."""
import base64, ctypes, json, os, signal, socket, subprocess, threading, time
import quantity, matching
from faults import Fault
from controllers import is_going
from resources import BY_KIND
from registry import now

POD, NODE, SERVICE, INGRESS = BY_KIND["Pod"], BY_KIND["Node"], BY_KIND["Service"], BY_KIND["Ingress"]
NODE_NAME = "node-1"
ROOM = {"cpu": "64", "memory": "256Gi", "pods": "240", "ephemeral-storage": "500Gi"}
START_MS, AGAIN_SECONDS, GONE_SECONDS, PORT_SECONDS = 300, 1.0, 0.1, 20
# What a program in a container's place may be told by the pod: whoever may make pods must not get a shell on this machine by LD_PRELOAD or PYTHONPATH.
PASSED = ("FATECLOUD_",)


def pod_address(port, n):
    return "127.%d.%d.%d" % (64 + port // 256 % 128, port % 256, n)


def die_with_parent():
    os.setsid()
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


class Life:
    """What the node knows of a pod that it has."""

    def __init__(self, ip):
        self.ip, self.programs, self.begun, self.ready_at, self.ended, self.restarts, self.pulled = ip, {}, False, None, False, 0, False


class Node:
    def __init__(self, store, registry, loop, events, tokens, directory, address, api):
        self.store, self.registry, self.loop, self.events, self.tokens, self.dir, self.address, self.api = store, registry, loop, events, tokens, directory, address, api
        self.lives, self.next_ip, self.cache = {}, 10, (None, [])
        store.listeners.append(self.changed)

    def register(self):
        self.registry.create(NODE, "", {"metadata": {"name": NODE_NAME, "labels": {"kubernetes.io/hostname": NODE_NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}, "spec": {}})
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status", "lastHeartbeatTime": now(), "lastTransitionTime": now()}
        self.registry.status(NODE, self.node(), {"capacity": ROOM, "allocatable": ROOM, "addresses": [{"type": "InternalIP", "address": self.address}, {"type": "Hostname", "address": NODE_NAME}], "conditions": [ready],
                                                 "nodeInfo": {"kubeletVersion": "v1.34.0+sim", "operatingSystem": "linux", "architecture": "amd64", "containerRuntimeVersion": "sim://1"}})

    def node(self):
        return self.store.get(NODE, "", NODE_NAME)

    def changed(self, kind, old, new):
        obj = new or old
        at = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
        if kind is POD and new and not new["spec"].get("nodeName"):
            self.loop.at(0, self.schedule, *at)
        elif kind is POD:
            uid = obj["metadata"]["uid"]
            if not new or is_going(new):
                self.loop.at(0 if not new else GONE_SECONDS, self.gone, at[0], at[1], uid)
            elif uid not in self.lives:
                self.loop.at(0, self.step, at[0], at[1], uid)
        elif kind.kind in ("Node", "PersistentVolumeClaim"):
            for p in self.store.list(POD):
                if not p["spec"].get("nodeName"):
                    self.loop.at(0, self.schedule, p["metadata"]["namespace"], p["metadata"]["name"])
        elif kind is SERVICE and new:
            self.loop.at(0, self.balance, *at)
        elif kind is INGRESS and new:
            self.loop.at(0, self.ingress, *at)

    # --- rules ---
    def rules(self):
        path = os.path.join(self.dir, "rules.json")
        try:
            stamp = os.stat(path)
            stamp = stamp.st_mtime_ns, stamp.st_size, stamp.st_ino
            if stamp != self.cache[0]:
                with open(path) as f:
                    self.cache = stamp, json.load(f)
        except FileNotFoundError:
            self.cache = None, []
        except ValueError as e:
            print("rules.json: %s" % e, flush=True)
        return self.cache[1]

    def rule(self, image):
        fitting = [r for r in self.rules() if image.startswith(r["image"])]
        return max(fitting, key=lambda r: len(r["image"])) if fitting else {"delay_ms": START_MS}

    # --- scheduling ---
    def schedule(self, namespace, name):
        p = self.store.get(POD, namespace, name)
        if not p or p["spec"].get("nodeName") or is_going(p):
            return
        why = self.no_node(p)
        if not why:
            spec = dict(p["spec"], nodeName=NODE_NAME)
            self.registry.edit(POD, p, spec=spec)
            self.events.add(p, "Normal", "Scheduled", "Successfully assigned %s/%s to %s" % (namespace, name, NODE_NAME))
            return
        said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why, "lastProbeTime": None, "lastTransitionTime": now()}
        before = next((c for c in p["status"].get("conditions") or [] if c["type"] == "PodScheduled"), {})
        if before.get("message") != why:
            self.registry.status(POD, p, {"phase": "Pending", "conditions": [said]})
            self.events.add(p, "Warning", "FailedScheduling", why)
        self.loop.at(5, self.schedule, namespace, name)

    def no_node(self, p):
        """Why no node takes the pod, in the scheduler's words."""
        def none(reason, hint=" preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."):
            return "0/1 nodes are available: %s.%s" % (reason, hint)
        spec, node = p["spec"], self.node()
        for v in spec.get("volumes") or []:
            claim = (v.get("persistentVolumeClaim") or {}).get("claimName")
            if claim:
                c = self.store.of("PersistentVolumeClaim", p["metadata"]["namespace"], claim)
                if not c:
                    return none('persistentvolumeclaim "%s" not found' % claim)
                if (c.get("status") or {}).get("phase") != "Bound":
                    return none("pod has unbound immediate PersistentVolumeClaims")
        if not node:
            return "no nodes available to schedule pods"
        if node["spec"].get("unschedulable"):
            return none("1 node(s) were unschedulable")
        labels = node["metadata"].get("labels") or {}
        if any(labels.get(k) != v for k, v in (spec.get("nodeSelector") or {}).items()):
            return none("1 node(s) didn't match Pod's node affinity/selector")
        there = [x for x in self.store.list(POD) if x["spec"].get("nodeName") == NODE_NAME and x["status"].get("phase") not in ("Succeeded", "Failed")]
        for what in ("cpu", "memory"):
            if quantity.pod_requests(spec, what) + sum(quantity.pod_requests(x["spec"], what) for x in there) > quantity.number(ROOM[what]):
                return none("1 Insufficient " + what, " preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.")
        return none("1 Too many pods", "") if len(there) >= int(ROOM["pods"]) else None

    # --- the life of a pod ---
    def new_ip(self):
        """127.X.Y.N with X and Y from the cluster's port: on this machine, without a device of its own, and apart from every other simulator."""
        taken = {l.ip for l in self.lives.values()}
        for _ in range(250):
            self.next_ip = self.next_ip + 1 if self.next_ip < 250 else 10
            ip = pod_address(self.api[1], self.next_ip)
            if ip not in taken:
                return ip
        return None

    def step(self, namespace, name, uid):
        p = self.store.get(POD, namespace, name)
        if not p or p["metadata"]["uid"] != uid or is_going(p):
            return
        life = self.lives.get(uid)
        if not life:
            ip = self.new_ip()
            if not ip:
                self.loop.at(AGAIN_SECONDS, self.step, namespace, name, uid)
                return
            life = self.lives[uid] = Life(ip)
        if life.begun or life.ended:
            return
        missing, again = self.missing(p), None
        found = [(c, self.rule(c["image"])) for c in p["spec"]["containers"]]
        if missing:
            self.status(p, life, "Pending", lambda c: waiting(c, "CreateContainerConfigError", missing))
            self.events.add(p, "Warning", "Failed", "Error: " + missing)
            again = AGAIN_SECONDS
        elif any(r.get("fail") or r.get("crash") for _, r in found):
            self.status(p, life, "Pending", self.stuck)
            for c, r in found:
                if r.get("fail"):
                    self.events.add(p, "Warning", "Failed", "Error: " + r["fail"])
                elif r.get("crash"):
                    self.events.add(p, "Warning", "BackOff", "Back-off restarting failed container %s in pod %s" % (c["name"], name))
            life.ready_at, again = None, AGAIN_SECONDS
        elif life.ready_at is None:
            self.status(p, life, "Pending", lambda c: waiting(c, "ContainerCreating", ""))
            delay = max([r.get("delay_ms", START_MS if "run" not in r else 0) for _, r in found] or [START_MS]) / 1000
            life.ready_at, again = time.monotonic() + delay, delay
            if not life.pulled and delay > 1:
                life.pulled = True
                for c, _ in found:
                    self.events.add(p, "Normal", "Pulling", 'Pulling image "%s"' % c["image"])
        elif time.monotonic() < life.ready_at:
            again = life.ready_at - time.monotonic()
        if again is not None:
            self.loop.at(again, self.step, namespace, name, uid)
            return
        life.begun = True
        self.begin(p, life)

    def begin(self, p, life):
        """In the loop's thread, which lives as long as this process: a child dies with the thread that made it (PDEATHSIG). Waiting for its port is another's."""
        for c in p["spec"]["containers"]:
            argv = self.rule(c["image"]).get("run")
            if argv and c["name"] not in life.programs:
                try:
                    life.programs[c["name"]] = self.program(p, c, life, argv)
                except (OSError, Fault) as e:
                    print("%s/%s %s: %s" % (p["metadata"]["namespace"], p["metadata"]["name"], c["name"], e), flush=True)
                    self.loop.at(AGAIN_SECONDS, self.again, p["metadata"]["namespace"], p["metadata"]["name"], p["metadata"]["uid"])
                    return
                threading.Thread(target=self.attend, args=(p, life, c, life.programs[c["name"]]), daemon=True).start()
        if not life.programs:
            self.started(p, life)

    def again(self, namespace, name, uid):
        p = self.store.get(POD, namespace, name)
        if p and p["metadata"]["uid"] == uid and uid in self.lives:
            self.begin(p, self.lives[uid])

    def started(self, p, life):
        for c in p["spec"]["containers"]:
            self.events.add(p, "Normal", "Started", "Started container " + c["name"])
        o = (p["metadata"].get("ownerReferences") or [{}])[0]
        if o.get("kind") == "Job":
            life.ended = True
            done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now(), "finishedAt": now()}}
            self.status(p, life, "Succeeded", lambda c: {"name": c["name"], "image": c["image"], "imageID": c["image"], "ready": False, "restartCount": 0, "state": done})
            return
        up = {"running": {"startedAt": now()}}
        self.status(p, life, "Running", lambda c: {"name": c["name"], "image": c["image"], "imageID": c["image"], "containerID": "sim://" + p["metadata"]["uid"], "ready": True, "started": True, "restartCount": life.restarts, "state": up})

    def stuck(self, c):
        r = self.rule(c["image"])
        if r.get("crash"):
            out = waiting(c, "CrashLoopBackOff", "back-off 10s restarting failed container=" + c["name"])
            return dict(out, restartCount=3, lastState={"terminated": {"exitCode": 1, "reason": "Error"}})
        return waiting(c, r["fail"], r.get("message", "")) if r.get("fail") else waiting(c, "ContainerCreating", "")

    def missing(self, p):
        """The first Secret or ConfigMap that the pod needs and the cluster lacks."""
        ns = p["metadata"]["namespace"]
        needs = [("Secret", v["secret"].get("secretName"), v["secret"]) for v in p["spec"].get("volumes") or [] if v.get("secret")]
        needs += [("ConfigMap", v["configMap"].get("name"), v["configMap"]) for v in p["spec"].get("volumes") or [] if v.get("configMap")]
        for c in p["spec"]["containers"]:
            for e in c.get("env") or []:
                f = e.get("valueFrom") or {}
                needs += [(kind, f[key].get("name"), f[key]) for kind, key in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")) if f.get(key)]
        for kind, name, how in needs:
            there = self.store.of(kind, ns, name)
            if not there and not how.get("optional"):
                return '%s "%s" not found' % (kind.lower(), name)
            if there and how.get("key") and how["key"] not in (there.get("data") or {}) and not how.get("optional"):
                return "couldn't find key %s in %s %s/%s" % (how["key"], kind, ns, name)
        return None

    def status(self, p, life, phase, of):
        at = self.store.get(POD, p["metadata"]["namespace"], p["metadata"]["name"])
        if not at or at["metadata"]["uid"] != p["metadata"]["uid"] or is_going(at):
            return
        old = {c["type"]: c for c in at["status"].get("conditions") or []}
        containers = [of(c) for c in p["spec"]["containers"]]
        ready = "True" if phase == "Running" and all(c.get("ready") for c in containers) else "False"
        conditions = []
        for kind, value in (("PodScheduled", "True"), ("Initialized", "True"), ("ContainersReady", ready), ("Ready", ready)):
            conditions.append(old[kind] if old.get(kind, {}).get("status") == value else {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": now()})
        out = {"phase": phase, "hostIP": self.address, "podIP": life.ip, "podIPs": [{"ip": life.ip}], "startTime": at["status"].get("startTime") or now(), "conditions": conditions, "containerStatuses": containers}
        if p["spec"].get("initContainers"):
            done = {"terminated": {"exitCode": 0, "reason": "Completed"}}
            out["initContainerStatuses"] = [{"name": c["name"], "image": c["image"], "ready": True, "restartCount": 0, "state": done} for c in p["spec"]["initContainers"]]
        self.registry.status(POD, at, out)

    def gone(self, namespace, name, uid):
        life = self.lives.pop(uid, None)
        for proc in (life.programs if life else {}).values():
            try:
                os.killpg(proc.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        p = self.store.get(POD, namespace, name)
        if p and p["metadata"]["uid"] == uid and not p["metadata"].get("finalizers"):
            self.store.drop(POD, p)

    # --- local programs ---
    def folder(self, namespace, pod, container):
        return os.path.join(self.dir, "pods", namespace, pod, container)

    def attend(self, p, life, c, proc):
        """In a thread of the program's own: until it listens, then until it ends; then it is started again, as a kubelet does."""
        m = p["metadata"]
        self.await_port(c, life, proc)
        with self.store.lock:
            if m["uid"] in self.lives and all(x.poll() is None for x in life.programs.values()):
                self.started(p, life)
        code = proc.wait()
        with self.store.lock:
            if m["uid"] not in self.lives:
                return
            life.restarts += 1
            del life.programs[c["name"]]
            ended = {"terminated": {"exitCode": code, "reason": "Error"}}
            self.status(p, life, "Running", lambda x: dict(waiting(x, "CrashLoopBackOff", "back-off 1s restarting failed container=" + x["name"]), restartCount=life.restarts, lastState=ended))
            self.loop.at(AGAIN_SECONDS, self.again, m["namespace"], m["name"], m["uid"])

    @staticmethod
    def await_port(c, life, proc):
        ports = c.get("ports") or []
        end = time.monotonic() + PORT_SECONDS
        while ports and proc.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection((life.ip, ports[0]["containerPort"]), 1).close()
                return
            except OSError:
                time.sleep(0.05)

    def program(self, p, c, life, argv):
        m, where = p["metadata"], self.folder(p["metadata"]["namespace"], p["metadata"]["name"], c["name"])
        account = os.path.join(where, "serviceaccount")
        os.makedirs(account, mode=0o700, exist_ok=True)
        owner = self.store.of("ServiceAccount", m["namespace"], p["spec"].get("serviceAccountName") or "default")
        if not owner:
            raise Fault(404, "its service account is not there")
        env = {e["name"]: self.value(m["namespace"], e) for e in c.get("env") or [] if e["name"].startswith(PASSED)}
        with open(os.path.join(self.dir, "ca.crt")) as f:
            files = {"token": self.tokens.issue(owner, 12 * 3600), "ca.crt": f.read(), "namespace": m["namespace"]}
        for name, text in files.items():
            with open(os.path.join(account, name), "w") as f:
                f.write(text)
        host, port = self.api
        env.update(PATH=os.environ.get("PATH", "/usr/bin:/bin"), HOME=where, POD_IP=life.ip, POD_NAME=m["name"], POD_NAMESPACE=m["namespace"], KUBERNETES_SERVICE_HOST=host, KUBERNETES_SERVICE_PORT=str(port), SERVICE_ACCOUNT_DIR=account)
        with open(os.path.join(where, "log"), "a") as log:
            return subprocess.Popen(argv, cwd=where, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)

    def value(self, namespace, e):
        f = e.get("valueFrom") or {}
        if f.get("secretKeyRef"):
            s = self.store.of("Secret", namespace, f["secretKeyRef"]["name"]) or {}
            return base64.b64decode((s.get("data") or {}).get(f["secretKeyRef"]["key"], "")).decode()
        if f.get("configMapKeyRef"):
            return ((self.store.of("ConfigMap", namespace, f["configMapKeyRef"]["name"]) or {}).get("data") or {}).get(f["configMapKeyRef"]["key"], "")
        return e.get("value") or ""

    def log(self, p, container, tail, limit):
        path = os.path.join(self.folder(p["metadata"]["namespace"], p["metadata"]["name"], container), "log")
        try:
            with open(path, errors="replace") as f:
                lines = f.read().splitlines(True)
        except FileNotFoundError:
            lines = ["%s started\n" % container]
        text = "".join(lines[-tail:] if tail is not None else lines)
        return text[:limit] if limit else text

    # --- addresses ---
    def balance(self, namespace, name):
        """A load balancer's address is the node's, unless the cluster has none to give."""
        s = self.store.get(SERVICE, namespace, name)
        if not s or s["spec"].get("type") != "LoadBalancer" or matching.at(s, "status.loadBalancer.ingress"):
            return
        if os.path.exists(os.path.join(self.dir, "no-loadbalancer")):
            self.loop.at(2, self.balance, namespace, name)
            return
        self.registry.status(SERVICE, s, {"loadBalancer": {"ingress": [{"ip": self.address}]}})

    def ingress(self, namespace, name):
        """Only where the cluster has a controller: an IngressClass with this name."""
        i = self.store.get(INGRESS, namespace, name)
        known = i and self.store.of("IngressClass", "", (i.get("spec") or {}).get("ingressClassName") or "")
        if known and not matching.at(i, "status.loadBalancer.ingress"):
            self.registry.status(INGRESS, i, {"loadBalancer": {"ingress": [{"ip": self.address}]}})


def waiting(c, reason, message):
    why = {"reason": reason, "message": message} if message else {"reason": reason}
    return {"name": c["name"], "image": c["image"], "imageID": "", "ready": False, "started": False, "restartCount": 0, "state": {"waiting": why}}
