"""ws.py -- Python's websockets, as a peer of ws.c.

    python3 ws.py serve      prints "listening on ws://..."; serves until it is killed
    python3 ws.py URL        asks; prints "ok", or what was wrong
"""
import asyncio, sys
import websockets

async def echo(ws, path=None):
    try:
        await answer(ws)
    except websockets.ConnectionClosed:
        pass # with a code that is no plain 1000

async def answer(ws):
    async for message in ws:
        if isinstance(message, str) and message.startswith("close "):
            _, code, reason = message.split(" ", 2)
            await ws.close(int(code), reason)
        else:
            await ws.send(message)

async def serve():
    async with websockets.serve(echo, "127.0.0.1", 0, subprotocols=["echo"], max_size=None) as server:
        print("listening on ws://127.0.0.1:%d/" % server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()

async def echoes(ws, message):
    half = len(message) // 2
    for sent in (message, [message[:half], message[half:]]):
        await ws.send(sent)
        back = await ws.recv()
        assert back == message, "%d came back as %d" % (len(message), len(back))

async def end_of(ws):
    try:
        await ws.recv()
    except websockets.ConnectionClosed as end:
        return end.rcvd and (end.rcvd.code, end.rcvd.reason)

async def ask(url):
    async with websockets.connect(url, subprotocols=["other", "echo"], max_size=None) as ws:
        assert ws.subprotocol == "echo", ws.subprotocol
        for n in 0, 1, 125, 126, 127, 65535, 65536, 1000000:
            await echoes(ws, ("a\u00e4\u20ac\U0001f40d" * n)[:n // 3])
            await echoes(ws, bytes(i & 255 for i in range(n)))
        await (await ws.ping("are you there?"))
        await ws.close(4000, "done")
        assert ws.close_code == 4000, ws.close_code
    async with websockets.connect(url) as ws:
        assert ws.subprotocol is None, ws.subprotocol
        await ws.send("close 4001 as you like")
        assert await end_of(ws) == (4001, "as you like")
    async with websockets.connect(url) as ws:
        await ws.send(bytes(5 << 20))
        assert (await end_of(ws))[0] == 1009
    print("ok")

asyncio.run(serve() if sys.argv[1] == "serve" else ask(sys.argv[1]))
