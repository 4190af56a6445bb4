"""Daily's REST API as its documentation describes it (docs.daily.co, "domain-dialin-config"), over https
with a certificate of a test's authority. Numbers that are configured without a secret get a new one."""

import base64
import http.server
import json
import os
import ssl
import threading
import urllib.parse
import uuid

KEY = "key-of-the-domain-which-is-secret"


def new_secret():
    return base64.b64encode(os.urandom(32)).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value, headers=()):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        daily = self.server.daily
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        path = url.path.removeprefix("/v1")
        with daily.lock:
            daily.requests.append((self.command, path, body))
            fault = daily.fault_of(self.command, path)
        if fault:
            fault(self)
        elif self.headers.get("Authorization") != f"Bearer {KEY}":
            self.answer(401, {"error": "authentication-error", "info": "bad key"})
        else:
            with daily.lock:
                status, value = daily.carry_out(self.command, path, query,
                                                json.loads(body) if body else None)
            self.answer(status, value)

    do_GET = do_PUT = do_POST = do_DELETE = serve


def answers(status, value=b"", headers=()):
    return lambda handler: handler.answer(status, value, headers)


def closes(handler):
    handler.close_connection = True


def hangs(handler):
    handler.server.daily.closing.wait()
    handler.close_connection = True


class FakeDaily:
    def __init__(self, authority):
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.requests = []
        self.configs = []  # the newest first
        self.older = []
        self.webhooks = []
        self.list_hides = ()
        self.put_forgets = ()  # members that PUT takes and does not keep
        self.faults = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daily = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.certificate("daily"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.values = {"DAILY_API_URL": f"https://127.0.0.1:{self.server.server_port}/v1",
                       "DAILY_API_KEY": KEY, "DAILY_CA_FILE": authority.file}

    def add(self, phone_number=None, secret=None, kind="pinless_dialin", **config):
        with self.lock:
            self.configs.insert(0, {"id": str(uuid.uuid4()), "type": kind, "config": {
                "phone_number": phone_number, "hmac": secret or new_secret(), **config}})
            return self.configs[0]["config"]

    def add_webhook(self, url, types, **members):
        """For events, in the form that answers of Daily have been published in."""
        self.webhooks.append({"uuid": str(uuid.uuid4()), "url": url, "hmac": new_secret(), "basicAuth": None,
                              "retryType": "circuit-breaker", "eventTypes": list(types), "state": "ACTIVE",
                              "failedCount": 0, "lastMomentPushed": "2026-01-29T01:43:12.000Z",
                              "domainId": str(uuid.uuid4()), **members})
        return self.webhooks[-1]

    def config(self, phone_number):
        with self.lock:
            return next(entry["config"] for entry in self.configs
                        if entry["config"]["phone_number"] == phone_number)

    def fail(self, fault, method=None, path=None):
        """None: no longer. A path stands for all below it, too."""
        with self.lock:
            self.faults = {(method, path): fault} if fault else {}

    def fault_of(self, method, path):
        for (of_method, of_path), fault in self.faults.items():
            if of_method in (None, method) and (
                    of_path in (None, path) or path.startswith(f"{of_path}/")):
                return fault
        return None

    def carry_out(self, method, path, query, body):
        if path == "/":
            return 200, {"domain_name": "a", "config": {"pinless_dialin": self.older}}
        if path == "/webhooks" and method == "GET":
            return 200, self.webhooks
        if path == "/webhooks" and method == "POST":
            return 200, self.add_webhook(body.pop("url"), body.pop("eventTypes"), **body)
        for webhook in self.webhooks:  # the same URL turns a failed one on again
            if path == f"/webhooks/{webhook['uuid']}" and method == "POST":
                webhook.update(body, state="ACTIVE", failedCount=0)
                return 200, webhook
        if path == "/domain-dialin-config" and method == "GET":
            return 200, self.page(query)
        if path == "/domain-dialin-config" and method == "POST":
            config = {name: value for name, value in body.items() if name != "type"}
            entry = {"id": str(uuid.uuid4()), "type": body["type"],
                     "config": {"hmac": new_secret(), "sip_uri": "u@sip.example", **config}}
            self.configs.insert(0, entry)
            return 200, entry
        for entry in self.configs:
            if path == f"/domain-dialin-config/{entry['id']}":
                if method == "PUT":
                    entry["config"] = {"hmac": new_secret(), **{
                        name: value for name, value in body.items() if name not in self.put_forgets}}
                return 200, entry
        return 404, {"error": "not-found"}

    def page(self, query):
        first = 0
        if "starting_after" in query:
            ids = [entry["id"] for entry in self.configs]
            first = ids.index(query["starting_after"]) + 1
        shown = [{**entry, "config": {name: value for name, value in entry["config"].items()
                                      if name not in self.list_hides}}
                 for entry in self.configs[first:first + int(query.get("limit", 100))]]
        return {"total_count": len(self.configs), "data": shown}

    def asked(self, method):
        with self.lock:
            return [(path, json.loads(body) if body else None)
                    for of_method, path, body in self.requests if of_method == method]

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
