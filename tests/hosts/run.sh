#!/bin/bash
# Three hosts, each in namespaces of its own, behind one nginx, with PostgreSQL and a replica on two more: rolling restarts, a newer version side by side with
# the old one, restarts and loss of the database, loss of a host; all under load (about four minutes). Last line: hosts: N passed, N failed, N skipped
#   HOSTS_SEED=number   repeats the choices of a run (printed at its start)
set -u
cd "$(dirname "$0")/../.." || exit 2
if [ "$(id -u)" != 0 ]; then
  echo "only root may make the namespaces in which the hosts live"
  echo "hosts: 0 passed, 0 failed, 1 skipped"
  exit 0
fi
. tests/lib/rig.sh
export RIG=${RIG:-sim} # Kubernetes is not what is tried here; RIG=real takes real control planes
rig_layer hosts python3 -B tests/hosts/run.py
