"""Starts a rig of one cluster in which the image federatedai/kubefate is the stand-in, and the contract tests inside it. See run.sh."""
import os, sys
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import program
from rig import Rig


def main():
    limit = "3600" if program.is_real() else "20"  # the stand-in's jobs end early enough to be waited for
    limit = os.environ.setdefault("KUBEFATE_TIME_LIMIT", limit)
    with Rig(["a"], [program.rule("--time-limit", limit)]) as rig, program.Charts(rig):
        code = rig.run_inside([sys.executable, "-B", os.path.join(HERE, "contract_test.py")] + sys.argv[1:], env=dict(os.environ, KUBEFATE_RIG=rig.dir)).returncode
        if code:
            program.print_logs(rig)
    return code


if __name__ == "__main__":
    sys.exit(main())
