"""Deployments and removals one after the other while everything around them is disturbed; each effect is proved to have happened once (tests/kills)."""
import json, threading, time
from api import Api
from kills import Party


class Client(Api):
    """The API through the front; every answer is recorded and judged with all others. While the database is away it does what a person does: look, then
    repeat what did not come about."""

    def __init__(self, recorder, headers):
        self.rec, self.headers = recorder, headers

    def raw(self, method, path, body=None, timeout=20):
        a = self.rec.ask("deployer", method, "/api/v1" + path, json.dumps(body) if body is not None else None, self.headers, "en", (200, 404, 409))
        try:
            return a.status, json.loads(a.text)
        except ValueError:
            return a.status, {"message": a.text or a.fault}

    def call(self, method, path, body=None):
        end = time.time() + 60
        while True:
            code, v = self.raw(method, path, body)
            if code == 200:
                return v.get("data")
            assert code in (0, 503) and time.time() < end, "%s %s: %d %s" % (method, path, code, v.get("message"))
            if method == "POST":
                raise ConnectionError(v.get("message"))
            time.sleep(0.2)

    def post(self, path, body, listing, find):
        """A POST whose answer may say 503 although it was kept: then the record is looked for before it is sent again."""
        while True:
            try:
                return self.call("POST", path, body)
            except ConnectionError:
                found = find(self.call("GET", listing))
                if found:
                    return found
                time.sleep(0.2)

    def add_exchange(self, fed, endpoint, **how):
        f = "/federation/fate/" + fed
        return self.post(f + "/exchange", self.exchange_body(fed, endpoint, **how), f + "/participant", lambda v: (v.get("exchange") or {}).get("uuid"))

    def add_cluster(self, fed, endpoint, party, name, version="v1.11.1", **how):
        f = "/federation/fate/" + fed
        return self.post(f + "/cluster", self.cluster_body(fed, endpoint, party, name, version, **how), f + "/participant",
                         lambda v: next((x["uuid"] for x in v.get("clusters") or [] if x["name"] == name), None))


class Resident(Party):
    """A participant whose removal may be asked for while the database goes away: asked again until it is under way or done."""

    def remove(self):
        end = time.time() + 60
        while True:
            code, v = self.w.api.raw("DELETE", self.path + "?force=false")
            if code in (200, 404) or (code == 409 and "remov" in v.get("message", "")):
                return
            assert code in (0, 503) and time.time() < end, (code, v)
            time.sleep(0.2)


class Deployer(threading.Thread):
    """One cluster after the other: deployed, Active, proved, removed, proved. lives: (name, when it began, when it ended)."""

    def __init__(self, world, first):
        super().__init__(daemon=True)
        self.w, self.party, self.lives, self.bad, self.stopped, self.trouble = world, first, [], [], threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.stopped.is_set():
                began = time.time()
                p = Resident(self.w, "cluster", "cluster-%d" % self.party, "fate-%d" % self.party, lambda: self.w.api.add_cluster(self.w.fed, self.w.endpoint, self.party, "cluster-%d" % self.party))
                p.active()
                self.bad += p.made_once()
                p.remove()
                p.gone()
                self.bad += p.removed_once()
                self.lives.append((p.name, began, time.time()))
                self.party += 1
        except Exception as e:
            self.trouble = repr(e)

    def whole(self, began, ended):
        """Lives that were under way within the time, and have come to their end."""
        return [x for x in self.lives if x[1] <= ended and x[2] >= began]


class World:
    """What tests/kills/kills.py calls so: where a Party lives."""

    def __init__(self, api, kube, db):
        self.api, self.kube, self.db = api, kube, db
