"""Who uses the product: four federations with an exchange and four clusters each, and on each API server an endpoint of one namespace that comes and goes with an
exchange on it. Every participant has a life of its own kind, and whoever loses patience cancels, retries, or removes by force."""
import http.client, random, threading, time
import chart

ACTIVE, INSTALLING, REMOVING, RECONFIGURING, FAILED = 1, 2, 3, 4, 5
READY, UNAVAILABLE = 2, 4
FEDERATIONS, CLUSTERS = 4, 4
PATIENCE = 100  # seconds in one operation before somebody may remove by force
# (kind of life, weight): kept is removed in order after its time, forced by force; cancelled and torn meet it while it is being made.
LIVES = (("kept", 10), ("forced", 2), ("cancelled", 2), ("torn", 2))
LIVE_OPERATIONS = ("select distinct on (subject) subject, uuid, kind, state, cause, evidence_class, error_class, retries, extract(epoch from now() - created_at) age from operation "
                   "where state in ('queued', 'running', 'failed') and subject_type not in ('exchange_routes', 'endpoint_chart') order by subject, id desc")
FAILED_UPLOADS = "select uuid, kind, state, retries from operation where kind = 'chart_upload' and state = 'failed'"
FORGOTTEN = "routes.forgotten"


class Life:
    def __init__(self, kind, at, stay):
        self.kind, self.at, self.stay, self.active_since, self.done = kind, at, stay, None, False


class Actor(threading.Thread):
    """Looks at what there is twice a second and does what follows. hurry: make nothing new, remove everything."""

    def __init__(self, world, name, seed):
        super().__init__(daemon=True, name=name)
        self.w, self.random, self.db = world, random.Random("%s/%s" % (seed, name)), world.psql()
        self.resting, self.hurry, self.finished, self.trouble, self.pressed = threading.Event(), threading.Event(), threading.Event(), None, {}

    def run(self):
        try:
            while not self.finished.wait(self.random.uniform(0.3, 0.8)):
                if not self.resting.is_set():
                    self.tick()
        except Exception as e:
            self.trouble = "%s: %r" % (self.name, e)
            self.finished.set()

    def once(self, key, seconds=5):
        """Nobody presses a button twice a second."""
        if time.time() - self.pressed.get(key, 0) < seconds:
            return False
        self.pressed[key] = time.time()
        return True

    def press(self, op, button):
        if self.once((op["uuid"], button)):
            self.w.press(op["uuid"], button)

    def remove(self, path, query):
        if self.once((path, query)):
            self.w.api.raw("DELETE", path + query)

    def operations(self):
        return {x["subject"]: x for x in self.db.dicts(LIVE_OPERATIONS)}

    def named(self, path, name, inside=None):
        """The uuid of what bears the name in a list of the API."""
        code, v = self.w.api.ask("GET", path)
        items = (v.get("data") or {}).get(inside) if inside else v.get("data")
        return next((x["uuid"] for x in items or [] if x["name"] == name), None) if code == 200 else None

    def make(self, create, find):
        """Asks once; whether it was made is looked up when the answer was lost."""
        try:
            return create()
        except AssertionError:
            return find()


