"""How often detectors are wrong and how soon they are right, measured; each module here prints its numbers."""
