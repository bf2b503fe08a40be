"""What Dagster sees, thin, in the order data flows. Nothing outside this folder and `definitions` imports Dagster."""
