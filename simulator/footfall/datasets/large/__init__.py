"""Logs larger than memory: cleaned in parts, kept on disk, and read of as many users as fit."""
