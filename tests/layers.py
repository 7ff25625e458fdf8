"""The layers of `make test`, and what has to be built before them. A layer is a command that tells its tests and closes with one line (tests/all.py).

    least     tests that it must have executed (CI demands them)
    seconds   how long it takes about, alone on two cores: the longest begin first, those of more than a core before them
    cores     how many cores it keeps busy on average
    memory    MB at its highest
    after     what must have been built
    alone     nothing may run beside it: for what measures time
    limit     seconds after which it is ended and has failed: something in it hangs
    closes    the word of its closing line, where that is not its name: another layer's command
    usual     part of `make test`; the others are named on the command line or in ALSO
    isolated  in namespaces of its own, without the network of the machine

Where root may make control groups, tests/all.py measures processor time and memory of each and prints them beside its seconds."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    name: str
    command: str
    least: int | None = None  # None: a build
    seconds: int = 0
    cores: float = 1.0
    memory: int = 500
    after: tuple = ()
    alone: bool = False
    limit: int = 2400
    closes: str = ""
    usual: bool = True
    isolated: bool = True


def build(name, command, **more):
    return Job(name, command, isolated=False, **more)


def layer(name, least, command, **more):
    return Job(name, command, least=least, **more)


MAKE = "make --no-print-directory -s -j$(nproc) "
BUILDS = [
    build("programs", MAKE + "programs", cores=1.8, memory=1500),
    build("rig", "bash tests/realkube/build.sh if-possible", cores=1, memory=3000),
    build("fuzzers", MAKE + "FLAVOUR=asan fuzzers", cores=1, memory=1500, after=("programs",)),
    build("sanitizers", MAKE + "FLAVOUR=asan all programs", cores=1, memory=1500, after=("fuzzers",)),
]

REAL, SIM = "env RIG=real ", "env RIG=sim "
BROWSER = SIM + "PICTURES=no bash tests/browser/run.sh "  # the pictures are for whoever looks at them
BOTH = ("programs", "rig")
LAYERS = [
    layer("scheduler", 36, "bash tests/run/scheduler.sh", seconds=45, cores=0.1, memory=100),
    layer("unit", 310, "bash tests/lib/unit.sh", seconds=150, cores=1.1, memory=500, after=("programs",)),
    layer("launcher", 68, "bash tests/run/launcher.sh", seconds=45, cores=0.8, memory=500, after=("programs",)),
    layer("packages", 8, "bash tests/run/packages.sh", seconds=1, cores=0.5, memory=50),
    layer("clone", 9, "bash tests/run/clone.sh", seconds=22, cores=1.5, memory=1500),
    layer("http", 257, "bash tests/http/run.sh", seconds=60, cores=0.6, memory=500, after=("programs",)),
    layer("client", 70, REAL + "bash tests/client/run.sh", seconds=18, cores=0.5, memory=700, after=BOTH),
    layer("simclient", 70, SIM + "bash tests/client/run.sh", closes="client", seconds=5, cores=0.3, memory=200, after=("programs",)),
    layer("fuzz", 49, "bash tests/fuzz/run.sh", seconds=5, cores=1, memory=400, after=("fuzzers",)),
    layer("sim", 20, "bash tests/sim/run.sh", seconds=10, cores=0.5, memory=200),
    layer("kubefate", 34, "bash tests/kubefate/run.sh", seconds=55, cores=0.5, memory=500, after=("rig",)),
    layer("flow", 26, REAL + "bash tests/flow/run.sh", seconds=105, cores=0.6, memory=1300, after=BOTH),
    layer("simflow", 42, SIM + "bash tests/flow/run.sh", closes="flow", seconds=145, cores=0.3, memory=500, after=("programs",)),
    layer("faults", 30, SIM + "bash tests/faults/run.sh", seconds=100, cores=0.6, memory=600, after=("programs",)),
    layer("waits", 34, SIM + "bash tests/waits/run.sh", seconds=165, cores=0.6, memory=600, after=("programs",)),
    layer("controllers", 15, REAL + "bash tests/waits/run.sh controllers", closes="waits", seconds=95, cores=0.6, memory=1300, after=BOTH),
    layer("kills", 16, SIM + "bash tests/kills/run.sh", seconds=210, cores=0.3, memory=400, after=("programs",)),
    layer("chaos", 36, "bash tests/chaos/run.sh", seconds=285, cores=1.1, memory=2000, after=BOTH),
    layer("scale", 6, "bash tests/scale/run.sh smoke", seconds=35, cores=0.5, memory=500, after=("programs",)),
    layer("hosts", 17, "bash tests/hosts/run.sh", seconds=210, cores=0.7, memory=1500, after=("programs",)),
    layer("demo", 114, "bash tests/demo/run.sh", seconds=190, cores=0.4, memory=600, after=("programs",)),
    layer("browser", 80, BROWSER + "en zh plain", seconds=190, cores=0.8, memory=2000, after=("programs",)),
    layer("tour", 29, BROWSER + "tour-en tour-zh", closes="browser", seconds=160, cores=0.6, memory=1500, after=("programs",)),
    layer("guide", 17, SIM + "bash tests/flow/run.sh guide", closes="flow", seconds=30, cores=0.5, memory=500, after=("programs",), usual=False),
    layer("check", 5, "bash tests/run/check.sh", seconds=25, cores=1, memory=1000, after=("programs",), usual=False),
    layer("asan-unit", 310, "env FLAVOUR=asan ENGINE_SEEDS=20 bash tests/lib/unit.sh", closes="unit", seconds=190, cores=1.1, memory=1300, after=("sanitizers",), usual=False),
    layer("asan-http", 257, "env STACK_BIN=build/asan/bin bash tests/http/run.sh", closes="http", seconds=85, cores=0.6, memory=1500, after=("sanitizers",), usual=False),
]
