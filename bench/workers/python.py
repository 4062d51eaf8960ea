# python.py -- messages by multiprocessing's Pipe, between processes. See run.
import multiprocessing
import sys
import time

TASKS = {
    "trip_64": (5000, 64), "trip_64k": (2000, 65536), "trip_16m": (10, 16 << 20),
    "way_64": (100000, 64), "way_64k": (5000, 65536), "way_16m": (20, 16 << 20),
}


def far(end, n, echo):
    for i in range(n):
        message = end.recv_bytes()
        if echo or i + 1 == n:
            end.send_bytes(message)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("\n".join(TASKS))
        sys.exit()
    name = sys.argv[1]
    n, size = TASKS[name]
    echo = name.startswith("trip")
    here, there = multiprocessing.Pipe()
    worker = multiprocessing.Process(target=far, args=(there, n, echo))
    worker.start()
    message = bytes(size)
    began = time.perf_counter_ns()
    for i in range(n):
        here.send_bytes(message)
        if echo:
            here.recv_bytes()
    if not echo:
        here.recv_bytes()
    print(f"{name}\twall\tns\t{(time.perf_counter_ns() - began) / n}")
    worker.join()
