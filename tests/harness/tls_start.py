"""/start over https in the test's own process: its certificate can change, and it notes which connections
resumed a TLS session."""

import http.server
import json
import socketserver
import ssl
import threading

BOT = {"dailyRoom": "https://example.daily.co/r", "dailyToken": "t", "sessionId": "s"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.owner.requests.append(json.loads(raw))
        body = json.dumps(self.server.owner.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if not self.server.owner.keeps_connections:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def finish_request(self, plain, address):
        """In the connection's own thread."""
        owner = self.owner
        with owner.context.wrap_socket(plain, server_side=True) as tls:
            owner.resumed.append(tls.session_reused)
            self.RequestHandlerClass(tls, address, self)
            tls.unwrap()  # without it OpenSSL resumes no session of TLS 1.2

    def handle_error(self, request, client_address):
        pass  # a client that does not trust it breaks the handshake off


class TlsStart:
    def __init__(self, files, version=None, keeps_connections=True, answer=None):
        """`files`: certificate and key. `version`: the only one of TLS."""
        self.version, self.keeps_connections = version, keeps_connections
        self.answer = BOT if answer is None else answer
        self.requests, self.resumed = [], []
        self.show(files)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def show(self, files):
        """This certificate from now on. Sessions of before can still be resumed."""
        if not hasattr(self, "context"):
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self.version:
            self.context.minimum_version = self.context.maximum_version = self.version
        self.context.load_cert_chain(*files)

    @property
    def url(self):
        return f"https://localhost:{self.port}/start"

    @property
    def handshakes(self):
        return len(self.resumed)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
