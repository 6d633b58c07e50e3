"""What programs ask for: ``/v1`` and ``/metrics``."""
