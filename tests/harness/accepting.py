"""The loop of every server here that works on bare sockets."""


def accepted(listener):
    """Each connection that comes, with its address, until the listener is closed."""
    while True:
        try:
            connection = listener.accept()
        except OSError:
            return
        yield connection
