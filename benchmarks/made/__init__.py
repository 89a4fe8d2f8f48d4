"""What several benchmarks make up."""
