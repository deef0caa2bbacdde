"""A network of a test's own, where addresses of the public internet and its names are this machine."""

import functools
import inspect
import os
import re
import socket
import subprocess
import threading

import pytest

PUBLIC = "8.8.4.4"  # any address that is not a special one; nothing leaves the machine


class Names:
    """Answers to DNS queries: `answers[name]` is a list of lists of addresses, one list a query; the
    last one again and again."""

    def __init__(self, address):
        self.answers = {}
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(512)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            name = ".".join(labels).lower()
            kind = int.from_bytes(query[at + 1:at + 3], "big")
            addresses = []
            if kind == 1 and self.answers.get(name):  # A
                self.asked.append(name)
                lists = self.answers[name]
                addresses = lists.pop(0) if len(lists) > 1 else lists[0]
            # RFC 1035, section 4.1; names that are not there have no addresses.
            head = query[:2] + b"\x81\x80\x00\x01" + len(addresses).to_bytes(2, "big") + bytes(4)
            records = b"".join(b"\xc0\x0c\x00\x01\x00\x01" + bytes(4) + b"\x00\x04" + socket.inet_aton(one)
                               for one in addresses)
            self.socket.sendto(head + query[12:at + 5] + records, client)


def in_own_network(test):
    """Runs a test in a network namespace with nothing but loopback, which also has the address PUBLIC
    and that of the name server, a Names. The test gets it as `names`. What it starts is there too."""

    @functools.wraps(test)
    def run(*arguments, **fixtures):
        failure = []

        def body():
            try:
                os.unshare(os.CLONE_NEWNET)
            except PermissionError:
                failure.append(pytest.skip.Exception("needs root for a network of its own"))
                return
            servers = re.findall(r"^nameserver\s+(\S+)", open("/etc/resolv.conf").read(), re.M)
            server = next((one for one in servers if ":" not in one), "127.0.0.1")
            try:
                subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
                for address in {PUBLIC, server} - {"127.0.0.1"}:
                    subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
                test(*arguments, names=Names(server), **fixtures)
            except BaseException as error:  # also what pytest uses to skip
                failure.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if failure:
            raise failure[0]

    # pytest looks for fixtures by the names of the parameters.
    signature = inspect.signature(test)
    run.__signature__ = signature.replace(
        parameters=[one for one in signature.parameters.values() if one.name != "names"])
    return run
