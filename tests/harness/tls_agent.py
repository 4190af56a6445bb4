"""An agent over https: `tls_agent.py CERTIFICATE PORT LATENCY_S NOTES`. Each /start gets a 200 after
the latency. SIGTERM writes the notes (handshakes, requests, first and last request's time)."""

import asyncio
import json
import pathlib
import signal
import ssl
import sys
import time

ANSWER = b'{"dailyRoom":"https://example.daily.co/r","dailyToken":"t","sessionId":"s"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)


class Agent:
    def __init__(self, latency_s):
        self.latency_s = latency_s
        self.handshakes = 0
        self.times = []

    async def serve(self, reader, writer):
        self.handshakes += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [int(line.split(b":")[1]) for line in head.split(b"\r\n")
                          if line.lower().startswith(b"content-length:")]
                await reader.readexactly(length[0])
                self.times.append(time.time())
                await asyncio.sleep(self.latency_s)
                writer.write(HEAD + ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()


async def main(certificate, port, latency_s, notes):
    agent = Agent(float(latency_s))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await asyncio.start_server(agent.serve, "127.0.0.1", int(port), ssl=context, backlog=4096)
    print("ready", flush=True)
    await stopped.wait()
    pathlib.Path(notes).write_text(json.dumps({
        "handshakes": agent.handshakes, "requests": len(agent.times),
        "first": min(agent.times, default=0), "last": max(agent.times, default=0)}))


asyncio.run(main(*sys.argv[1:]))