class Federation(Actor):
    def __init__(self, world, slot, seed):
        super().__init__(world, "federation-%d" % slot, seed)
        self.slot, self.number, self.uuid, self.lives, self.made = slot, 0, None, {}, 0
        self.exchange_namespace = "f%d-exchange" % slot
        self.endpoints = lambda: self.random.choice(sorted(world.endpoint.values()))

    # --- making ---
    def begin(self):
        self.number += 1
        name = "%s-%d" % (self.name, self.number)
        self.uuid = self.make(lambda: self.w.api.add_federation(name, "f%d.example.com" % self.slot), lambda: self.named("/federation", name))
        if not self.uuid:
            return
        self.path, self.until, self.giving_up, self.lives = "/federation/fate/%s" % self.uuid, time.time() + self.random.uniform(90, 240), False, {}

    def life(self, uuid):
        if uuid not in self.lives:
            kinds, weights = zip(*LIVES)
            self.lives[uuid] = Life(self.random.choices(kinds, weights)[0], self.random.uniform(0.5, 12), self.random.uniform(3, 20))
        return self.lives[uuid]

    def add_exchange(self):
        how = {"name": "exchange", "namespace": self.exchange_namespace}
        uuid = self.make(lambda: self.w.api.add_exchange(self.uuid, self.endpoints(), **how), lambda: None)
        if uuid and self.random.random() < 0.75:
            self.lives[uuid] = Life("kept", 0, 1e9)  # most exchanges live as long as their federation

    def add_cluster(self, party):
        self.make(lambda: self.w.api.add_cluster(self.uuid, self.endpoints(), party, "party-%d" % party, namespace="f%d-party-%d" % (self.slot, party)), lambda: None)

    # --- going on ---
    def tick(self):
        if not self.uuid:
            return self.finished.set() if self.hurry.is_set() else self.begin()
        code, v = self.w.api.ask("GET", self.path + "/participant")
        if code != 200:
            return
        exchange, clusters, ops = v["data"]["exchange"], v["data"]["clusters"], self.operations()
        leaving = self.hurry.is_set() or time.time() > self.until or self.giving_up
        for p in clusters:
            self.tend("cluster", p, ops.get(p["uuid"]), leaving)
        if exchange and not clusters:
            self.tend("exchange", exchange, ops.get(exchange["uuid"]), leaving)
        elif exchange:
            self.keep(exchange, ops.get(exchange["uuid"]))
        if leaving and not exchange and not clusters:
            if self.w.api.raw("DELETE", self.path)[0] in (200, 404):
                self.uuid = None
        elif not leaving and not exchange:
            self.add_exchange()
        elif not leaving and exchange["status"] == ACTIVE and not self.life(exchange["uuid"]).done:
            free = set(self.parties()) - {p["party_id"] for p in clusters}
            if free and self.random.random() < 0.5:
                self.add_cluster(self.random.choice(sorted(free)))

    def parties(self):
        return range(10001 + 10 * self.slot, 10001 + 10 * self.slot + CLUSTERS)

    def keep(self, exchange, op):
        """An exchange that still has clusters: what failed is tried again."""
        if op and op["state"] == "failed":
            self.press(op, "retry")

    def forgotten(self, op):
        return op and FORGOTTEN in (op["evidence_class"], op["error_class"])

    def tend(self, kind, p, op, leaving):
        life, path = self.life(p["uuid"]), "%s/%s/%s" % (self.path, kind, p["uuid"])
        age = op["age"] if op else 0
        if self.forgotten(op):
            self.giving_up = True
        if op and op["state"] == "failed":
            return self.press(op, "retry") if op["retries"] < 1 and not self.giving_up else self.remove(path, "?force=true")
        if op and age > (PATIENCE / 2 if leaving else PATIENCE) or self.forgotten(op):
            return self.remove(path, "?force=true")
        if op:
            return self.disturb(life, path, p, op)
        if p["status"] in (ACTIVE, RECONFIGURING):
            life.active_since = life.active_since or time.time()
            if leaving or time.time() - life.active_since > life.stay:
                life.done = True
                self.remove(path, "?force=true" if life.kind == "forced" else "?force=false")
        elif p["status"] == FAILED and not self.patient(life):
            self.remove(path, "?force=true")

    def patient(self, life):
        """A deployment that was Active once may come back by itself; one that was cancelled does not."""
        return life.active_since and time.time() - life.active_since < 60

    def disturb(self, life, path, p, op):
        if p["status"] != INSTALLING or life.done or op["age"] < life.at:
            return
        if life.kind == "cancelled":
            life.done = True
            self.press(op, "cancel")
        elif life.kind == "torn":
            life.done = True
            self.remove(path, "?force=true")


