"""The one way from a sandbox to a network: a proxy of ours that passes the hosts of an allow-list, and nothing else.

The sandbox has a network of its own with nothing in it but a loopback interface. On that interface listens a socket
which was made in there and then handed to this program (:mod:`aci_tools.gate.door`); whoever connects to it speaks with
a :class:`~aci_tools.gate.gate.Gate`, here. So no route leads around the gate, and names are looked up here, after the
list was asked.
"""
