"""People and items turned into tokens, safely."""
