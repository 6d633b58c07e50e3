"""Run folders read: logs, parts, and what validation found."""
