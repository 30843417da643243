"""Promised times: proposed by themselves, accepted by people."""
