"""How long tests wait for something, and how often they look."""
import time

PATIENCE = 240  # seconds; a limit against waiting for ever, not a demand: much goes on side by side, and the machine may be slow
SHORTEST, LONGEST = 0.05, 0.5  # seconds between two looks


def looks(pause=None):
    """Yields the number of each look, from 0, until the patience is at an end. Between two it rests: pause seconds, or a tenth of the
    time that has been waited for (a look costs the product something too, and many look at once)."""
    began, n = time.monotonic(), 0
    while True:
        yield n
        n, waited = n + 1, time.monotonic() - began
        if waited > PATIENCE:
            return
        time.sleep(pause or min(LONGEST, max(SHORTEST, waited / 10)))
