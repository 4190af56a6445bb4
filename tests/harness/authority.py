"""A certificate authority made for a test, and the certificates that it signs."""

import subprocess


def openssl(folder, *words):
    subprocess.run(["openssl", *map(str, words)], cwd=folder, check=True, capture_output=True)


class Authority:
    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj",
                f"/CN={name}")
        self.file = folder / f"{name}.pem"

    def certificate(self, name, subject="IP:127.0.0.1,DNS:localhost", days=2):
        """The files of a certificate and its key."""
        openssl(self.folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (self.folder / "extensions").write_text(f"subjectAltName={subject}\n")
        openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", "-CA", self.file, "-CAkey",
                f"{self.name}.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", days,
                "-extfile", "extensions")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"
