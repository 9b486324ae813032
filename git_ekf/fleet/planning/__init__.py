"""The plans of many clusters, made together: what they have in common is asked and merged once."""
