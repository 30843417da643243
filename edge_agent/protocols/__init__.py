"""What is said on a car's buses: bytes to meanings and back, without I/O."""
