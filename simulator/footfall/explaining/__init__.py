"""Why a simulated user did it."""
