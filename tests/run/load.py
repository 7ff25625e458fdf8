#!/usr/bin/env python3
"""GETs from several clients for some seconds; prints how many answers there were and how many were not 200.

usage: load.py URL CLIENTS SECONDS"""
import http.client
import sys
import threading
import time
import urllib.parse

url, clients, seconds = urllib.parse.urlsplit(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
counts = {}
lock = threading.Lock()


def one():
    mine = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            c = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
            c.request("GET", url.path)
            r = c.getresponse()
            r.read()
            key = str(r.status)
            c.close()
        except OSError as e:
            key = type(e).__name__
        mine[key] = mine.get(key, 0) + 1
    with lock:
        for k, v in mine.items():
            counts[k] = counts.get(k, 0) + v


threads = [threading.Thread(target=one) for _ in range(clients)]
for t in threads:
    t.start()
for t in threads:
    t.join()
total = sum(counts.values())
print(f"{total} answers, {total - counts.get('200', 0)} not 200: {counts}")
