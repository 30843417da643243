"""From MQTT to durable, validated, de-duplicated telemetry, and the only way to read it back."""
