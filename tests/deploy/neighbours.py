"""What a container finds around it: a name server, and a platform that speaks TLS."""

import http.server
import random
import socket
import ssl
import subprocess
import threading


class NameServer:
    """Answers every question for an IPv4 address with 127.0.0.1, and says that there is no IPv6 address."""

    # Its port is settled, so that each run has an address of its own.
    ADDRESS = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(2, 254)}"

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.ADDRESS, 53))
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self):
        while True:
            asked, caller = self.socket.recvfrom(512)
            question = asked[12 : asked.index(b"\0", 12) + 5]
            is_v4 = question[-4:-2] == b"\0\1"
            found = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" if is_v4 else b""
            flags = b"\x81\x80\0\1\0" + bytes([is_v4]) + b"\0\0\0\0"
            self.socket.sendto(asked[:2] + flags + question + found, caller)


class Platform:
    """A server under https whose authority nobody knows yet; it knows nothing, and notes that it was asked."""

    def __init__(self, folder):
        self.asked = threading.Event()
        self.authority, key = folder / "authority.pem", folder / "authority.key"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=a platform", "-addext", "subjectAltName=DNS:platform.test"]
        command += ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(key), "-out", str(self.authority)]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority, key)
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.set()
                self.send_error(404)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
