# shellcheck shell=bash
# The layers of `make test`, sourced by tests/all.sh: layer NAME LEAST COMMAND...
# client and flow run twice, with the same expectations: on real control planes (skipped without Go) and on the simulator. The other layers with a cluster take
# real ones where they can be had.
layer unit 310 bash tests/lib/unit.sh
layer launcher 67 bash tests/run/launcher.sh
layer packages 8 bash tests/run/packages.sh
layer clone 9 bash tests/run/clone.sh
layer http 257 bash tests/http/run.sh
layer client 70 env RIG=real bash tests/client/run.sh
layer simclient 70 env RIG=sim bash tests/client/run.sh
layer fuzz 49 bash tests/fuzz/run.sh
layer sim 20 bash tests/sim/run.sh
layer kubefate 34 bash tests/kubefate/run.sh
layer flow 42 env RIG=real bash tests/flow/run.sh
layer simflow 42 env RIG=sim bash tests/flow/run.sh
layer faults 30 bash tests/faults/run.sh
layer waits 37 bash tests/waits/run.sh
layer kills 16 bash tests/kills/run.sh
layer chaos 36 bash tests/chaos/run.sh
layer scale 6 bash tests/scale/run.sh smoke
layer hosts 17 bash tests/hosts/run.sh
layer demo 116 bash tests/demo/run.sh
layer browser 109 bash tests/browser/run.sh
