"""nginx and haproxy in front of an ingress, as users run them, with a configuration of their own.

Each lets /api/dial through and refuses every other path with 403 by itself. The ingress takes
webhooks at /daily-dialin-webhook too: one that is sent there through a proxy and still arrives can
only have been smuggled past it. Connections to the ingress are kept and shared among clients, which
is what makes smuggling dangerous. The `lax` ones pass on as much as they can be told to.
"""

import shutil

import daily
from stack import Ingress, Process, Program, START_TIMEOUT_S, free_port, wait_for
import http_raw

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""

NGINX_OF_INGRESS = """
    upstream ingress {{
        # A refused connection must not bar a server that is about to come back.
        {servers}
        {keepalive}
    }}
    server {{
        listen 127.0.0.1:{port};
        keepalive_requests 100000;
        {options}
        location = /api/dial {{
            proxy_pass http://ingress;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
        location / {{ return 403; }}
    }}
"""

NGINX_LAX = """
        ignore_invalid_headers off;
        underscores_in_headers on;
        merge_slashes off;
        large_client_header_buffers 8 32k;
        proxy_request_buffering off;
"""

HAPROXY = """
global
    nbthread 1
    maxconn 200
    tune.bufsize 65536
    tune.http.maxhdr 400
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    http-reuse always
    option http-keep-alive
frontend front
    bind 127.0.0.1:{port}
    {options}
    http-request deny deny_status 403 if !{{ path /api/dial }}
    default_backend ingress
backend ingress
    server one 127.0.0.1:{ingress_port}
"""


def need(program):
    found = shutil.which(program, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert found, f"{program} is not installed; these tests are run through it"
    return found


class Proxy(Process):
    """A proxy in the foreground, ended by its id."""

    def __init__(self, name, folder, port, command):
        self.port = port
        super().__init__(name, command, folder)

        def answers():
            assert self.is_running(), f"{self.name} left at once:\n{self.tail()}"
            try:
                return http_raw.ask(port, "GET", "/elsewhere").status == 403
            except OSError:
                return False
        wait_for(answers, START_TIMEOUT_S, f"{name} to answer")


def nginx_command(folder, http):
    """Makes the folder with a configuration that has `http` in it; returns the command."""
    folder.mkdir(parents=True)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, http=http))
    return [need("nginx"), "-e", "stderr", "-p", folder, "-c", config]


def nginx(folder, ingress_ports, options="", is_keeping_connections=True, name="nginx"):
    folder = folder / f"{name}-{free_port()}"
    port = free_port()
    http = NGINX_OF_INGRESS.format(
        port=port, options=options,
        servers=" ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ingress_ports),
        keepalive="keepalive 16;" if is_keeping_connections else "")
    return Proxy(name, folder, port, nginx_command(folder, http))


def haproxy(folder, ingress_port, options="", name="haproxy"):
    folder = folder / f"{name}-{free_port()}"
    folder.mkdir(parents=True)
    port = free_port()
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, ingress_port=ingress_port, options=options))
    return Proxy(name, folder, port, [need("haproxy"), "-db", "-f", config])


PROXIES = {
    "nginx": lambda folder, port: nginx(folder, [port]),
    "nginx, lax": lambda folder, port: nginx(folder, [port], NGINX_LAX, name="nginx-lax"),
    "haproxy": lambda folder, port: haproxy(folder, port),
    "haproxy, lax": lambda folder, port: haproxy(
        folder, port, "option accept-invalid-http-request", name="haproxy-lax"),
}


class Successor(Ingress):
    """An ingress on the port of one that has left."""

    def __init__(self, folder, values, port):
        self.port, self.admin_port = port, free_port()
        Program.__init__(self, "dialin-ingress", folder, {
            "PORT": self.port, "ADMIN_PORT": self.admin_port, "LISTEN_ADDR": "127.0.0.1",
            "PINLESS_HMAC_SECRET": daily.SECRET, **values})
        self.wait_until_it_listens(self.port)
        self.wait_until_it_listens(self.admin_port)
        self.wait_until_ready()
