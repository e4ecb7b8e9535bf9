"""A provider that answers every refund at once: `python -m benchmarks.stripe_at_once`, which prints its port.

In a process of its own, so that what it does is not counted as ours.
"""

import asyncio
import sys
from typing import Final
from urllib.parse import parse_qs

END_OF_HEAD: Final = b"\r\n\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: a refund for each request, of the amount that it names."""
    try:
        while True:
            head = await reader.readuntil(END_OF_HEAD)
            lines = head.decode().lower().split("\r\n")
            length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
            form = parse_qs((await reader.readexactly(length)).decode())
            body = (
                f'{{"object": "refund", "id": "re_{form["charge"][0]}", "amount": {form["amount"][0]}, '
                '"currency": "gbp", "status": "succeeded"}'
            )
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}{END_OF_HEAD.decode()}{body}".encode())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    """Serve on a free port of the loopback interface until standard input ends, as it does with the parent."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
