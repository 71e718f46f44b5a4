"""What runs jobs: one `Engine` protocol, one module an engine."""
