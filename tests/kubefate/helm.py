"""Releases as Helm 3 keeps them: one Secret sh.helm.release.v1.NAME.vN for each revision, objects made, patched and removed by comparing revisions.

Why so close to Helm: the product reads these secrets to find what a lost KubeFATE left behind, and the worst quirk (one update's rollback wipes what
another update wrote) comes out of nothing but the revision arithmetic below."""
import base64, copy, gzip, json, time
import charts
from kubeapi import KubeError

# Helm's order of kinds; removal goes the other way round.
ORDER = ["Secret", "ConfigMap", "Service", "Deployment", "StatefulSet", "Ingress"]
# Between reading the newest revision and storing the next one the real program renders the chart. Two updates that start within this time collide.
RENDER_SECONDS = 0.1
# An unknown chart is asked for at the chart repository first.
REPOSITORY_SECONDS = 0.05


class HelmError(Exception):
    pass


class NoChart(HelmError):
    """Before Helm itself has a say; an update reports it without the words of Helm's failures."""


def pack(release):
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()


def unpack(secret):
    return json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))


def documents(release):
    """The manifest is a stream of YAML documents; ours are JSON, which is YAML."""
    return [json.loads(x) for x in release["manifest"].split("---\n") if x.strip()]


def key(obj):
    return obj["kind"], obj["metadata"]["name"]


def removals(old, new):
    """What a merge patch must say to take away the keys that only the old revision had."""
    out = {}
    for k, v in old.items():
        if k not in new:
            out[k] = None
        elif isinstance(v, dict) and isinstance(new[k], dict):
            below = removals(v, new[k])
            if below:
                out[k] = below
    return out


def merge(a, b):
    out = copy.deepcopy(a)
    for k, v in b.items():
        out[k] = merge(out[k], v) if isinstance(v, dict) and isinstance(out.get(k), dict) else v
    return out