class Guest(Actor):
    """An endpoint of one namespace, with an exchange on it for a while."""
    def __init__(self, world, cluster, seed):
        super().__init__(world, "guest-" + cluster, seed)
        self.namespace = self.name
        self.cluster, self.number, self.infra, self.endpoint, self.since, self.federation = cluster, 0, None, None, 0, None

    def prepare(self):
        """While all is well."""
        kube = self.w.kube[self.cluster]
        kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self.infra = self.w.api.add_infra(self.name, self.w.proxy[self.cluster].kubeconfig, namespaces_list=[self.namespace])

    def tick(self):
        if not self.endpoint:
            return self.finished.set() if self.hurry.is_set() else self.begin()
        code, v = self.w.api.ask("GET", "/endpoint/" + self.endpoint)
        if code == 404:
            self.endpoint, self.since = None, time.time()
            return
        if code != 200:
            return
        op, leaving = self.operations().get(self.endpoint), self.hurry.is_set() or time.time() - self.since > self.stay
        if op and op["state"] == "failed":
            self.press(op, "retry") if op["retries"] < 1 else self.remove("/endpoint/" + self.endpoint, "?uninstall=true&force=true")
        elif op and op["age"] > PATIENCE:
            self.remove("/endpoint/" + self.endpoint, "?uninstall=true&force=true")
        elif not op and not self.exchange(v["data"]["status"], leaving) and leaving:
            self.remove("/endpoint/" + self.endpoint, "?uninstall=true")

    def begin(self):
        if time.time() - self.since < 10:
            return
        self.number += 1
        name = "%s-%d" % (self.name, self.number)
        body = dict(self.w.api.endpoint_body(name, self.infra), namespace=self.namespace)
        self.endpoint = self.make(lambda: self.w.api.call("POST", "/endpoint", body), lambda: self.named("/endpoint", name))
        self.since, self.stay, self.wants_exchange = time.time(), self.random.uniform(20, 90), self.random.random() < 0.7

    def exchange(self, status, leaving):
        """Looks after the exchange on it; true while there is one."""
        if not self.federation and (not self.wants_exchange or leaving or status != READY):
            return False
        if not self.federation:
            self.federation = GuestFederation(self)
        return self.federation.attend(leaving)


class GuestFederation:
    """One exchange on the guest's endpoint, then nothing. The namespace is not ours, so its objects have to go one by one."""

    def __init__(self, guest):
        self.g, self.of = guest, Federation(guest.w, 0, guest.name)
        of = self.of
        of.name, of.exchange_namespace, of.number = guest.name + "-federation", guest.namespace, guest.number
        of.endpoints, of.parties = lambda: guest.endpoint, lambda: ()
        of.begin()

    def attend(self, leaving):
        self.of.giving_up = leaving or self.of.giving_up
        if self.of.uuid:
            self.of.tick()
        if not self.of.uuid:
            self.g.federation, self.g.wants_exchange = None, False
        return bool(self.of.uuid)


class Librarian(Actor):
    """Keeps both charts in the store: now and then puts in a new file, takes one away from a KubeFATE behind the product's back, or hands one over by hand. What
    could not be handed over is retried."""
    CHARTS = (("fate-exchange", 1), ("fate", 2))

    def __init__(self, world, seed):
        super().__init__(world, "librarian", seed)
        self.due, self.number = 0, 0

    def prepare(self):
        self.charts = {name: self.w.api.chart(kind) for name, kind in self.CHARTS}
        for name in self.charts:
            self.store(name)

    def store(self, name):
        """Nobody can see in a lost answer whether it was stored: it is stored again then."""
        self.number += 1
        self.w.api.store_chart(self.charts[name], chart.archive(name, "v1.11.1", values_yaml="# number %d\n" % self.number))

    def tick(self):
        for op in self.db.dicts(FAILED_UPLOADS):
            self.press(op, "retry")
        if self.hurry.is_set():
            return self.finished.set()
        if time.time() < self.due:
            return
        self.due = time.time() + self.random.uniform(10, 30)
        name, cluster, deed = self.random.choice(sorted(self.charts)), self.random.choice("ab"), self.random.choice(("store", "take away", "take away", "hand over"))
        try:
            if deed == "store":
                self.store(name)
            elif deed == "hand over":
                self.w.page.post("/endpoint-detail/%s/chart/%s" % (self.w.endpoint[cluster], self.charts[name]), "/endpoint-detail/" + self.w.endpoint[cluster])
            else:
                for c in self.w.kubefate[cluster].charts(name, "v1.11.1"):
                    self.w.kubefate[cluster].raw("DELETE", "/v1/chart/" + c["uuid"])
        except (OSError, AssertionError, AttributeError, KeyError, TypeError, ValueError, http.client.HTTPException):
            pass  # somebody was just being killed
