"""Words and numbers beside vectors: what a statement names, found in titles and facets of the catalogue."""
