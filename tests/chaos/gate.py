"""What stands between the workers and the agent: a load balancer with https, behind a packet filter.

`gate.py PORT AGENT_PORT [CERTIFICATE KEY]` passes on what comes to PORT, decrypted if there is a
certificate. On standard input `drop` makes the kernel drop every packet that comes for its sockets on
this side, new connections and open ones, as a firewall does whose rules have changed; `take` ends it.
"""

import asyncio
import pathlib
import ssl
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from namespace import drop_packets, take_packets  # noqa: E402

CHUNK_BYTES = 65536


class Gate:
    def __init__(self, agent_port):
        self.agent_port = agent_port
        self.sockets = set()  # on the workers' side

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(CHUNK_BYTES):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(self, reader, writer):
        connection = writer.get_extra_info("socket")
        self.sockets.add(connection)
        try:
            agent_reader, agent_writer = await asyncio.open_connection("127.0.0.1", self.agent_port)
            await asyncio.gather(self.pump(reader, agent_writer), self.pump(agent_reader, writer))
        except OSError:
            writer.close()
        finally:
            self.sockets.discard(connection)

    def tell(self, word):
        for connection in self.sockets:
            try:
                (drop_packets if word == "drop" else take_packets)(connection)
            except OSError:
                pass  # it is being closed


async def main(port, agent_port, *certificate):
    gate = Gate(int(agent_port))
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    server = await asyncio.start_server(gate.serve, "127.0.0.1", int(port), ssl=context, backlog=4096)
    gate.sockets.update(server.sockets)
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    print("ready", flush=True)
    while word := (await words.readline()).decode().strip():
        gate.tell(word)
        print("done", flush=True)


asyncio.run(main(*sys.argv[1:]))
