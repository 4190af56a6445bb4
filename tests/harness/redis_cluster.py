"""A Redis Cluster of several masters, each with replicas, on loopback."""

import redis as redis_client

from stack import Redis, free_port, wait_for

SLOTS = 16384


def slot_of(key):
    """CRC-16/XMODEM of what stands in the first braces."""
    start, end = key.find("{"), key.find("}")
    tag = key[start + 1:end] if 0 <= start < end - 1 else key
    crc = 0
    for byte in tag.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xffff
    return crc % SLOTS


class Cluster:
    def __init__(self, stack, folder, masters=3, replicas=0, timeout_ms=1000, options=()):
        self.nodes = []
        for number in range(masters * (1 + replicas)):
            bus = free_port()
            self.nodes.append(stack.keep(Node(folder / f"node-{number}", options=[
                "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", timeout_ms,
                "--cluster-replica-validity-factor", 0, "--repl-diskless-sync-delay", 0,
                *options])))
            self.nodes[-1].bus = bus
        self.masters = self.nodes[:masters]
        for number, node in enumerate(self.masters):
            first = SLOTS * number // masters
            last = SLOTS * (number + 1) // masters - 1
            node.cluster("ADDSLOTSRANGE", first, last)
            node.cluster("SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            node.cluster("MEET", "127.0.0.1", self.nodes[0].port, self.nodes[0].bus)
        wait_for(lambda: all(node.knows(len(self.nodes)) for node in self.nodes), 20,
                 "the nodes to know each other")
        for number, node in enumerate(self.nodes[masters:]):
            node.cluster("REPLICATE", self.masters[number % masters].identity())
        wait_for(lambda: all(node.is_fine() for node in self.nodes), 20, "the cluster to be fine")
        if replicas:
            wait_for(lambda: all(node.client.info("replication")["master_link_status"] == "up"
                                 for node in self.nodes[masters:]), 20, "the replicas to follow")

    @property
    def url(self):
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def bring_back(self, stack, old):
        """It becomes a replica of the node that has its slots now."""
        node = stack.keep(old.again())
        self.nodes[self.nodes.index(old)] = node
        wait_for(lambda: node.client.role()[0] == b"slave" and
                 node.client.info("replication")["master_link_status"] == "up", 60,
                 "the old primary to follow the new one")
        wait_for(lambda: all(each.is_fine() for each in self.nodes), 30)

    def owner(self, key):
        """The node that holds the key's slot now, as the nodes that run say it."""
        slot = slot_of(key)
        for node in self.nodes:
            try:
                if node.is_running() and node.client.role()[0] == b"master" and \
                        node.holds(slot):
                    return node
            except redis_client.exceptions.RedisError:
                pass
        return None


class Node(Redis):
    def again(self):
        """As it was in the cluster: its folder knows that."""
        node = Node(self.folder, self.fsync, self.port, options=self.options)
        node.bus = self.bus
        return node

    def cluster(self, *words):
        return self.client.execute_command("CLUSTER", *words)

    def identity(self):
        answer = self.cluster("MYID")
        return answer.decode() if isinstance(answer, bytes) else answer

    def text(self, *words):
        answer = redis_client.Redis(host="127.0.0.1", port=self.port).execute_command(*words)
        return answer.decode() if isinstance(answer, bytes) else str(answer)

    def knows(self, count):
        return self.info()["cluster_known_nodes"] == str(count)

    def is_fine(self):
        return self.info()["cluster_state"] == "ok"

    def info(self):
        answer = self.cluster("INFO")
        if isinstance(answer, dict):
            return {key: str(value) for key, value in answer.items()}
        return dict(line.split(":", 1) for line in answer.decode().split())

    def holds(self, slot):
        me = self.identity()
        for first, last, master, *_ in self.rows():
            if first <= slot <= last:
                return master[2].decode() == me
        return False

    def rows(self):
        """CLUSTER SLOTS as it comes."""
        connection = redis_client.Connection(host="127.0.0.1", port=self.port, socket_timeout=5)
        try:
            connection.send_command("CLUSTER", "SLOTS")
            return connection.read_response()
        finally:
            connection.disconnect()
