#!/usr/bin/env python3
"""A demonstration that needs no Kubernetes: the product as `make run` starts it, two simulated clusters (tests/sim) and a page that explains them.

    demo.py up | stop | break NAME[=VALUE]... | mend      README.md says more; a NAME alone takes its value from the environment"""
import json, os, re, signal, subprocess, sys, time
sys.dont_write_bytecode = True
from clusters import CLUSTERS, rules
from place import CHECKOUT, Place, account, become, check_ports, child, interpreter, listen_address, notice, plain_env, ports, url
from texts import Refused, say, text

BIN = os.path.join(CHECKOUT, os.environ.get("STACK_BIN") or "build/release/bin")
SIMULATOR = os.environ.get("DEMO_SIM") or os.path.join(CHECKOUT, "tests/sim/sim.py")
UP_S, STOP_S, TAIL = 60, 120, 12
GRACE_S = {"product": 100, "simulator": 10, "page": 3}  # the launcher's own patience with all its parts is 77 s


class Asked(Exception):
    """Somebody wants it to end."""


class Failed(Exception):
    """It cannot go on; the reason was told."""


class Demo:
    def __init__(self, place):
        self.place, self.parts, self.asked = place, {}, 0
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(s, self.ask)

    def ask(self, *_):
        self.asked += 1

    def check(self):
        if self.asked:
            raise Asked()

    # --- parts ---
    def spawn(self, name, argv, whom=None, out=None, death=signal.SIGTERM, **how):
        with open(self.place.at(name + ".log"), "ab") as log:
            self.parts[name] = subprocess.Popen(argv, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=out or log, preexec_fn=child(whom, death), **how)

    def tail(self, name):
        try:
            with open(self.place.at(name + ".log"), errors="replace") as f:
                lines = f.read().splitlines()[-TAIL:]
            print("\n".join(lines), file=sys.stderr, flush=True)
        except OSError:
            pass

    def part_failed(self, key, name, *args):
        say(key, text("part-" + name), *args, self.place.at(name + ".log"), to=sys.stderr)
        self.tail(name)
        raise Failed()

    def wait(self, name, what):
        """The value of what() once it has one; meanwhile the part must live."""
        end = time.time() + UP_S
        while True:
            self.check()
            value = what()
            if value:
                return value
            if self.parts[name].poll() is not None:
                if name == "page":
                    self.part_failed("part-ended", name, self.parts[name].returncode)
                self.tail(name)  # launcher and simulator say themselves what is in the way
                raise Failed()
            if time.time() > end:
                self.part_failed("late", name, UP_S)
            time.sleep(0.05)

    def end(self, name):
        """Ends a part; who asks a second time has no more patience."""
        p, told = self.parts[name], 0
        end = time.time() + GRACE_S[name]
        while p.poll() is None:
            if told < min(self.asked, 2) or told == 0:
                p.terminate()
                told += 1
            if time.time() > end or name != "product" and self.asked > 1:
                p.kill()  # what is below dies with it
            time.sleep(0.02)

    # --- start ---
    def up(self):
        place, began = self.place, time.time()
        self.launcher = os.path.join(BIN, "fedlcm-run")
        if not os.path.exists(self.launcher):
            raise Refused("built", self.launcher)
        if not os.path.exists(SIMULATOR):
            raise Refused("no-simulator", SIMULATOR)
        address, (product, page, first) = listen_address(), ports()
        self.env = dict(os.environ, FEDLCM_STATE=place.at("product"), FEDLCM_PORT=str(product))
        whom = account()
        python = interpreter(whom)
        place.end_earlier(self.launcher, self.env)
        socket = check_ports(address, product, page, first)
        self.check()
        place.forget_earlier(self.launcher, self.env)
        self.check()
        place.fill(SIMULATOR, whom)
        self.start_simulator(whom, python, first, url(address, page))
        self.start_product()
        say("wait")
        self.wait("simulator", lambda: os.path.exists(place.at("clusters", "ready")))
        self.run_as(whom, python, "prepare", "", "")
        where, usual = self.wait("product", self.product_says)
        about = {"product": where, "login": "login-admin" if usual else "login-own", "page": url(address, page), "python": python, "checkout": CHECKOUT, "hint": place.hint()}
        place.publish(about)
        self.start_page(whom, python, socket, address)
        socket.close()
        self.announce(about, time.time() - began)
        return self.watch()

    def start_simulator(self, whom, python, first, page):
        with open(self.place.at("rules.json"), "w") as f:
            json.dump(rules(python, self.place.at("programs", "kubefate", "kubefate.py")), f, indent=1)
        argv = [python, "-B", self.place.at("programs", "sim", "sim.py"), "up", "-dir", self.place.at("clusters"), "-clusters", ",".join(CLUSTERS), "-programs", self.place.at("rules.json"),
                "-port", str(first), "-notice", notice(page)]
        self.spawn("simulator", argv, whom, env=plain_env(HOME=self.place.at("clusters")), death=signal.SIGKILL)

    def start_product(self):
        """Its complaints go to our terminal, in its own words."""
        self.spawn("product", [self.launcher, "run"], out=sys.stderr, env=self.env)

    def product_says(self):
        """(address, is the first password the usual one), from the sentences that it prints when it is ready."""
        with open(self.place.at("product.log"), errors="replace") as f:
            lines = f.read().splitlines()
        for i, line in enumerate(lines[:-1]):
            found = re.search(r"https?://\S+/$", line)
            if found:
                return found.group(), " admin" in lines[i + 1]
        return None

    def start_page(self, whom, python, socket, address):
        os.set_inheritable(socket.fileno(), True)
        argv = [python, "-B", self.place.at("programs", "demo", "page.py"), self.place.state, self.place.lock, str(socket.fileno()), address]
        self.spawn("page", argv, whom, env=plain_env(), death=signal.SIGKILL, pass_fds=(socket.fileno(),))

    def run_as(self, whom, python, command, *args):
        argv = [python, "-B", self.place.at("programs", "demo", "clusters.py"), command, self.place.state, *args]
        return subprocess.run(argv, env=plain_env(), cwd="/", preexec_fn=child(whom), check=False).returncode

    def announce(self, about, seconds):
        say("ready", "%.1f" % seconds)
        say("product", about["product"])
        say(about["login"])
        say("page", about["page"])
        for c in CLUSTERS:
            say("kubeconfig", c, self.place.at("clusters", c, "admin.kubeconfig"))
        say("how-break", about["hint"])
        say("how-stop", about["hint"])

    def watch(self):
        while True:
            self.check()
            for name, p in self.parts.items():
                if p.poll() is not None:
                    self.part_failed("part-ended", name, p.returncode)
            time.sleep(0.1)

    # --- the whole ---
    def run(self):
        if self.place.say_running() or not self.place.hold():
            return 0
        code = 0
        try:
            self.up()
        except Asked:
            pass
        except Failed:
            code = 1
        except Refused as e:
            print(e, file=sys.stderr, flush=True)
            code = 1
        self.place.publish(None)
        for name in reversed(list(self.parts)):
            self.end(name)
        if self.parts or self.asked:
            say("ended")
        return code


