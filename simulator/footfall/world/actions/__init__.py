"""What users do beside clicking and buying: fill carts, rate, search, look at similar items."""
