"""asyncio_server.py -- a small HTTP server on asyncio's streams, and three places for its long work.

    python3 asyncio_server.py inline -p PORT      in the coroutine
    python3 asyncio_server.py threads -p PORT     run_in_executor(), two threads
    python3 asyncio_server.py processes -p PORT   run_in_executor(), two processes
    python3 asyncio_server.py                     the version
"""
import asyncio
import concurrent.futures
import platform
import sys
from urllib.parse import parse_qs, urlsplit


def spin(steps):
    x = 2463534242
    for _ in range(steps):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
    return x


def executor(how):
    if how == "threads":
        return concurrent.futures.ThreadPoolExecutor(2)
    return concurrent.futures.ProcessPoolExecutor(2)


async def answer_to(target, pool):
    url = urlsplit(target)
    if url.path != "/cpu":
        return "pong"
    steps = int(parse_qs(url.query)["n"][0])
    if not pool:
        return f"{spin(steps)}\n"
    return f"{await asyncio.get_running_loop().run_in_executor(pool, spin, steps)}\n"


async def serve(how, port):
    pool = None if how == "inline" else executor(how)

    async def connection(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await answer_to(head.split(b" ", 2)[1].decode(), pool)
                writer.write(
                    f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        print(platform.python_version())
    else:
        asyncio.run(serve(sys.argv[1], int(sys.argv[3])))
