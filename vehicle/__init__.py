"""The vocabulary that the dongle and the server share: signals, codes, identities, batches and the wire.

Pure: nothing in here reads a clock, a disk or a network.
"""
