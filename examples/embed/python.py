#!/usr/bin/env python3
"""python.py -- inside Python's asyncio, by ctypes on libouro.so: no C to compile.  ★★

The host ticks a hundred times a second and answers a line on stdin; `leave`, as a line or as
POST /leave, sees the guest out. Python's lock is held in callbacks, and not while ouro works.

    OURO_SO=/usr/local/lib/libouro.so python3 python.py [PORT]
    curl http://127.0.0.1:8080/ && curl -X POST http://127.0.0.1:8080/leave
"""
import asyncio
import ctypes
import os
import sys
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_uint, c_void_p


class Str(Structure):
    _fields_ = [("ptr", c_char_p), ("len", ctypes.c_size_t)]


class HttpOpts(Structure):  # the first of ouro_http_opts; zeroes behind them are its defaults
    _fields_ = [("host", c_char_p), ("port", ctypes.c_uint16), ("unix_path", c_char_p),
                ("routes", c_void_p), ("on_request", c_void_p), ("arg", c_void_p),
                ("rest", c_void_p * 64)]


Callback = CFUNCTYPE(None, c_void_p, c_void_p)
library = ctypes.CDLL(os.environ.get("OURO_SO", "libouro.so.0"))


def ouro(name, result, *args):
    return CFUNCTYPE(result, *args)(("ouro_" + name, library))


loop_new = ouro("loop_new", c_void_p, c_void_p)
loop_fd = ouro("loop_fd", c_int, c_void_p)
loop_turn = ouro("loop_turn", ctypes.c_bool, c_void_p)
loop_free = ouro("loop_free", None, c_void_p)
http_listen = ouro("http_listen", c_int, c_void_p, POINTER(HttpOpts), POINTER(c_void_p))
server_url = ouro("server_url", c_char_p, c_void_p)
server_close = ouro("server_close", None, c_void_p, c_uint)
server_on_close = ouro("server_on_close", None, c_void_p, Callback)
req_method = ouro("req_method", Str, c_void_p)
req_target = ouro("req_target", Str, c_void_p)
req_reply = ouro("req_reply", c_int, c_void_p, c_int, c_char_p, Str)


class Guest:
    """answer(method, target) gives a status and a text, both for the client."""

    def __init__(self, port, answer):
        self.answer = answer
        self.callbacks = Callback(self.on_request), Callback(self.on_close)  # must outlive it
        self.loop, self.server = loop_new(None), c_void_p()
        opts = HttpOpts(host=b"127.0.0.1", port=port,
                        on_request=ctypes.cast(self.callbacks[0], c_void_p))
        err = http_listen(self.loop, byref(opts), byref(self.server))
        if err:
            loop_free(self.loop)
            raise OSError(-err, os.strerror(-err))
        server_on_close(self.server, self.callbacks[1])
        asyncio.get_running_loop().add_reader(loop_fd(self.loop), loop_turn, self.loop)

    def on_request(self, req, arg):
        status, text = self.answer(req_method(req).ptr, req_target(req).ptr)
        req_reply(req, status, b"text/plain", Str(text, len(text)))

    def leave(self):
        if self.loop:
            server_close(self.server, 1000)

    def on_close(self, report, arg):
        self.end()

    def end(self):
        loop, self.loop = self.loop, None
        if loop:
            asyncio.get_running_loop().remove_reader(loop_fd(loop))
            loop_free(loop)
            print("the guest has left", flush=True)


async def main():
    ticks, host, end = 0, asyncio.get_running_loop(), asyncio.Event()

    def answer(method, target):
        if target == b"/":
            return 200, b"the host has ticked %d times\n" % ticks
        if (method, target) != (b"POST", b"/leave"):
            return 404, b"not found\n"
        guest.leave()
        return 200, b"goodbye\n"

    def on_line():
        line = os.read(0, 256)
        if line == b"leave\n":
            guest.leave()
        elif line:
            print(f"tick {ticks}: {line.decode()}", end="", flush=True)
        else:
            end.set()

    def on_tick():
        nonlocal ticks
        ticks += 1
        host.call_later(0.01, on_tick)

    guest = Guest(int(sys.argv[1]) if len(sys.argv) > 1 else 8080, answer)
    print("listening on", server_url(guest.server).decode(), flush=True)
    host.add_reader(0, on_line)
    on_tick()
    await end.wait()
    guest.end()


asyncio.run(main())
