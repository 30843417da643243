"""What runs in the car: from a bus to samples, a spool on disk, and an uplink over MQTT."""
