"""What is measured of a log: metrics of arms, trends, slates, the model's signal."""
