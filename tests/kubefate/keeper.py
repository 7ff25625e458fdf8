"""Starts a program again and again, as a kubelet does with a container that ends:  keeper.py PROGRAM [ARGUMENT...]

For rigs in which KubeFATE is killed. In the working directory: `pid` names the program's process, `state` is the file that the program is told to use, and a
file `forget` tells that the next start must find nothing of it, as when a volume was lost."""
import ctypes, glob, os, signal, subprocess, sys, time

BACK_OFF_SECONDS = 1


def die_with_parent():
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


def main():
    while True:
        if os.path.exists("forget"):
            for f in set(glob.glob("state*")) - set(glob.glob("*.journal")):
                os.unlink(f)
            os.unlink("forget")
        child = subprocess.Popen(sys.argv[1:] + ["--state", "state"], preexec_fn=die_with_parent)
        with open("pid.new", "w") as f:
            f.write(str(child.pid))
        os.rename("pid.new", "pid")
        child.wait()
        time.sleep(BACK_OFF_SECONDS)


if __name__ == "__main__":
    main()