def stop(place):
    pid = place.running()
    if not pid:
        say("none")
        return 0
    try:
        if pid < 0:
            raise PermissionError("-")
        os.kill(pid, signal.SIGTERM)
    except OSError as e:
        raise Refused("stop-foreign", pid, e.strerror or e) from e
    end = time.time() + STOP_S
    while place.running() == pid:
        if time.time() > end:
            raise Refused("stop-late", pid)
        time.sleep(0.05)
    say("ended")
    return 0


def in_clusters(place, command, given):
    """Breaking and mending are done by the account of the clusters, with the copies of these programs that it can read."""
    about = place.about()
    if not place.running() or not about:
        pid = place.running()
        raise Refused("busy", pid) if pid else Refused("none")
    try:
        s = os.stat(place.at("clusters"))
        whom = (s.st_uid, s.st_gid) if place.root and s.st_uid else None
        argv = [about["python"], "-B", place.at("programs", "demo", "clusters.py"), command, place.state, about["product"], about["hint"]] + given
        return subprocess.run(argv, env=plain_env(), cwd="/", preexec_fn=lambda: become(whom), check=False).returncode
    except OSError as e:
        raise Refused("folder", place.state, e.strerror) from e


def main(argv):
    place = Place()
    command, given = argv[0] if argv else "", [x if "=" in x else "%s=%s" % (x, os.environ.get(x, "")) for x in argv[1:]]
    if command == "up" and not given:
        return Demo(place).run()
    if command == "stop" and not given:
        return stop(place)
    if command == "break":
        return in_clusters(place, command, given)
    if command == "mend":
        if given:
            raise Refused("usage-mend")
        return in_clusters(place, command, given)
    print("usage: demo.py up | stop | break NAME[=VALUE]... | mend", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(1)
