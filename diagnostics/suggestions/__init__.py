"""From alarms to findings, and from findings to advice for a person."""
