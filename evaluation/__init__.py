"""Offline evaluation of lists: data sets replayed prequentially, measures, tuning."""
