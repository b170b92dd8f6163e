"""An echo server on the `websockets` library: `[--cert FILE --key FILE] [--deflate]`. Prints its port."""

import argparse
import asyncio
import ssl

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def echo(connection):
    await connection.ping("are you there")
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        return  # the client is gone


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--deflate", action="store_true")
    options = parser.parse_args()
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    compression = "deflate" if options.deflate else None
    async with serve(echo, "127.0.0.1", 0, ssl=context, compression=compression, max_size=2**24) as server:
        print(f"ready on port {server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
