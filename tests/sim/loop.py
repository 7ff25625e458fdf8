"""One thread that does everything that happens by itself: what was put off until a time, and what a change made due. Each task runs with the store's lock."""
import heapq, itertools, threading, time, traceback


class Loop(threading.Thread):
    def __init__(self, lock):
        super().__init__(daemon=True)
        self.tasks, self.due, self.number = [], {}, itertools.count()
        self.lock, self.wake = lock, threading.Condition(lock)

    def at(self, seconds, f, *args):
        """f(*args) after so many seconds. The same call that is due already is not put in twice, but may come earlier."""
        with self.lock:
            when, key = time.monotonic() + seconds, (f,) + args
            if self.due.get(key, when + 1) <= when:
                return
            self.due[key] = when
            heapq.heappush(self.tasks, (when, next(self.number), key))
            self.wake.notify()

    def run(self):
        with self.lock:
            while True:
                while not self.tasks or self.tasks[0][0] > time.monotonic():
                    self.wake.wait(max(0.001, self.tasks[0][0] - time.monotonic()) if self.tasks else None)
                when, _, key = heapq.heappop(self.tasks)
                if self.due.get(key) != when:
                    continue  # it was brought forward
                del self.due[key]
                try:
                    key[0](*key[1:])
                except Exception:
                    traceback.print_exc()
                    self.at(1, *key)