class Helm:
    def __init__(self, kube):
        self.kube, self.at_work = kube, set()  # revisions between their beginning and their end

    # --- revisions ---
    def history(self, name, namespace):
        found = [unpack(s) for s in self.kube.list("Secret", namespace, "name=%s,owner=helm" % name)]
        return sorted(found, key=lambda r: r["version"])

    @staticmethod
    def secret(release):
        name = "sh.helm.release.v1.%s.v%d" % (release["name"], release["version"])
        labels = {"name": release["name"], "owner": "helm", "status": release["info"]["status"], "version": str(release["version"]), "modifiedAt": str(int(time.time()))}
        return {"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "metadata": {"name": name, "namespace": release["namespace"], "labels": labels}, "data": {"release": pack(release)}}

    @staticmethod
    def revision(release):
        return release["namespace"], release["name"], release["version"]

    def store(self, release):
        self.at_work.add(self.revision(release))
        try:
            self.kube.create(self.secret(release))
        except KubeError as e:
            self.at_work.discard(self.revision(release))
            raise HelmError("release: already exists" if e.code == 409 else "create: failed to create: %s" % e) from e

    def mark(self, release, status, description):
        release["info"].update(status=status, description=description, last_deployed=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        s = self.secret(release)
        try:
            self.kube.patch(s, {"metadata": {"labels": s["metadata"]["labels"]}, "data": s["data"]})
        except KubeError as e:
            raise HelmError("update: failed to update: %s" % e) from e
        finally:
            self.at_work.discard(self.revision(release))

    @staticmethod
    def release(name, namespace, chart, version, values, objects, number, status):
        manifest = "".join("---\n%s\n" % json.dumps(o) for o in objects)
        return {"name": name, "namespace": namespace, "version": number, "config": values, "manifest": manifest, "chart": {"metadata": {"name": chart, "version": version}},
                "info": {"status": status, "description": "", "first_deployed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}}

    # --- objects ---
    @staticmethod
    def render(name, namespace, chart, version, values):
        if (chart, version) not in charts.VERSIONS:
            time.sleep(REPOSITORY_SECONDS)
            raise NoChart('failed to download "kubefate/%s" at version "%s"' % (chart, version))
        try:
            objects = charts.render(chart, version, name, namespace, values)
        except charts.ChartError as e:
            raise HelmError(str(e)) from e
        for o in objects:
            o["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm"
            o["metadata"]["annotations"] = {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}
        return sorted(objects, key=lambda o: ORDER.index(o["kind"]))

    def refuse_foreign(self, objects, name, namespace):
        """An object of somebody else under one of our names stops the installation before anything is made."""
        for o in objects:
            there = self.kube.get(o["kind"], namespace, o["metadata"]["name"])
            if there and (there["metadata"].get("annotations") or {}).get("meta.helm.sh/release-name") != name:
                raise HelmError('rendered manifests contain a resource that already exists. Unable to continue with install: %s "%s" in namespace "%s" exists and cannot be imported into the current release: '
                                'invalid ownership metadata' % (o["kind"], o["metadata"]["name"], namespace))

    def apply(self, old, new):
        before = {key(o): o for o in old}
        for o in new:
            was = before.pop(key(o), None)
            try:
                if was and self.kube.get(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]):
                    self.kube.patch(o, merge(o, removals(was, o)))
                else:
                    self.kube.create(o)
            except KubeError as e:
                raise HelmError(str(e)) from e
        for o in before.values():
            self.remove(o)

    def remove(self, o):
        try:
            self.kube.delete(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"])
        except KubeError as e:
            if e.code != 404:
                raise HelmError(str(e)) from e

    # --- the four actions ---
    def install(self, name, namespace, chart, version, values):
        objects = self.render(name, namespace, chart, version, values)
        if self.history(name, namespace):
            raise HelmError("cannot re-use a name that is still in use")
        self.refuse_foreign(objects, name, namespace)
        release = self.release(name, namespace, chart, version, values, objects, 1, "pending-install")
        self.store(release)
        self.finish(release, [], objects, "Install complete")

    def upgrade(self, name, namespace, chart, version, values):
        objects = self.render(name, namespace, chart, version, values)
        history = self.history(name, namespace)
        if not history:
            raise HelmError('"%s" has no deployed releases' % name)
        last = history[-1]
        if last["info"]["status"].startswith("pending"):
            raise HelmError("another operation (install/upgrade/rollback) is in progress")
        time.sleep(RENDER_SECONDS)
        release = self.release(name, namespace, chart, version, values, objects, last["version"] + 1, "pending-upgrade")
        self.store(release)
        self.finish(release, documents(last), objects, "Upgrade complete", last)

    def rollback(self, name, namespace, number):
        """number 0 means the revision before the newest one, whoever made that."""
        history = self.settled(name, namespace)
        if not history:
            raise HelmError("release: not found")
        last = history[-1]
        wanted = number or last["version"] - 1
        target = next((r for r in history if r["version"] == wanted), None)
        if target is None:
            raise HelmError("release: not found")
        objects = documents(target)
        about = target["chart"]["metadata"]
        release = self.release(name, namespace, about["name"], about["version"], target["config"], objects, last["version"] + 1, "pending-rollback")
        self.store(release)
        self.finish(release, documents(last), objects, "Rollback to %d" % wanted, last)

    def settled(self, name, namespace, seconds=5):
        """The history once no revision is being applied. The real program does not wait: its rollback nearly always comes after the other update has
        been applied and undoes it, sometimes in the middle; here it always undoes it. What nobody works on any more is undone at once, by both."""
        end = time.time() + seconds
        while True:
            history = self.history(name, namespace)
            if not history or self.revision(history[-1]) not in self.at_work or time.time() > end:
                return history
            time.sleep(0.05)

    def finish(self, release, old, new, description, previous=None):
        try:
            self.apply(old, new)
        except HelmError as e:
            self.mark(release, "failed", str(e))
            raise
        if previous:
            self.mark(previous, "superseded", previous["info"]["description"])
        self.mark(release, "deployed", description)

    def uninstall(self, name, namespace):
        history = self.history(name, namespace)
        if not history:
            raise HelmError("uninstall: Release not loaded: %s: release: not found" % name)
        last = history[-1]
        try:
            self.mark(last, "uninstalling", "Deletion in progress (or silently failed)")
        except HelmError:
            pass  # somebody else purged it meanwhile; the objects go all the same
        for o in reversed(documents(last)):
            self.remove(o)
        problems = []
        for r in history:
            s = self.secret(r)["metadata"]["name"]
            try:
                self.kube.delete("Secret", namespace, s)
            except KubeError as e:
                problems.append("uninstall: Failed to purge the release: %s" % e)
                break
        if problems:
            raise HelmError("uninstallation completed with %d error(s): %s" % (len(problems), "; ".join(problems)))
