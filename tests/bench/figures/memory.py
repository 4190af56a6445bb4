"""Resident memory of both programs, idle and loaded."""

import socket

import daily
import http_raw
from lab import resident_mb
from stack import wait_for
from table import Row, at_most

CONNECTIONS = 10000
REQUESTS_OUT = 5000
IN_LINE = 100000
LONG_MS = 60000  # the agent answers long after the measurement
NO_DRAIN = {"DRAIN_TIMEOUT_S": "0"}
TIMEOUT_S = 60

ROWS = [
    Row("ingress_idle", "resident: ingress idle", "MB", (at_most(8),)),
    Row("ingress_connections", "ingress, 10,000 connections", "MB",
        (at_most(120),)),
    Row("worker_idle", "worker idle", "MB", (at_most(12),)),
    Row("worker_out", "worker, 5,000 requests out", "MB", (at_most(120),)),
    Row("worker_line", "worker, 100,000 calls waiting in line", "MB", (at_most(60),)),
]


def signed_webhook():
    body = daily.body(daily.webhook())
    return http_raw.request("POST", "/api/dial", daily.headers(body), body)


def hold_connections(ingress):
    clients = []
    try:
        for _ in range(CONNECTIONS):
            client = socket.create_connection(("127.0.0.1", ingress.port))
            clients.append(client)
            client.sendall(signed_webhook())
        for client in clients:
            assert client.recv(4096).startswith(b"HTTP/1.1 200"), "a webhook was not taken"
        return resident_mb(ingress)
    finally:
        for client in clients:
            client.close()


def take_ingress(lab):
    with lab.stack() as stack:
        ingress = stack.ingress()
        idle_mb = resident_mb(ingress)
        return {"ingress_idle": idle_mb, "ingress_connections": hold_connections(ingress)}


def take_requests_out(lab):
    with lab.stack() as stack:
        agent = stack.fast_agent(LONG_MS)
        worker = stack.worker(agent, CONCURRENCY="8192", START_TIMEOUT_S="120", **NO_DRAIN)
        idle_mb = resident_mb(worker)
        stack.fill(REQUESTS_OUT)
        wait_for(lambda: agent.connections() == REQUESTS_OUT, TIMEOUT_S, "requests out")
        return {"worker_idle": idle_mb, "worker_out": resident_mb(worker)}


def take_line(lab):
    with lab.stack() as stack:
        agent = stack.fast_agent(status=429)
        worker = stack.worker(agent, HOLD_LIMIT_S="3600", **NO_DRAIN)
        stack.fill(IN_LINE)
        wait_for(lambda: stack.in_line() >= IN_LINE - 1, TIMEOUT_S, "calls in line")
        return {"worker_line": resident_mb(worker)}


def take(lab):
    return {**take_ingress(lab), **take_requests_out(lab), **take_line(lab)}
